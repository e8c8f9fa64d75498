"""Nanonets-OCR-s and Nanonets-OCR2: Markdown with tags for pictures, watermarks and page numbers.

Prompt and parameters: the models' cards. The tags stay in the text: what stands in <img> is the model's
description of a picture, and no text of the page.
"""

from __future__ import annotations

from vlm_core.ocr.dialects.dialect import Dialect
from vlm_core.ocr.dialects.plain import read_text

_PROMPT = (
    "Extract the text from the above document as if you were reading it naturally. Return the tables in html "
    "format. Return the equations in LaTeX representation. If there is an image in the document and image "
    "caption is not present, add a small description of the image inside the <img></img> tag; otherwise, add "
    "the image caption inside <img></img>. Watermarks should be wrapped in brackets. Ex: <watermark>OFFICIAL "
    "COPY</watermark>. Page numbers should be wrapped in brackets. Ex: <page_number>14</page_number> or "
    "<page_number>9/22</page_number>. Prefer using ☐ and ☑ for check boxes."
)

NANONETS_OCR = Dialect(
    name="nanonets-ocr",
    prompts={"markdown": _PROMPT},
    read=read_text,
    max_tokens=15_000,
    input_tokens=6000,
    end_tokens=("<|im_end|>", "<|endoftext|>"),
)
