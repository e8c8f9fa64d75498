"""What a form or a note says on a page that is read by OCR: it stands in the text as it does on the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from vlm_core.ocr.layout import text_of_page
from vlm_core.ocr.page_warnings import NO_TEXT, page_warnings
from vlm_core.structure.found_blocks import renumbered
from vlm_core.types import Box, Entry, PageResult, PageState, TextLine

# The share of a line that lies in an entry's box, from which the line is what was read of the entry;
_INSIDE = 0.5
# the share of an entry under a longer line, from which the line holds the entry, as behind its label.
_READ = 0.5
# The share of the lower one of an entry and a line that stands beside the other.
_BESIDE = 0.5


def with_entries(result: PageResult, entries: Sequence[Entry], task: str) -> PageResult:
    """A page's result with the marks of check boxes, and what a form's fields and notes say.

    A field's own text is better than what OCR reads of it. A model's text stays as it is: it has
    no lines, and the model sees the marks.

    Args:
        result: of the page without its entries.
        entries: their boxes are fractions of the page as the engine got it.
        task: what the text is to look like.
    """
    if not entries or (result.text and not result.lines):
        return result
    turned = [entry._replace(bbox=_turned(entry.bbox, result.rotation)) for entry in entries]
    lines = [line for line in result.lines if not _is_of(line, turned)]
    for entry in turned:
        if entry.is_mark:
            _place_mark(lines, entry)
        elif not any(_share(entry.bbox, line.bbox) >= _READ for line in lines):
            _place_text(lines, entry)
    found = tuple(renumbered(result.found, _new_numbers(result.lines, lines)))
    text = text_of_page(task, lines, found)
    warnings = [warning for warning in result.warnings if warning != NO_TEXT]
    return result.model_copy(
        update={
            "text": text,
            "lines": tuple(lines),
            "found": found,
            "state": PageState.OK if result.state is PageState.BLANK else result.state,
            "warnings": tuple(dict.fromkeys([*warnings, *page_warnings(text)])),
        }
    )


def _new_numbers(before: Sequence[TextLine], lines: Iterable[TextLine]) -> dict[int, int]:
    """The numbers that lines have now, by those that they had; without those that were changed."""
    known = {id(line): number for number, line in enumerate(before)}
    return {known[id(line)]: number for number, line in enumerate(lines) if id(line) in known}


def _turned(box: Box, turn: int) -> Box:
    """A box on a page, where it stands once the page is turned clockwise."""
    x0, y0, x1, y1 = box
    return {
        0: box,
        90: (1 - y1, x0, 1 - y0, x1),
        180: (1 - x1, 1 - y1, 1 - x0, 1 - y0),
        270: (y0, 1 - x1, y1, 1 - x0),
    }[turn % 360]


def _is_of(line: TextLine, entries: Iterable[Entry]) -> bool:
    return any(_share(line.bbox, entry.bbox) >= _INSIDE for entry in entries)


def _share(box: Box, other: Box) -> float:
    """How much of a box lies in another one."""
    across = min(box[2], other[2]) - max(box[0], other[0])
    down = min(box[3], other[3]) - max(box[1], other[1])
    area = (box[2] - box[0]) * (box[3] - box[1])
    return max(0.0, across) * max(0.0, down) / area if area > 0 else 0.0


def _place_mark(lines: list[TextLine], mark: Entry) -> None:
    """Put a mark beside the nearest line of its row: that is its label."""
    row = [number for number, line in enumerate(lines) if _in_row(line, mark)]
    if not row:
        _insert(lines, mark, _last_above(lines, mark))
        return
    nearest = min(row, key=lambda number: _gap(lines[number].bbox, mark.bbox))
    label = lines[nearest]
    is_before = mark.bbox[0] + mark.bbox[2] <= label.bbox[0] + label.bbox[2]
    lines[nearest] = _without_box_sign(label, mark, -1 if not is_before else 0)
    lines.insert(nearest if is_before else nearest + 1, _line(mark, label))


def _without_box_sign(label: TextLine, mark: Entry, place: int) -> TextLine:
    """A label without the sign that OCR has read of the box, where its line reaches over the box."""
    words = label.text.split(" ")
    middle = (mark.bbox[0] + mark.bbox[2]) / 2
    if not (label.bbox[0] < middle < label.bbox[2]) or len(words) < 2 or len(words[place]) > 1:
        return label
    rest = slice(1, None) if place == 0 else slice(None, -1)
    return label.model_copy(update={"text": " ".join(words[rest]), "words": label.words[rest]})


def _place_text(lines: list[TextLine], entry: Entry) -> None:
    """Put what was filled in behind its label, to the left or above."""
    left = [
        number for number, line in enumerate(lines) if _in_row(line, entry) and line.bbox[0] <= entry.bbox[0]
    ]
    nearest = max(left, key=lambda number: lines[number].bbox[0]) if left else None
    _insert(lines, entry, nearest if nearest is not None else _last_above(lines, entry), in_row=bool(left))


def _last_above(lines: Sequence[TextLine], entry: Entry) -> int | None:
    x0, _, x1, bottom = entry.bbox
    above = [
        number
        for number, line in enumerate(lines)
        if line.bbox[3] <= bottom and line.bbox[0] < x1 and x0 < line.bbox[2]
    ]
    return max(above, default=None)


def _insert(lines: list[TextLine], entry: Entry, after: int | None, *, in_row: bool = False) -> None:
    if after is None:
        lines.insert(0, TextLine(text=entry.text, bbox=entry.bbox, block=lines[0].block if lines else 0))
    else:
        line = _line(entry, lines[after])
        lines.insert(after + 1, line if in_row else line.model_copy(update={"row": None}))


def _line(entry: Entry, beside: TextLine) -> TextLine:
    return TextLine(text=entry.text, bbox=entry.bbox, block=beside.block, row=beside.row)


def _in_row(line: TextLine, entry: Entry) -> bool:
    low, high = line.bbox[1], line.bbox[3]
    shared = min(high, entry.bbox[3]) - max(low, entry.bbox[1])
    return shared > _BESIDE * min(high - low, entry.bbox[3] - entry.bbox[1])


def _gap(a: Box, b: Box) -> float:
    return max(a[0] - b[2], b[0] - a[2])
