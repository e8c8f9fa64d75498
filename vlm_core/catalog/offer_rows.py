"""Which provider offers which model: at what price, with how long a context, until when.

A list of what is known, never of what is allowed: any model's id goes to any provider. Prices are in US
dollars for a million tokens, and change; each has its source and the day of it.
"""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Any, TypedDict

from vlm_core.catalog.schema import ModelProfile, Price, ResponseFormat

__all__ = ["OFFERS"]

_SCHEMA: frozenset[ResponseFormat] = frozenset({"json_schema", "json_object"})
_BY_TOOL: frozenset[ResponseFormat] = frozenset({"tool"})
_NONE: frozenset[ResponseFormat] = frozenset()


def _offer(
    provider: str,
    source: str,
    checked: date,
    model: str,
    context: int | None = None,
    output: int | None = None,
    input_usd: float | None = None,
    output_usd: float | None = None,
    *,
    tools: bool | None = None,
    structured: bool | None = None,
    thinking: bool | None = None,
    sunset: str | None = None,
) -> ModelProfile:
    """One row. What is None is left out, so that what the family's row says stays."""
    row: dict[str, Any] = {
        "vision": True,
        "context_tokens": context,
        "max_output_tokens": output,
        "price": _price(input_usd, output_usd, source, checked),
        "tools": tools,
        "response_formats": _formats(tools, structured),
        "thinking": thinking,
        "sunset": sunset,
    }
    known = {name: value for name, value in row.items() if value is not None}
    return ModelProfile(prefix="", provider=provider, model=model, source=source, checked=checked, **known)


def _price(input_usd: float | None, output_usd: float | None, source: str, checked: date) -> Price | None:
    if input_usd is None:
        return None
    return Price(input_usd=input_usd, output_usd=output_usd, source=source, checked=checked)


def _formats(tools: bool | None, structured: bool | None) -> frozenset[ResponseFormat] | None:
    if structured is None:
        return None
    return (_SCHEMA if structured else _NONE) | (_BY_TOOL if tools else _NONE)


_PAGES = date(2026, 11, 21)
_LITELLM = ("litellm 1.106.2", date(2026, 10, 21))

_devup = partial(_offer, "devup", "DevUp AI documentation: Vision & OCR", _PAGES)
_deepinfra = partial(_offer, "deepinfra", *_LITELLM)
_myrouter = partial(_offer, "myrouter", "MyRouter documentation: Vision Language Models", _PAGES)
_novita = partial(_offer, "novita", *_LITELLM)
_hyperbolic = partial(
    _offer, "hyperbolic", "Hyperbolic documentation: Vision Language Models", _PAGES, sunset="announced"
)
_openai = partial(_offer, "openai", *_LITELLM, tools=True, structured=True)
_openrouter = partial(_offer, "openrouter", "OpenRouter's list, in models.dev", date(2026, 7, 2))
_together = partial(_offer, "together", *_LITELLM)
_fireworks = partial(_offer, "fireworks", *_LITELLM)
_siliconflow = partial(_offer, "siliconflow", "models.dev", date(2026, 7, 2))
_nebius = partial(_offer, "nebius", *_LITELLM)
_groq = partial(_offer, "groq", *_LITELLM)
_mistral = partial(_offer, "mistral", *_LITELLM, tools=True, structured=True)
_gemini = partial(_offer, "gemini", *_LITELLM, tools=True, structured=True, thinking=True)


class _Traits(TypedDict, total=False):
    tools: bool
    structured: bool
    thinking: bool


_FULL = _Traits(tools=True, structured=True)
_THINKS = _Traits(tools=True, structured=True, thinking=True)
_PLAIN = _Traits(tools=False, structured=False)
_AT_FIREWORKS = "accounts/fireworks/models/"

