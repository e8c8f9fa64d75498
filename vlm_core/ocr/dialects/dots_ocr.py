"""dots.ocr: blocks in reading order, each with its box, its kind and its text, as JSON; or text alone.

Prompts: dots_ocr/utils/prompts.py of rednote-hilab/dots.ocr at 36d7248; parameters: dots_ocr/parser.py there.
Boxes are in pixels of the picture as the model's processor resizes it. The JSON is often broken, and what can
be saved of it is.
"""

from __future__ import annotations

import math
import re
from typing import Any

from vlm_core.ocr.dialects.dialect import Dialect, ModelAnswer, Reading
from vlm_core.ocr.dialects.json_answers import cut_string, fractions, objects_in
from vlm_core.ocr.dialects.plain import read_text
from vlm_core.ocr.dialects.tables import tables_in
from vlm_core.types import TextLine
from vlm_core.wire.json_values import NO_JSON, find_json

_BBOX = re.compile(r'"bbox"\s*:\s*(\[[^\[\]]{0,200}\])')
_GRID = 28
_LEAST_PIXELS = 3136
_MOST_PIXELS = 11_289_600
# prompt_layout_all_en
_LAYOUT_ALL = """Please output the layout information from the PDF image, including each layout element's bbox, its category, and the corresponding text content within the bbox.

1. Bbox format: [x1, y1, x2, y2]

2. Layout Categories: The possible categories are ['Caption', 'Footnote', 'Formula', 'List-item', 'Page-footer', 'Page-header', 'Picture', 'Section-header', 'Table', 'Text', 'Title'].

3. Text Extraction & Formatting Rules:
    - Picture: For the 'Picture' category, the text field should be omitted.
    - Formula: Format its text as LaTeX.
    - Table: Format its text as HTML.
    - All Others (Text, Title, etc.): Format their text as Markdown.

4. Constraints:
    - The output text must be the original text from the image, with no translation.
    - All layout elements must be sorted according to human reading order.

5. Final Output: The entire output must be a single JSON object.
"""  # noqa: E501  as it was trained


def read(answer: ModelAnswer) -> Reading:
    """An answer in JSON, whole or broken, or in plain text.

    Example:
        >>> said = '[{"bbox": [0, 0, 56, 28], "category": "Title", "text": "# SHOP"}]'
        >>> reading = read(ModelAnswer(said, "markdown", 112, 56))
        >>> reading.text, reading.lines[0].bbox
        ('# SHOP', (0.0, 0.0, 0.5, 0.5))
    """
    if not answer.text.startswith(("[", "{")) or '"bbox"' not in answer.text:
        return read_text(answer)
    data = find_json(answer.text)
    cells = _cells(data.data) if not data.has_words_around else []
    if cells:
        return _reading(cells, answer)
    saved = objects_in(answer.text, "bbox")
    cells = _cells([_mended(part) if isinstance(part, str) else part for part in saved])
    if not cells:
        return Reading(answer.text, problem=NO_JSON)
    return _reading(cells, answer, f"the JSON of the answer is broken; {len(cells)} blocks were saved")


def _cells(data: Any) -> list[dict[str, Any]]:
    """The blocks in a list, in a list of lists, in an object that holds one, or a single one."""
    if isinstance(data, dict):
        data = (
            [data] if "bbox" in data else next((part for part in data.values() if isinstance(part, list)), [])
        )
    if not isinstance(data, list):
        return []
    return [cell for cell in data if isinstance(cell, dict) and "bbox" in cell]


def _mended(part: str) -> dict[str, Any] | None:
    """What can be saved of one block that is broken, or that the answer ended in; None if it has no text."""
    words = cut_string(part, "text")
    if not words:
        return None
    box = _BBOX.search(part)
    return {
        "bbox": find_json(box[1]).data if box else None,
        "category": cut_string(part, "category"),
        "text": words,
    }


def _reading(cells: list[dict[str, Any]], answer: ModelAnswer, *warnings: str) -> Reading:
    width, height = resized(answer.width, answer.height)
    texts = [_words(cell) for cell in cells]
    boxes = [fractions(cell["bbox"], width, height) for cell in cells]
    lines = tuple(
        TextLine(text=text, bbox=box, block=number)
        for number, (text, box) in enumerate(zip(texts, boxes, strict=True))
        if text and box
    )
    lost = sum(map(bool, texts)) - len(lines)
    told = (*warnings, *([f"{lost} blocks of text have no box that can be used"] if lost else []))
    text = "\n\n".join(filter(None, texts))
    return Reading(text, lines=lines, tables=tables_in(text), warnings=told)


def _words(cell: dict[str, Any]) -> str:
    words = cell.get("text")
    if not isinstance(words, str):
        return ""
    words = words.strip()
    is_bare_formula = cell.get("category") == "Formula" and not words.startswith(("$", "\\[", "\\("))
    return f"$$\n{words}\n$$" if is_bare_formula and words else words


def resized(width: int, height: int) -> tuple[int, int]:
    """The size to which the model's processor brings a picture: a grid of 28 pixels, and bounds of area.

    Example:
        >>> resized(1240, 1754), resized(1120, 840)
        ((1232, 1764), (1120, 840))
    """
    across, down = (max(_GRID, round(side / _GRID) * _GRID) for side in (width, height))
    if across * down > _MOST_PIXELS:
        scale = math.sqrt(width * height / _MOST_PIXELS)
        across, down = (max(_GRID, math.floor(side / scale / _GRID) * _GRID) for side in (width, height))
    elif across * down < _LEAST_PIXELS:
        scale = math.sqrt(_LEAST_PIXELS / (width * height))
        across, down = (math.ceil(side * scale / _GRID) * _GRID for side in (width, height))
    return across, down


DOTS_OCR = Dialect(
    name="dots-ocr",
    prompts={
        "text": "Extract the text content from this image.",  # prompt_ocr
        "markdown": _LAYOUT_ALL,
        "layout": _LAYOUT_ALL,
    },
    read=read,
    temperatures=(0.1, 0.1, 0.3, 0.6),
    options={"top_p": 0.9},
    max_tokens=16_384,
    input_tokens=14_900,  # 14,400 of a page at the most pixels that it takes, and the prompt
    end_tokens=("<|endofassistant|>", "<|endoftext|>", "<|im_end|>"),
    boxes_in_pixels=True,
)
