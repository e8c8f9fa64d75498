"""DeepSeek-OCR and DeepSeek-OCR-2: plain text, or blocks each with a box.

Prompts: README.md and DeepSeek-OCR-vllm/config.py of deepseek-ai/DeepSeek-OCR; <image> and the line break
after it are added by the server. Temperature, length and repetition_penalty: run_dpsk_ocr_pdf.py there. The
penalty waits for the second attempt, since it empties tables.

Boxes run from 0 to 999 on both sides. The tokens around them are special ones, which many servers leave out
of their answers; what is left then, as in ``title[[90, 40, 910, 80]]``, is understood too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from vlm_core.ocr.dialects.dialect import Dialect, ModelAnswer, Reading
from vlm_core.ocr.dialects.json_answers import around, fractions
from vlm_core.ocr.dialects.plain import read_text
from vlm_core.ocr.dialects.tables import tables_in
from vlm_core.types import Box, TextLine
from vlm_core.wire.json_values import find_json

_FULL = 999
_LABELS = frozenset(
    {"title", "sub_title", "subtitle", "text", "image", "table", "equation", "formula", "list", "list_item"}
    | {"code", "figure", "chart", "seal", "header", "footer", "footnote", "page_number", "reference"}
    | {"abstract", "aside_text", "image_caption", "image_footnote", "table_caption", "table_footnote"}
    | {"figure_caption", "figure_title", "code_caption", "caption"}
)
_MARK = re.compile(r"<\|(ref|/ref|det|/det)\|>")
_BARE_BOX = frozenset("0123456789.,-[] ")


class _Block(NamedTuple):
    label: str
    boxes: str
    below: str
    """What stands between this box and the next label."""


def read(answer: ModelAnswer) -> Reading:
    """An answer with boxes, or without.

    Example:
        >>> said = "<|ref|>title<|/ref|><|det|>[[0, 0, 999, 99]]<|/det|>\\n# SHOP"
        >>> reading = read(ModelAnswer(said, "markdown", 100, 50))
        >>> reading.text, reading.lines[0].bbox[2]
        ('# SHOP', 1.0)
    """
    before, blocks = _marked(answer.text)
    if not blocks:
        before, blocks = _marked_bare(answer.text)
    if not blocks:
        return read_text(answer)
    found = [(_words(block), _box(block.boxes)) for block in blocks]
    texts = [text for text in (before.strip(), *(words for words, _ in found)) if text]
    text = "\n\n".join(texts) if any(block.below.strip() for block in blocks) else "\n".join(texts)
    return Reading(text, lines=tuple(_lines(found)), tables=tables_in(text), warnings=_warnings(found))


def _marked(text: str) -> tuple[str, list[_Block]]:
    """What stands before the first label, and the labels with their boxes; the last may lack its box."""
    before, *parts = _MARK.split(text)
    blocks: list[_Block] = []
    label = boxes = ""
    for mark, words in zip(parts[::2], parts[1::2], strict=True):
        if mark == "ref":
            label, boxes = words.strip(), ""
        elif mark == "det":
            boxes = words
        elif mark == "/det":
            blocks.append(_Block(label, boxes, words))
            label = ""
    if blocks and label:
        blocks.append(_Block(label, "", ""))
    return before, blocks


def _marked_bare(text: str) -> tuple[str, list[_Block]]:
    """The same where the server left the tokens out: a label and a box are a line."""
    before: list[str] = []
    below = before
    found: list[tuple[str, str, list[str]]] = []
    for line in text.split("\n"):
        label, boxes = _label_and_boxes(line)
        if boxes:
            below = []
            found.append((label, boxes, below))
        else:
            below.append(line)
    blocks = [_Block(label, boxes, "\n".join(lines)) for label, boxes, lines in found]
    return "\n".join(before), blocks


def _label_and_boxes(line: str) -> tuple[str, str]:
    label, brackets, rest = line.strip().partition("[[")
    boxes = brackets + rest
    if not label or not boxes.endswith("]]") or not _BARE_BOX.issuperset(boxes) or not _box(boxes):
        return line, ""
    return label.strip(), boxes


def _words(block: _Block) -> str:
    """The text of a block: what stands below its label, or the label itself if that is not a known one."""
    label = "" if block.label in _LABELS else block.label
    return "\n".join(part for part in (label, block.below.strip()) if part)


def _box(boxes: str) -> Box | None:
    data = find_json(boxes).data
    each = data if isinstance(data, list) and data and isinstance(data[0], list) else [data]
    return around(box for one in each if (box := fractions(one, _FULL, _FULL)))


def _lines(found: list[tuple[str, Box | None]]) -> Iterator[TextLine]:
    for number, (words, box) in enumerate(found):
        if words and box:
            yield TextLine(text=words, bbox=box, block=number)


def _warnings(found: list[tuple[str, Box | None]]) -> tuple[str, ...]:
    lost = sum(bool(words) and box is None for words, box in found)
    return (f"{lost} blocks of text have no box that can be used",) if lost else ()


DEEPSEEK_OCR = Dialect(
    name="deepseek-ocr",
    prompts={
        "text": "Free OCR.",
        "markdown": "<|grounding|>Convert the document to markdown.",
        "layout": "<|grounding|>OCR this image.",
        "describe": "Describe this image in detail.",
    },
    read=read,
    temperatures=(0.0, 0.1, 0.3, 0.6),
    options_again={"extra_body": {"repetition_penalty": 1.05}},
    max_tokens=8192,
    input_tokens=1300,  # 1,121 of a page in tiles, and the prompt
    end_tokens=("<｜end▁of▁sentence｜>",),
)
