"""Results as a notebook shows them: HTML with all that pages say escaped, and pictures with boxes."""

from __future__ import annotations

import base64
import html
import sys
from collections import Counter
from pathlib import Path

from vlm_core.errors import VLMError
from vlm_core.images.page_images import page_png, show_png
from vlm_core.structure.exports import table_of_rows
from vlm_core.types import Block, DocumentResult, Finding, PageResult

# Pixels of the longer side of a picture in a notebook.
_SIDE = 900
_SMALL_SIDE = 520
_MOST_ROWS = 50
_LONGEST_TEXT = 4_000
_FIRST_WORDS = 60
_NAMES = {"review": "to review", "note": "note"}


def page_picture(page: PageResult, max_side: int = _SIDE) -> bytes | None:
    """A page's picture with its blocks and findings as PNG; None where it is not to be had.

    A file of this machine is opened, and nothing is downloaded: whoever looks at a result asked for that.

    Args:
        page: of a file that is still there.
        max_side: pixels of the longer side, at most.
    """
    if not page.source or "://" in page.source or not Path(page.source).expanduser().is_file():
        return None
    try:
        return page_png(page, boxes=[*page.blocks, *page.findings], max_side=max_side)
    except VLMError:
        return None


def show_page(page: PageResult) -> None:
    """Show a page's picture with its boxes: in a notebook below the cell, else in the system's viewer.

    Args:
        page: of a file, URL or other document that can be read again.

    Raises:
        InputError: its picture is not to be had.
    """
    png = page_png(page, boxes=[*page.blocks, *page.findings], max_side=_SIDE)
    if _is_notebook():
        from IPython.display import Image, display

        display(Image(data=png))
    else:
        show_png(png)


def _is_notebook() -> bool:
    """Whether a kernel runs this, which shows pictures; a shell in a terminal does not."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")


def page_html(page: PageResult) -> str:
    """A page as HTML: its picture, if it is to be had, its facts, its findings and its text."""
    png = page_picture(page, _SMALL_SIDE)
    shown = ""
    if png is not None:
        encoded = base64.b64encode(png).decode()
        alt = html.escape(f"Page {page.page_number} with the boxes of its blocks")
        shown = f'<img alt="{alt}" src="data:image/png;base64,{encoded}" style="max-width:100%">'
    findings = table_of_rows(
        ["finding", "written", "on the page", ""],
        [[f.kind.replace("_", " "), f.text, f.expected, _NAMES[f.severity]] for f in page.findings],
    )
    text = html.escape(page.text[:_LONGEST_TEXT]) + ("…" if len(page.text) > _LONGEST_TEXT else "")
    style = "white-space:pre-wrap;max-height:32em;overflow:auto;margin:0"
    return (
        f"<div><p><strong>{html.escape(_title(page))}</strong><br>{html.escape(_facts(page))}</p>"
        '<div style="display:flex;gap:1.5em;flex-wrap:wrap;align-items:flex-start">'
        f'<div style="flex:0 1 auto">{shown}</div>'
        f'<div style="flex:1 1 20em;min-width:0">{findings if page.findings else ""}'
        f'<pre style="{style}">{text}</pre></div></div></div>'
    )


def document_html(document: DocumentResult) -> str:
    """A document as HTML: a row for each page."""
    rows = [
        [
            str(page.page_number),
            page.state.value,
            f"{len(page.text):,}",
            str(len(page.findings)) if page.checked_by else "",
            " ".join(page.text.split())[:_FIRST_WORDS] or (str(page.error) if page.error else ""),
        ]
        for page in document.pages[:_MOST_ROWS]
    ]
    table = table_of_rows(["page", "state", "characters", "findings", "begins"], rows)
    more = len(document.pages) - _MOST_ROWS
    rest = f"<p>and {more:,} more pages</p>" if more > 0 else ""
    states = ", ".join(f"{n} {state}" for state, n in Counter(p.state.value for p in document.pages).items())
    cost = "" if not document.cost_usd else f" · ${document.cost_usd:.4f}"
    head = html.escape(f"{document.source} · {states}{cost}")
    return f"<div><p><strong>{head}</strong></p>{table}{rest}</div>"


def block_html(block: Block) -> str:
    """A block as HTML: what it is, where it stands, and what it says."""
    level = f" {block.level}" if block.level else ""
    place = "" if block.bbox is None else f" · {', '.join(f'{edge:.3f}' for edge in block.bbox)}"
    page = f" · page {block.page_number}" if block.page_number else ""
    head = html.escape(f"{block.kind.replace('_', ' ')}{level}{page}{place}")
    table = block.table
    body = table.to_html() if table is not None and table.cells else _text(block.text)
    return f"<div><small>{head}</small>{body}</div>"


def finding_html(finding: Finding) -> str:
    """A finding as HTML: what was written, struck out, and what the page has."""
    head = html.escape(f"{_NAMES[finding.severity]}: {finding.kind.replace('_', ' ')}")
    written = f"<del>{html.escape(finding.text)}</del> " if finding.text else ""
    return f"<div><small>{head}</small><p>{written}<ins>{html.escape(finding.expected)}</ins></p></div>"


def _text(text: str) -> str:
    return f'<p style="white-space:pre-wrap;margin:0">{html.escape(text)}</p>'


def _title(page: PageResult) -> str:
    total = f" of {page.total_pages}" if page.total_pages else ""
    return f"{page.source or 'page'}, page {page.page_number}{total}"


def _facts(page: PageResult) -> str:
    agreement = "" if page.agreement is None else f"{page.agreement:.0%} stands on the page"
    cost = f"${page.cost_usd:.4f}" if page.cost_usd else ""
    by = (page.model and page.provider and f"{page.provider}:{page.model}") or page.engine
    error = str(page.error) if page.error else ""
    parts = (page.state.value, by, f"{len(page.text):,} characters", agreement, cost, error)
    return " · ".join(part for part in parts if part)
