"""The families of models that are known: how they count images, and which of them only read documents.

A row holds wherever the family runs; what one provider makes of it stands in `offers`.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from vlm_core.catalog.schema import ImageLimits, ModelProfile, Quirk

__all__ = ["FAMILIES"]

_CHECKED = date(2026, 11, 21)
_TRANSFORMERS = "transformers 5.23.0"


def _family(
    name: str, *prefixes: str, source: str = _TRANSFORMERS, **fields: Any
) -> tuple[ModelProfile, ...]:
    """A row for each spelling of a family; its name is the only one where none is given."""
    row: dict[str, Any] = {"family": name, "vision": True, "source": source, "checked": _CHECKED, **fields}
    return tuple(ModelProfile(prefix=prefix, **row) for prefix in prefixes or (name,))


# Bounds are those of the checkpoints' own preprocessor_config.json.
_QWEN2: dict[str, Any] = {
    "image_tokens": "qwen2-vl", "grid": 28, "min_pixels": 3136, "max_pixels": 12_845_056,
}  # fmt: skip
_QWEN3: dict[str, Any] = {
    "image_tokens": "qwen3-vl", "grid": 32, "min_pixels": 65_536, "max_pixels": 16_777_216,
}  # fmt: skip
# Their chat template refuses a second system message, and one behind others (vllm-project/vllm#41114).
_QWEN35: dict[str, Any] = _QWEN3 | {"thinking": True, "quirks": frozenset({Quirk.ONE_SYSTEM_MESSAGE})}
# They refuse a call of a tool without the reasoning before it (QuantumNous/new-api#3121).
_KEEPS_THINKING: dict[str, Any] = {
    "thinking": True, "reasoning_back": "always", "quirks": frozenset({Quirk.NEEDS_REASONING}),
}  # fmt: skip
_GLM: dict[str, Any] = {"image_tokens": "glm-4v", "grid": 28}
_MISTRAL: dict[str, Any] = {"image_tokens": "mistral-small-3", "grid": 28}

_GENERAL = (
    *_family("qwen2-vl", **_QWEN2),
    *_family("qwen2.5-vl", **_QWEN2),
    *_family("qwen3-vl", **_QWEN3),
    *_family("qwen3.5", **_QWEN35),
    *_family("qwen3.6", **_QWEN35),
    *_family("qwen3.8", "qwen3.8-27b", **_QWEN35),
    *_family(
        "llama-3.2-vision",
        "llama-3.2-vision",
        "llama-3.2-11b-vision",
        "llama-3.2-90b-vision",
        "llama-v3.2-11b-vision",
        "llama-v3.2-90b-vision",
        image_tokens="llama-3.2-vision",
    ),
    *_family("llama-4", image_tokens="llama-4"),
    *_family("gemma-3", image_tokens="gemma-3"),
    *_family("gemma-3", "gemma-3-1b", "gemma-3-270m", vision=False, image_tokens=None),
    *_family("gemma-3n", image_tokens=None),
    *_family("gemma-4", image_tokens="gemma-4"),
    *_family("pixtral", image_tokens="pixtral", grid=16),
    *_family(
        "mistral-small-3",
        "mistral-small-3.1",
        "mistral-small-3.2",
        "mistral-small-2503",
        "mistral-small-2506",
        **_MISTRAL,
    ),
    *_family("mistral-medium-3", **_MISTRAL),
    *_family("mistral-medium-3", "mistral-medium-2505", "mistral-medium-2508", **_MISTRAL),
    *_family("mistral-medium-3.5", "mistral-medium-3-5", image_tokens=None, grid=None),
    *_family(
        "ministral-3",
        "ministral-3-3b",
        "ministral-3-8b",
        "ministral-3-14b",
        "ministral-3b-2512",
        "ministral-8b-2512",
        "ministral-14b-2512",
        **_MISTRAL,
    ),
    *_family("internvl", "internvl-2.5", "internvl-3", image_tokens="internvl"),
    *_family(
        "nemotron-nano-12b-v2-vl",
        "nemotron-nano-12b-v2-vl",
        "nemotron-nano-v2-12b-vl",
        "nvidia-nemotron-nano-12b-v2-vl",
        image_tokens="nemotron-nano-v2-vl",
    ),
    *_family("glm-4.1v", **_GLM),
    *_family("glm-4.5v", **_GLM, thinking=True),
    *_family("glm-4.6v", **_GLM, thinking=True),
    *_family("ernie-4.5-vl", thinking=True, source="litellm 1.106.2"),
    *_family("kimi-k2.5", **_KEEPS_THINKING, source="litellm 1.106.2; QuantumNous/new-api#3121"),
    *_family("kimi-k2.6", **_KEEPS_THINKING, source="litellm 1.106.2; liliMozi/openhanako#1667"),
    *_family("deepseek-v4", **_KEEPS_THINKING, vision=False, source="anomalyco/opencode#24722"),
    *_family("deepseek-r1", vision=False, thinking=True, reasoning_back="never", source="DeepSeek's guide"),
)

_OPENAI = "OpenAI's guide to images, 2026"
_CLOSED = (
    *_family("gpt-4o", image_tokens="openai-tiles", source=_OPENAI),
    *_family("gpt-4o-mini", image_tokens=None, source=_OPENAI),
    *_family("gpt-4.1", image_tokens="openai-tiles", source=_OPENAI),
    *_family("gpt-4.1-mini", image_tokens="openai-patches-mini", source=_OPENAI),
    *_family("gpt-4.1-nano", image_tokens="openai-patches-nano", source=_OPENAI),
    *_family("gpt-4.5", image_tokens="openai-tiles", source=_OPENAI),
    # What a patch costs here is told in several ways, and was measured to be none of them.
    *_family("gpt-5", "gpt-5", "gpt-5.", thinking=True, source=_OPENAI),
    *_family("gemini-2", "gemini-2.", image_tokens="gemini", source="Google's guide, 2026"),
    *_family(
        "gemini-3",
        "gemini-3",
        "gemini-3.",
        thinking=True,
        quirks=frozenset({Quirk.NEEDS_THOUGHT_SIGNATURE}),
        source="litellm 1.106.2; ai.google.dev/gemini-api/docs/thought-signatures",
    ),
)


def _reader(name: str, *prefixes: str, dialect: str | None = None, **fields: Any) -> tuple[ModelProfile, ...]:
    """Rows of a family that reads documents and does nothing else."""
    return _family(name, *prefixes, ocr_dialect=dialect or name, tools=False, **fields)


_READERS = (
    *_reader("deepseek-ocr", image_tokens="deepseek-ocr", context_tokens=8192, max_output_tokens=8192),
    *_reader("deepseek-ocr-2", dialect="deepseek-ocr", image_tokens="deepseek-ocr-2"),
    *_reader("olmocr", **_QWEN2, limits=ImageLimits(max_side=1288), source="allenai/olmocr at f7cfe4c"),
    *_reader(
        "olmocr",
        "olmocr-7b-0225",
        dialect="olmocr-0225",
        **_QWEN2,
        limits=ImageLimits(max_side=1024),
        source="olmocr 0.1.76",
    ),
    *_reader(
        "olmocr",
        "olmocr-7b-0825",
        dialect="olmocr-0825",
        **_QWEN2,
        limits=ImageLimits(max_side=1288),
        source="olmocr 0.3.0",
    ),
    *_reader("olmocr-2", **_QWEN2, limits=ImageLimits(max_side=1288), source="allenai/olmocr at f7cfe4c"),
    *_reader("paddleocr-vl", image_tokens="paddleocr-vl", grid=28, min_pixels=384**2, max_pixels=1536**2),
    *_reader("rolmocr", "rolmocr", "rolm-ocr", **_QWEN2),
    *_reader(
        "numarkdown",
        **(_QWEN2 | {"min_pixels": 100 * 28**2, "max_pixels": 5000 * 28**2}),
        thinking=True,
        source="numind's sample program",
    ),
    *_reader("nanonets-ocr", **_QWEN2),
    *_reader("nanonets-ocr", "nanonets-ocr-2", **dict.fromkeys(_QWEN2)),
    *_reader(
        "dots-ocr",
        "dots.ocr",
        "dots.mocr",
        **(_QWEN2 | {"max_pixels": 11_289_600}),
        source="rednote-hilab/dots.ocr at 36d7248",
    ),
    *_reader("glm-ocr", **_GLM),
    *_reader("got-ocr2", "got-ocr-2", "got-ocr-2.0", image_tokens="got-ocr2"),
    *_reader("lightonocr", image_tokens="lightonocr", grid=28, limits=ImageLimits(max_side=1540)),
    *_family("qianfan-ocr", image_tokens="internvl"),
)

_SOME_PROVIDERS_OWN = (
    *_family("llama-3.2-vision", "llama-v3.2-11b-vision", "llama-v3.2-90b-vision", provider="fireworks",
             quirks=frozenset({Quirk.IMAGES_FIRST}), source="Fireworks' guide to vision models"),
    *_family("internvl", provider="siliconflow", quirks=frozenset({Quirk.IMAGES_FIRST}),
             source="docs.siliconflow.com: vision"),
    *_family("deepseek-vl-2", "deepseek-vl-2", provider="siliconflow",
             limits=ImageLimits(recommended_images=2), source="docs.siliconflow.com: vision"),
    *_family("gpt-5", "gpt-5", "gpt-5.", provider="azure", quirks=frozenset({Quirk.MAX_COMPLETION_TOKENS}),
             source=_OPENAI),
)  # fmt: skip

FAMILIES: tuple[ModelProfile, ...] = _GENERAL + _CLOSED + _READERS + _SOME_PROVIDERS_OWN
"""Rows without a model of their own, in no order that matters."""