OFFERS: tuple[ModelProfile, ...] = (
    _devup("Qwen/Qwen2.5-VL-32B-Instruct"),
    _devup("Qwen/Qwen2.5-VL-7B-Instruct"),
    _devup("meta-llama/Llama-3.2-11B-Vision-Instruct"),
    _deepinfra("Qwen/Qwen2.5-VL-32B-Instruct", 128_000, None, 0.20, 0.60, tools=True, structured=False),
    _deepinfra("Qwen/Qwen3-VL-235B-A22B-Instruct", 262_144, None, 0.20, 0.88, **_FULL),
    _deepinfra("Qwen/Qwen3-VL-30B-A3B-Instruct", 262_144, None, 0.15, 0.60, **_FULL),
    _deepinfra("Qwen/Qwen3.5-9B", 262_144, None, 0.10, 0.15, **_FULL),
    _deepinfra("Qwen/Qwen3.5-27B", 262_144, None, 0.26, 2.60, **_THINKS),
    _deepinfra("Qwen/Qwen3.5-35B-A3B", 262_144, None, 0.14, 1.00, **_THINKS),
    _deepinfra("Qwen/Qwen3.6-27B", 262_144, None, 0.32, 3.20, **_THINKS),
    _deepinfra("Qwen/Qwen3.6-35B-A3B", 262_144, None, 0.10, 0.95, **_THINKS),
    _deepinfra("meta-llama/Llama-3.2-11B-Vision-Instruct", 131_072, None, 0.049, 0.049, structured=False),
    _deepinfra("meta-llama/Llama-4-Scout-17B-16E-Instruct", 327_680, None, 0.10, 0.30, tools=True),
    _deepinfra("meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8", 1_048_576, None, 0.20, 0.80, tools=True),
    _deepinfra("google/gemma-3-27b-it", 131_072, None, 0.08, 0.16, tools=True),
    _deepinfra("google/gemma-3-12b-it", 131_072, None, 0.05, 0.15, tools=True),
    _deepinfra("google/gemma-3-4b-it", 131_072, None, 0.05, 0.10, tools=True),
    _deepinfra("google/gemma-4-31B-it", 262_144, None, 0.13, 0.38, **_THINKS),
    _deepinfra("google/gemma-4-26B-A4B-it", 262_144, None, 0.07, 0.34, **_THINKS),
    _deepinfra("moonshotai/Kimi-K2.5", 262_144, None, 0.45, 2.25, **_THINKS),
    _deepinfra("moonshotai/Kimi-K2.6", 262_144, None, 0.75, 3.50, **_THINKS),
    _offer("deepinfra", "deepinfra.com, the model's page", date(2026, 11, 1),
           "deepseek-ai/DeepSeek-OCR", None, None, 0.03, 0.10),
    _offer("deepinfra", "allenai/olmocr, README", date(2026, 11, 1),
           "allenai/olmOCR-2-7B-1025", None, None, 0.09, 0.19),
    _deepinfra("allenai/olmOCR-7B-0725-FP8", 16_384, None, 0.27, 1.50, structured=False),
    _myrouter("qwen/qwen2.5-vl-72b-instruct"),
    _novita("qwen/qwen2.5-vl-72b-instruct", 32_768, 32_768, 0.80, 0.80, **_PLAIN),
    _novita("qwen/qwen3-vl-8b-instruct", 131_072, 32_768, 0.08, 0.50, **_FULL),
    _novita("qwen/qwen3-vl-30b-a3b-instruct", 131_072, 32_768, 0.20, 0.70, **_FULL),
    _novita("qwen/qwen3-vl-30b-a3b-thinking", 131_072, 32_768, 0.20, 1.00, **_THINKS),
    _novita("qwen/qwen3-vl-235b-a22b-instruct", 131_072, 32_768, 0.30, 1.50, **_FULL),
    _novita("qwen/qwen3-vl-235b-a22b-thinking", 131_072, 32_768, 0.98, 3.95,
            tools=True, structured=False, thinking=True),
    _novita("qwen/qwen3.5-27b", 262_144, 65_536, 0.30, 2.40, **_THINKS),
    _novita("qwen/qwen3.6-27b", 262_144, 65_536, 0.60, 3.60, **_THINKS),
    _novita("zai-org/glm-4.5v", 65_536, 16_384, 0.60, 1.80, **_THINKS),
    _novita("zai-org/glm-4.6v", 131_072, 32_768, 0.30, 0.90, **_THINKS),
    _novita("google/gemma-3-27b-it", 98_304, 16_384, 0.119, 0.20, tools=False),
    _novita("google/gemma-3-12b-it", 131_072, 8192, 0.05, 0.10, tools=False, structured=True),
    _novita("google/gemma-4-31b-it", 262_144, 131_072, 0.14, 0.40, **_THINKS),
    _novita("google/gemma-4-26b-a4b-it", 262_144, 131_072, 0.13, 0.40, **_THINKS),
    _novita("meta-llama/llama-4-scout-17b-16e-instruct", 131_072, 131_072, 0.18, 0.59, tools=False),
    _novita("meta-llama/llama-4-maverick-17b-128e-instruct-fp8", 1_048_576, 8192, 0.27, 0.85,
            tools=False, structured=True),
    _novita("baidu/ernie-4.5-vl-28b-a3b", 30_000, 8000, 0.14, 0.56, tools=True, thinking=True),
    _novita("baidu/ernie-4.5-vl-424b-a47b", 123_000, 16_000, 0.42, 1.25, thinking=True),
    _novita("deepseek/deepseek-ocr", 8192, 8192, 0.03, 0.03, tools=False, structured=True),
    _novita("deepseek/deepseek-ocr-2", 8192, 8192, 0.03, 0.03, tools=False),
    _novita("paddlepaddle/paddleocr-vl", 16_384, 16_384, 0.02, 0.02, **_PLAIN),
    _hyperbolic("nvidia/NVIDIA-Nemotron-Nano-12B-v2-VL-BF16", None, None, 0.20, 0.20),
    _hyperbolic("mistralai/Pixtral-12B-2409", None, None, 0.10, 0.10),
    _hyperbolic("Qwen/Qwen2.5-VL-7B-Instruct", None, None, 0.20, 0.20),
    _hyperbolic("Qwen/Qwen2.5-VL-72B-Instruct", None, None, 0.60, 0.60),
    _openai("gpt-4o", 128_000, 16_384, 2.50, 10.00),
    _openai("gpt-4o-mini", 128_000, 16_384, 0.15, 0.60),
    _openai("gpt-4.1", 1_047_576, 32_768, 2.00, 8.00),
    _openai("gpt-4.1-mini", 1_047_576, 32_768, 0.40, 1.60),
    _openai("gpt-4.1-nano", 1_047_576, 32_768, 0.10, 0.40, sunset="2026-10-23"),
    _openai("gpt-5", 272_000, 128_000, 1.25, 10.00, thinking=True),
    _openai("gpt-5-mini", 272_000, 128_000, 0.25, 2.00, thinking=True),
    _openai("gpt-5-nano", 272_000, 128_000, 0.05, 0.40, thinking=True),
    _openai("gpt-5.1", 272_000, 128_000, 1.25, 10.00, thinking=True, sunset="2027-04-01"),
    _openai("gpt-5.2", 272_000, 128_000, 1.75, 14.00, thinking=True),
    _openrouter("qwen/qwen2.5-vl-72b-instruct", 32_000, None, 0.25, 0.75),
    _openrouter("qwen/qwen3-vl-8b-instruct", None, None, 0.08, 0.50),
    _openrouter("qwen/qwen3-vl-30b-a3b-instruct", None, None, 0.13, 0.52),
    _openrouter("qwen/qwen3-vl-32b-instruct", None, None, 0.104, 0.416),
    _openrouter("qwen/qwen3-vl-235b-a22b-instruct", None, None, 0.20, 0.88),
    _openrouter("nvidia/nemotron-nano-12b-v2-vl:free", None, None, 0.0, 0.0, structured=False),
    _openrouter("mistralai/mistral-small-3.1-24b-instruct", structured=False),
    _openrouter("mistralai/mistral-small-3.2-24b-instruct", None, None, 0.075, 0.20),
    _openrouter("mistralai/pixtral-large-2411", None, None, 2.00, 6.00),
    _openrouter("meta-llama/llama-3.2-11b-vision-instruct", None, None, 0.245, 0.245),
    _openrouter("google/gemma-3-27b-it", None, None, 0.08, 0.16),
    _openrouter("z-ai/glm-4.5v", structured=False),
    _openrouter("z-ai/glm-4.6v", structured=False),
    _openrouter("baidu/qianfan-ocr-fast", None, None, 0.68, 2.81, structured=False),
    _together("Qwen/Qwen2-VL-72B-Instruct", 32_768, None, 1.20, 1.20, sunset="2025-08-28"),
    _together("Qwen/Qwen2.5-VL-72B-Instruct", 32_768, None, 1.95, 8.00, sunset="2026-01-05"),
    _together("meta-llama/Llama-4-Scout-17B-16E-Instruct", 1_048_576, None, 0.18, 0.59, sunset="2026-02-06"),
    _together("Qwen/Qwen3-VL-32B-Instruct", 262_144, None, 0.50, 1.50, sunset="2026-02-25"),
    _together("Qwen/Qwen3-VL-8B-Instruct", 262_144, None, 0.18, 0.68, sunset="2026-04-16"),
    _together("Qwen/Qwen3.5-397B-A17B", 262_144, None, 0.60, 3.60, sunset="2026-06-29"),
    _together("google/gemma-4-31B-it", 262_144, None, 0.39, 0.97, sunset="2026-09-15"),
    _together("Qwen/Qwen3.5-9B", 262_144, None, 0.17, 0.25, **_THINKS),
    _fireworks(_AT_FIREWORKS + "qwen2p5-vl-32b-instruct", 128_000, None, 0.90, 0.90),
    _fireworks(_AT_FIREWORKS + "qwen2p5-vl-72b-instruct", 128_000, None, 0.90, 0.90),
    _fireworks(_AT_FIREWORKS + "qwen2p5-vl-7b-instruct", 128_000, None, 0.20, 0.20),
    _fireworks(_AT_FIREWORKS + "qwen3-vl-235b-a22b-instruct", 262_144, None, 0.22, 0.88),
    _fireworks(_AT_FIREWORKS + "qwen3-vl-30b-a3b-instruct", 262_144, None, 0.15, 0.60),
    _fireworks(_AT_FIREWORKS + "qwen3-vl-8b-instruct", 262_144, 4096, 0.20, 0.20),
    _fireworks(_AT_FIREWORKS + "llama-v3p2-11b-vision-instruct", 131_072, 16_384, 0.20, 0.20,
               tools=False, structured=True),
    _fireworks(_AT_FIREWORKS + "nemotron-nano-v2-12b-vl", 131_072, 4096, 0.10, 0.10),
    _fireworks(_AT_FIREWORKS + "rolm-ocr", 128_000, None, 0.20, 0.20),
    _fireworks(_AT_FIREWORKS + "firesearch-ocr-v6", 8192, 8192, 0.20, 0.20),
    _siliconflow("Qwen/Qwen3-VL-8B-Instruct", None, None, 0.18, 0.68),
    _siliconflow("Qwen/Qwen3-VL-235B-A22B-Instruct", None, None, 0.30, 1.50),
    # models.dev says 128,000; the smaller figure cannot overflow.
    _nebius("Qwen/Qwen2.5-VL-72B-Instruct", 32_000, None, 0.25, 0.75, tools=True),
    _nebius("google/gemma-3-27b-it", 110_000, None, 0.10, 0.30, tools=True),
    _groq("qwen/qwen3.8-27b", 131_072, 16_384, 0.80, 4.00, **_FULL),
    _mistral("mistral-small-2603", 262_144, None, 0.15, 0.60, thinking=True),
    _mistral("mistral-medium-2508", None, None, 0.40, 2.00),
    _mistral("mistral-medium-2604", 262_144, None, 1.50, 7.50, thinking=True),
    _mistral("ministral-3b-2512", 131_072, None, 0.10, 0.10),
    _mistral("ministral-8b-2512", 262_144, None, 0.15, 0.15),
    _mistral("ministral-14b-2512", 262_144, None, 0.20, 0.20),
    _mistral("pixtral-large-latest", 128_000, None, 2.00, 6.00),
    _gemini("gemini-2.5-flash", 1_048_576, 65_536, 0.30, 2.50),
    _gemini("gemini-2.5-flash-lite", 1_048_576, 65_536, 0.10, 0.40),
    _gemini("gemini-2.5-pro", 1_048_576, 65_536, 1.25, 10.00),
    _gemini("gemini-3.5-flash", 1_048_576, 65_536, 1.50, 9.00),
)  # fmt: skip
"""One row for each model of each provider."""
