"""Tables that were found on a page, when its lines are numbered anew or it is a part of another page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from vlm_core.types import Block, Box, Table


def renumbered(found: Iterable[Block], places: Mapping[int, int]) -> Iterator[Block]:
    """Blocks of which every line is still there, with the numbers that these have now.

    The lines of a block that is left out stand by themselves.

    Args:
        found: with the numbers that the lines had.
        places: the new number of each line that is still there, by its old one.

    Example:
        >>> [block.lines for block in renumbered([Block(kind="table", lines=(1, 2))], {0: 0, 1: 2, 2: 3})]
        [(2, 3)]
        >>> list(renumbered([Block(kind="table", lines=(1, 2))], {0: 0, 2: 1}))
        []
    """
    for block in found:
        if all(number in places for number in block.lines):
            yield block.model_copy(update={"lines": tuple(places[number] for number in block.lines)})


def moved_block(block: Block, move: Callable[[Box], Box]) -> Block:
    """A block with its boxes, and those of its cells, moved.

    Example:
        >>> moved_block(Block(kind="table", bbox=(0, 0, 1, 1)), lambda box: (0.5, 0.5, 1, 1)).bbox
        (0.5, 0.5, 1, 1)
    """
    table = block.table
    if table is not None:
        cells = (
            cell.model_copy(update={"bbox": None if cell.bbox is None else move(cell.bbox)})
            for cell in table.cells
        )
        table = Table(cells=tuple(cells))
    bbox = None if block.bbox is None else move(block.bbox)
    return block.model_copy(update={"bbox": bbox, "table": table})
