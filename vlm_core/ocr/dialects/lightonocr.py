"""LightOnOCR: the picture alone, and Markdown.

The call is that of the model's card: no text, temperature 0.2, top_p 0.9, the longer side 1,540 pixels.
"""

from __future__ import annotations

from vlm_core.ocr.dialects.dialect import Dialect
from vlm_core.ocr.dialects.plain import read_text

LIGHTONOCR = Dialect(
    name="lightonocr",
    prompts={"markdown": "", "text": ""},
    read=read_text,
    temperatures=(0.2, 0.2, 0.4, 0.7),
    options={"top_p": 0.9},
    max_tokens=4096,
    input_tokens=3200,
    max_side=1540,
    end_tokens=("<|im_end|>", "<eos>"),
)
