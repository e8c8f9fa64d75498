"""The inside of a paragraph of Markdown as plain text."""

from __future__ import annotations

from collections.abc import Sequence

from markdown_it.token import Token

from vlm_core.structure.html_reader import says_more
from vlm_core.structure.html_tags import BREAKING, CELLS, KNOWN

_LINE_ENDS = frozenset({"softbreak", "hardbreak"})
_LONGEST_TAG = 2000


def plain(tokens: Sequence[Token], source: str = "") -> str:
    """Text without marks of emphasis. A link's address stands behind its text, where that does not say it.

    Args:
        tokens: the children of an inline token.
        source: of the whole answer in lower case, in which the ends of unknown tags are looked for.
    """
    parts: list[str] = []
    links: list[tuple[str, int]] = []
    for token in tokens:
        if token.type in _LINE_ENDS:
            parts.append("\n")
        elif token.type == "image":
            parts.append(plain(token.children or [], source))
        elif token.type == "html_inline":
            parts.append(_of_tag(token.content, source))
        elif token.type == "link_open":
            links.append((str(token.attrGet("href") or ""), len(parts)))
        elif token.type == "link_close" and links:
            target, start = links.pop()
            parts.append(f" ({target})" if says_more(target, "".join(parts[start:])) else "")
        else:
            parts.append(token.content)
    return "".join(parts)


def is_picture(tokens: Sequence[Token]) -> bool:
    """Whether a paragraph is pictures and nothing else."""
    seen = [
        token
        for token in tokens
        if token.type not in _LINE_ENDS and (token.type != "text" or token.content.strip())
    ]
    return bool(seen) and all(token.type == "image" for token in seen)


def _of_tag(tag: str, source: str) -> str:
    """What a tag within a text shows; one that HTML does not know and that has no end is text."""
    if tag.startswith(("<!", "<?")):
        return ""
    name = tag.strip("</>").split()[0].split("/")[0].lower() if tag.strip("</>").split() else ""
    if name == "br" or name in BREAKING or name in CELLS:
        return "\n"
    if name in ("img", "input") and len(tag) <= _LONGEST_TAG:
        return _shown(tag)
    is_markup = name in KNOWN or tag.startswith("</") or f"</{name}" in source
    return "" if is_markup else tag


def _shown(tag: str) -> str:
    """A picture's description, or the state of a check box."""
    from vlm_core.structure.block_texts import Findings
    from vlm_core.structure.html_reader import read_html

    findings = Findings()
    read_html(f"<p>-{tag}</p>", findings)
    return findings.blocks[0].text[1:].strip() if findings.blocks else ""
