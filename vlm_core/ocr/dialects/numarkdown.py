"""NuMarkdown-8B-Thinking: the picture alone, a thought, and Markdown in <answer>.

The call is that of NuMind's own demonstration: no text, temperature 0.7, a picture of at most 5,000 cells
of 28 × 28 pixels. It always thinks, which takes many times the tokens of the answer.
"""

from __future__ import annotations

from vlm_core.ocr.dialects.dialect import Dialect
from vlm_core.ocr.dialects.plain import read_text

NUMARKDOWN = Dialect(
    name="numarkdown",
    prompts={"markdown": ""},
    read=read_text,
    temperatures=(0.7, 0.7, 0.8, 1.0),
    max_tokens=12_000,
    input_tokens=5200,
    max_side=2048,
    end_tokens=("<|im_end|>", "<|endoftext|>"),
)
