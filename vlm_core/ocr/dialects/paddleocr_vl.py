"""PaddleOCR-VL: text, or a table in OTSL.

Prompts: paddlex 3.7.2, inference/pipelines/paddleocr_vl/pipeline.py; the picture comes first (doc_vlm/
predictor.py). The model was trained on parts of pages that a layout model had cut out; whole pages are read
less well.
"""

from __future__ import annotations

from dataclasses import replace

from vlm_core.ocr.dialects.dialect import Dialect, ModelAnswer, Reading
from vlm_core.ocr.dialects.plain import read_text
from vlm_core.ocr.dialects.tables import without_otsl


def read(answer: ModelAnswer) -> Reading:
    """An answer in which a table, if there is one, becomes HTML.

    Example:
        >>> read(ModelAnswer("<fcel>Tea<fcel>2.00<nl>", "table", 100, 50)).text
        '<table><tr><td>Tea</td><td>2.00</td></tr></table>'
    """
    return read_text(replace(answer, text=without_otsl(answer.text)))


PADDLEOCR_VL = Dialect(
    name="paddleocr-vl",
    prompts={"text": "OCR:", "markdown": "OCR:", "table": "Table Recognition:"},
    read=read,
    max_tokens=8192,
    input_tokens=3200,  # 2,990 of a page at the most pixels that it takes, and the prompt
    end_tokens=("</s>",),
)
