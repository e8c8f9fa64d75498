"""RolmOCR (Reducto): a page as it is read naturally, tables as Markdown.

Prompt, order of parts and parameters: the model's card. It was trained on olmOCR's pages, without its front
matter.
"""

from __future__ import annotations

from vlm_core.ocr.dialects.dialect import Dialect
from vlm_core.ocr.dialects.plain import read_text

_PROMPT = "Return the plain text representation of this document as if you were reading it naturally.\n"

ROLMOCR = Dialect(
    name="rolmocr",
    prompts={"text": _PROMPT, "markdown": _PROMPT},
    read=read_text,
    temperatures=(0.2, 0.2, 0.4, 0.7),
    max_tokens=4096,
    input_tokens=2800,
    max_side=1288,
    end_tokens=("<|im_end|>", "<|endoftext|>"),
)
