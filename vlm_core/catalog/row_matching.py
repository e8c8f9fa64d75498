"""Which rows a model's id fits, and what they say together.

An id is compared word by word, since hosts spell one model in many ways: "Qwen/Qwen2.5-VL-7B-Instruct",
"accounts/fireworks/models/qwen2p5-vl-7b-instruct" and "qwen2.5vl:7b" begin with the same three words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from vlm_core.catalog.schema import ImageLimits, ModelProfile

_SETS = ("quirks", "returned_fields")
"""Fields of a row that add up."""
_WORD = re.compile(r"\d+(?:\.\d+)?|[a-z]+")
_P_FOR_POINT = re.compile(r"(?<=\d)p(?=\d)")


@lru_cache(maxsize=4096)
def words(model: str) -> tuple[str, ...]:
    """A model's name in words and numbers: what stands after the last slash, in lower case.

    Example:
        >>> words("accounts/fireworks/models/qwen2p5-vl-7b")
        ('qwen', '2.5', 'vl', '7', 'b')
        >>> words("qwen2.5vl:7b")
        ('qwen', '2.5', 'vl', '7', 'b')
    """
    name = model.rstrip("/").rpartition("/")[2].lower()
    return tuple(_WORD.findall(_P_FOR_POINT.sub(".", name)))


def begins_with(model: str, prefix: str) -> bool:
    """Whether a model's words begin with those of a prefix.

    The prefix may end within a word of letters, but within a number only after its point.

    Example:
        >>> begins_with("google/gemma-3-27b-it", "gemma-3"), begins_with("gemma-34b", "gemma-3")
        (True, False)
        >>> begins_with("lab/my-model", "my-mod"), begins_with("gpt-5.2", "gpt-5.")
        (True, True)
    """
    of_model, of_prefix = words(model), words(prefix)
    if not of_prefix:
        return True
    before, last = of_prefix[:-1], of_prefix[-1]
    if len(of_model) < len(of_prefix) or of_model[: len(before)] != before:
        return False
    word = of_model[len(before)]
    if prefix.endswith("."):
        return word.startswith(f"{last}.")
    return word == last or (last.isalpha() and word.startswith(last))


def fits(row: ModelProfile, provider: str | None, model: str) -> bool:
    """Whether a row is about this model at this provider; of no provider, a row about all of them."""
    if row.provider not in (None, provider):
        return False
    return _is_same(row.model, model) if row.model else begins_with(model, row.prefix)


def specificity(row: ModelProfile) -> tuple[bool, bool, int]:
    """What orders rows that fit: one model before a provider's before everybody's, then the longer prefix."""
    return row.model is not None, row.provider is not None, len("".join(words(row.prefix)))


def merged(rows: Iterable[ModelProfile], model: str) -> ModelProfile:
    """What rows say together: of two that set a field the later one counts, and of two limits the tighter.

    Args:
        rows: all that fit, the most specific last.
        model: what the profile is of.
    """
    found: dict[str, Any] = {"prefix": "", "limits": ImageLimits()} | dict.fromkeys(_SETS, frozenset())
    for row in rows:
        said = {name: getattr(row, name) for name in row.model_fields_set}
        said["limits"] = tighter(found["limits"], row.limits)
        said |= {name: found[name] | getattr(row, name) for name in _SETS}
        found |= said
    return ModelProfile(**(found | {"model": model}))


def tighter(general: ImageLimits, specific: ImageLimits) -> ImageLimits:
    """Two limits together: of two numbers the smaller, of anything else what the more specific one sets.

    Example:
        >>> tighter(ImageLimits(max_images=5, accepts_url=True), ImageLimits(max_images=9, accepts_url=False))
        ... # doctest: +ELLIPSIS
        ImageLimits(..., max_images=5, ..., accepts_url=False, ...)
    """
    found = {name: getattr(general, name) for name in general.model_fields_set}
    for name in specific.model_fields_set:
        value, bound = getattr(specific, name), found.get(name)
        if value is None or bound is None or isinstance(value, bool | frozenset):
            found[name] = bound if value is None else value
        else:
            found[name] = min(value, bound)
    return ImageLimits(**found)


def _is_same(one: str, other: str) -> bool:
    return one.lower() == other.lower()
