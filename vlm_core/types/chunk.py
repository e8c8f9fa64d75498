"""A part of a document, as an index wants it."""

from __future__ import annotations

from vlm_core.types.blocks import BlockKind
from vlm_core.types.boxes import PageBox, boxes_in_words
from vlm_core.types.value import Value


class Chunk(Value):
    """A part of a document that is as long as an index wants it, and knows where it stands.

    Example:
        >>> print(Chunk(text="Tea 2.00", headings=("Menu", "Drinks"), pages=(3,)).with_headings)
        Menu > Drinks
        <BLANKLINE>
        Tea 2.00
    """

    text: str
    """With a heading only where it stands in this part of the document."""
    id: str = ""
    """The same whenever the same document is cut in the same way."""
    source: str = ""
    number: int = 0
    """Among the chunks of its document, from 0."""
    tokens: int = 0
    """As the tokenizer counts them, or as `chunks` does without one."""
    headings: tuple[str, ...] = ()
    """Under which it stands, the highest first."""
    pages: tuple[int, ...] = ()
    """Numbers of its pages, from 1, in order."""
    boxes: tuple[PageBox, ...] = ()
    """Where its blocks stand, as far as that is known."""
    block_kinds: tuple[BlockKind, ...] = ()
    """Each once, in order."""
    repeats: str = ""
    """What the text begins with and a chunk before has too: a table's header, or what overlaps."""

    @property
    def with_headings(self) -> str:
        """The text behind the headings above it that are not in it, as a search index wants it."""
        above = [heading for heading in self.headings if heading not in self.text]
        return f"{' > '.join(above)}\n\n{self.text}" if above else self.text

    @property
    def metadata(self) -> dict[str, str]:
        """Its `headings` ("A > B"), `pages` ("3,4"), `boxes` ("3:x0,y0,x1,y1;...") and `block_kinds`."""
        facts = {
            "headings": " > ".join(self.headings),
            "pages": ",".join(map(str, self.pages)),
            "boxes": boxes_in_words(self.boxes),
            "block_kinds": ",".join(self.block_kinds),
        }
        return {name: fact for name, fact in facts.items() if fact}
