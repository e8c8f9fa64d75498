"""olmOCR (allenai): a page as Markdown below a front matter that says its language and which way is up.

Prompts, order of parts, sizes and temperatures are those of the package olmocr that each model came out
with: prompts/prompts.py and pipeline.py of 0.1.76 (model 0225), 0.2.1 (0725), 0.3.0 (0825) and 0.4.27
(olmOCR-2).

The models do not mean the same by rotation_correction. 0225 and 0725 learnt it as degrees clockwise; 0825 and
olmOCR-2 counter-clockwise, for they saw pages that Pillow had turned counter-clockwise by the rest of a full
turn (train/dataloader.py, RotationAugmentation).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from vlm_core.ocr.dialects.dialect import Dialect, ModelAnswer, Reading
from vlm_core.ocr.dialects.json_answers import cut_string
from vlm_core.ocr.dialects.tables import tables_in
from vlm_core.wire.json_values import find_json

# build_no_anchoring_v4_yaml_prompt
_V4 = (
    "Attached is one page of a document that you must process. "
    "Just return the plain text representation of this document as if you were reading it naturally. "
    "Convert equations to LateX and tables to HTML.\n"
    "If there are any figures or charts, label them with the following markdown syntax "
    "![Alt text describing the contents of the figure](page_startx_starty_width_height.png)\n"
    "Return your output as markdown, with a front matter section on top specifying values for the "
    "primary_language, is_rotation_valid, rotation_correction, is_table, and is_diagram parameters."
)
# build_no_anchoring_yaml_prompt
_V3 = (
    "Attached is one page of a document that you must process. "
    "Just return the plain text representation of this document as if you were reading it naturally. "
    "Convert equations to LateX and tables to markdown.\n"
    "Return your output as markdown, with a front matter section on top specifying values for the "
    "primary_language, is_rotation_valid, rotation_correction, is_table, and is_diagram parameters."
)
# build_finetuning_prompt, with no text that was extracted before: a picture has none.
_ANCHORED = (
    "Below is the image of one page of a document, as well as some raw textual content that was previously "
    "extracted for it. "
    "Just return the plain text representation of this document as if you were reading it naturally.\n"
    "Do not hallucinate.\n"
    "RAW_TEXT_START\n\nRAW_TEXT_END"
)

_KEYS = frozenset({"primary_language", "is_rotation_valid", "rotation_correction", "is_table", "is_diagram"})
_LINE = re.compile(r"[ \t]{0,8}([a-z_]{1,40})[ \t]{0,8}:(.{0,200})")
_MOST_LINES = 20
_NOTHING = frozenset({"", "null", "none", "~"})
_NO_FRONT_MATTER = "the model left out the front matter that it was asked for"


def read(answer: ModelAnswer, *, clockwise: bool) -> Reading:
    """An answer of any olmOCR model: a front matter and Markdown, or JSON.

    Args:
        answer: what it says.
        clockwise: how the model counts degrees.

    Example:
        >>> said = "---\\nis_rotation_valid: False\\nrotation_correction: 90\\n---\\n# SHOP"
        >>> reading = read(ModelAnswer(said, "markdown", 100, 50), clockwise=False)
        >>> reading.text, reading.rotation
        ('# SHOP', 270)
    """
    is_json = answer.text.startswith("{")
    fields, text, problem = _of_json(answer.text) if is_json else _of_front_matter(answer.text)
    if text.strip().lower() in _NOTHING:
        text = ""
    return Reading(
        text,
        tables=tables_in(text),
        language=_language(fields),
        rotation=_rotation(fields, clockwise=clockwise),
        problem=problem,
        warnings=() if fields else (_NO_FRONT_MATTER,),
    )


def _of_front_matter(text: str) -> tuple[dict[str, Any], str, str]:
    """The values between two lines of ---, read without any YAML, and what stands below."""
    lines = text.split("\n", _MOST_LINES)
    if lines[0].strip() != "---":
        return {}, text, ""
    found = [_LINE.fullmatch(line) for line in lines[1:_MOST_LINES]]
    size = next((at for at, line in enumerate(found) if line is None), len(found))
    fields: dict[str, Any] = {
        line[1]: line[2].strip().strip("'\"") for line in reversed(found[:size]) if line and line[1] in _KEYS
    }
    if not fields:
        return {}, text, ""  # a rule at the top of a page
    below = lines[size + 1 :]
    is_closed = bool(below) and below[0].strip() == "---"
    return fields, "\n".join(below[1:] if is_closed else below).strip("\n"), ""


def _of_json(text: str) -> tuple[dict[str, Any], str, str]:
    found = find_json(text)
    if isinstance(found.data, dict):
        words = found.data.get("natural_text")
        return found.data, words if isinstance(words, str) else "", ""
    return {}, cut_string(text, "natural_text") or "", "the JSON of the answer does not end"


def _language(fields: Mapping[str, Any]) -> str | None:
    language = str(fields.get("primary_language") or "").strip().lower()
    return None if language in _NOTHING or len(language) > 20 else language


def _rotation(fields: Mapping[str, Any], *, clockwise: bool) -> int | None:
    is_upright = str(fields.get("is_rotation_valid", "")).strip().lower()
    if is_upright not in ("true", "false"):
        return None
    degrees = str(fields.get("rotation_correction", "")).strip()
    if is_upright == "true" or degrees not in ("90", "180", "270"):
        return 0
    return int(degrees) if clockwise else 360 - int(degrees)


def _form(name: str, prompt: str, *, clockwise: bool, **differences: Any) -> Dialect:
    understand: Callable[[ModelAnswer], Reading] = partial(read, clockwise=clockwise)
    said: dict[str, Any] = {
        "temperatures": (0.1, 0.1, 0.2, 0.3, 0.5, 0.8, 0.9, 1.0),
        "max_tokens": 4500,
        "input_tokens": 2600,  # 2,116 of a square picture of 1,288 pixels, and the prompt
        "max_side": 1288,
        "end_tokens": ("<|im_end|>", "<|endoftext|>"),
    }
    tasks = ("markdown", "text", "handwriting")
    return Dialect(name, dict.fromkeys(tasks, prompt), understand, **(said | differences))


OLMOCR = (
    _form(
        "olmocr-0225", _ANCHORED, clockwise=True, max_side=1024,
        temperatures=(0.1, 0.1, 0.2, 0.3, 0.5, 0.8, 0.1, 0.8),
    ),
    _form("olmocr", _V3, clockwise=True),
    _form("olmocr-0825", _V3, clockwise=False, image_first=False),
    _form("olmocr-2", _V4, clockwise=False, image_first=False, max_tokens=8000),
)  # fmt: skip
