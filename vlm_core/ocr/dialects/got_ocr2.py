"""GOT-OCR 2.0: plain text, or Mathpix Markdown.

Prompts: transformers 5.23.0, models/got_ocr2/processing_got_ocr2.py; the blanks at their ends are theirs.
"""

from __future__ import annotations

from vlm_core.ocr.dialects.dialect import Dialect
from vlm_core.ocr.dialects.plain import read_text

GOT_OCR2 = Dialect(
    name="got-ocr2",
    prompts={"text": "OCR: ", "markdown": "OCR with format: "},
    read=read_text,
    system="You should follow the instructions carefully and explain your answers in detail.",
    max_tokens=4096,
    input_tokens=400,
    end_tokens=("<|im_end|>", "<|endoftext|>"),
)
