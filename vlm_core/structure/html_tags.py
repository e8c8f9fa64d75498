"""What the tags of HTML mean to a reader of pages, and those that vision models add to them."""

from __future__ import annotations

from vlm_core.types import BlockKind

HEADINGS = {f"h{level}": level for level in range(1, 7)}
KINDS: dict[str, BlockKind] = {
    **dict.fromkeys(HEADINGS, "heading"),
    "li": "list_item",
    "caption": "caption",
    "figcaption": "caption",
    "pre": "code",
    "header": "page_header",
    "page_header": "page_header",
    "footer": "page_footer",
    "page_footer": "page_footer",
    "page_number": "page_footer",
    "footnote": "footnote",
}
"""What the text in a tag is; a paragraph in any other."""
LISTS = frozenset({"ul", "ol", "menu", "dir"})
CELLS = frozenset({"td", "th"})
UNSEEN = frozenset({"script", "style", "template", "title", "noscript", "iframe", "object", "svg", "head"})
"""What is in them is not shown as text. What is lost of scripts is told."""
SCRIPTS = frozenset({"script", "iframe", "object"})
_BLOCKS = """
    address article aside blockquote body center dd details dialog div dl dt fieldset figure form html legend
    main nav option p section select signature summary hr table tbody textarea tfoot thead tr watermark
"""
_INLINE = """
    a abbr acronym audio b base bdi bdo big br button canvas cite code col colgroup data datalist del dfn
    em embed font i img input ins kbd label link map mark math meta meter mfrac mi mn mo mrow msub msup nobr
    output picture progress q rp rt ruby s samp small source span strike strong sub sup time
    track tt u var video wbr
"""
BREAKING = frozenset({*KINDS, *LISTS, *_BLOCKS.split()})
"""Tags before and behind which a new block begins."""
KNOWN = frozenset({*BREAKING, *CELLS, *UNSEEN, *_INLINE.split()})
"""Any other tag that has no end is text in angle brackets, such as the name of a field to be filled in."""
WHOLE = (
    *("table", "ul", "ol", "dl", "pre"),
    *("page_number", "page_header", "page_footer", "watermark", "footnote"),
)
"""Elements that are HTML up to their end, whatever blank lines are in them, and those with other names."""
