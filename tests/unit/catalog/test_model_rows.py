"""Rows of models: which family an id belongs to however it is spelled, and what is offered where."""

from __future__ import annotations

import pytest

from vlm_core.catalog.image_tokens import FORMULAS
from vlm_core.catalog.model_rows import FAMILIES
from vlm_core.catalog.offer_rows import OFFERS
from vlm_core.catalog.provider_rows import PROVIDERS
from vlm_core.catalog.registry import Registry, profile
from vlm_core.catalog.schema import ModelProfile, Quirk

pytestmark = pytest.mark.usefixtures("fresh_registry")
DIALECTS = {
    "deepseek-ocr", "olmocr", "olmocr-0225", "olmocr-0825", "olmocr-2", "paddleocr-vl", "dots-ocr",
    "numarkdown", "nanonets-ocr", "rolmocr", "glm-ocr", "got-ocr2", "lightonocr",
}  # fmt: skip


@pytest.mark.parametrize(
    ("model", "family", "formula"),
    [
        ("Qwen/Qwen2.5-VL-32B-Instruct", "qwen2.5-vl", "qwen2-vl"),
        ("qwen/qwen2.5-vl-72b-instruct:free", "qwen2.5-vl", "qwen2-vl"),
        ("accounts/fireworks/models/qwen2p5-vl-32b-instruct", "qwen2.5-vl", "qwen2-vl"),
        ("qwen2.5vl:7b", "qwen2.5-vl", "qwen2-vl"),
        ("hf.co/unsloth/Qwen2.5-VL-7B-Instruct-GGUF:Q4_K_M", "qwen2.5-vl", "qwen2-vl"),
        ("/models/Qwen2.5-VL-7B-Instruct/", "qwen2.5-vl", "qwen2-vl"),
        ("Qwen/Qwen2-VL-72B-Instruct", "qwen2-vl", "qwen2-vl"),
        ("qwen3-vl:235b-cloud", "qwen3-vl", "qwen3-vl"),
        ("Qwen/Qwen3.5-27B", "qwen3.5", "qwen3-vl"),
        ("meta-llama/Llama-3.2-11B-Vision-Instruct", "llama-3.2-vision", "llama-3.2-vision"),
        ("llama3.2-vision:11b", "llama-3.2-vision", "llama-3.2-vision"),
        ("accounts/fireworks/models/llama-v3p2-90b-vision-instruct", "llama-3.2-vision", "llama-3.2-vision"),
        ("meta-llama/Llama-3.2-3B-Instruct", None, None),
        ("meta-llama/llama-4-scout-17b-16e-instruct", "llama-4", "llama-4"),
        ("llama4:scout", "llama-4", "llama-4"),
        ("google/gemma-3-27b-it", "gemma-3", "gemma-3"),
        ("gemma3:4b", "gemma-3", "gemma-3"),
        ("google/gemma-3-1b-it", "gemma-3", None),
        ("google/gemma-3n-E4B-it", "gemma-3n", None),
        ("google/gemma-4-31B-it", "gemma-4", "gemma-4"),
        ("gemma-34b", None, None),
        ("mistralai/Pixtral-12B-2409", "pixtral", "pixtral"),
        ("mistral-small3.2", "mistral-small-3", "mistral-small-3"),
        ("mistral-small-24b-instruct-2501", None, None),
        ("OpenGVLab/InternVL3-78B", "internvl", "internvl"),
        ("nvidia/NVIDIA-Nemotron-Nano-12B-v2-VL-BF16", "nemotron-nano-12b-v2-vl", "nemotron-nano-v2-vl"),
        ("nvidia/nemotron-nano-12b-v2-vl:free", "nemotron-nano-12b-v2-vl", "nemotron-nano-v2-vl"),
        ("fireworks/nemotron-nano-v2-12b-vl", "nemotron-nano-12b-v2-vl", "nemotron-nano-v2-vl"),
        ("zai-org/glm-4.5v", "glm-4.5v", "glm-4v"),
        ("gpt-4o-2024-11-20", "gpt-4o", "openai-tiles"),
        ("gpt-4o-mini", "gpt-4o-mini", None),
        ("gpt-4.1-mini-2025-04-14", "gpt-4.1-mini", "openai-patches-mini"),
        ("gpt-5.2", "gpt-5", None),
        ("models/gemini-2.5-flash", "gemini-2", "gemini"),
        ("gemini-3.5-flash", "gemini-3", None),
        ("somebody/something", None, None),
    ],
)
def test_an_id_in_any_spelling_finds_its_family(model: str, family: str | None, formula: str | None) -> None:
    found = profile(model)
    assert (found.family, found.image_tokens) == (family, formula)


@pytest.mark.parametrize(
    ("model", "dialect"),
    [
        ("deepseek-ai/DeepSeek-OCR", "deepseek-ocr"),
        ("deepseek/deepseek-ocr-2", "deepseek-ocr"),
        ("deepseek-ocr:3b", "deepseek-ocr"),
        ("deepseek-ocr-maas", "deepseek-ocr"),
        ("allenai/olmOCR-7B-0225-preview", "olmocr-0225"),
        ("allenai/olmOCR-7B-0725-FP8", "olmocr"),
        ("allenai/olmOCR-7B-0825-FP8", "olmocr-0825"),
        ("allenai/olmOCR-2-7B-1025", "olmocr-2"),
        ("PaddlePaddle/PaddleOCR-VL-0.9B", "paddleocr-vl"),
        ("paddlepaddle/paddleocr-vl", "paddleocr-vl"),
        ("reducto/RolmOCR", "rolmocr"),
        ("accounts/fireworks/models/rolm-ocr", "rolmocr"),
        ("numind/NuMarkdown-8B-Thinking", "numarkdown"),
        ("nanonets/Nanonets-OCR-s", "nanonets-ocr"),
        ("nanonets/Nanonets-OCR2-3B", "nanonets-ocr"),
        ("rednote-hilab/dots.ocr", "dots-ocr"),
        ("zai-org/GLM-OCR", "glm-ocr"),
        ("stepfun-ai/GOT-OCR2_0", "got-ocr2"),
        ("stepfun-ai/GOT-OCR-2.0-hf", "got-ocr2"),
        ("lightonai/LightOnOCR-1B-1025", "lightonocr"),
        ("Qwen/Qwen2.5-VL-7B-Instruct", None),
        ("gpt-4o", None),
    ],
)
def test_a_model_that_reads_documents_has_its_dialect(model: str, dialect: str | None) -> None:
    assert profile(model).ocr_dialect == dialect


@pytest.mark.parametrize(
    ("provider", "model", "context", "output", "input_usd", "output_usd"),
    [
        ("deepinfra", "Qwen/Qwen2.5-VL-32B-Instruct", 128_000, None, 0.20, 0.60),
        ("deepinfra", "allenai/olmOCR-7B-0725-FP8", 16_384, None, 0.27, 1.50),
        ("deepinfra", "deepseek-ai/DeepSeek-OCR", 8192, 8192, 0.03, 0.10),
        ("novita", "qwen/qwen2.5-vl-72b-instruct", 32_768, 32_768, 0.80, 0.80),
        ("novita", "baidu/ernie-4.5-vl-28b-a3b", 30_000, 8000, 0.14, 0.56),
        ("novita", "deepseek/deepseek-ocr-2", 8192, 8192, 0.03, 0.03),
        ("novita", "paddlepaddle/paddleocr-vl", 16_384, 16_384, 0.02, 0.02),
        ("hyperbolic", "nvidia/NVIDIA-Nemotron-Nano-12B-v2-VL-BF16", None, None, 0.20, 0.20),
        ("hyperbolic", "mistralai/Pixtral-12B-2409", None, None, 0.10, 0.10),
        ("hyperbolic", "Qwen/Qwen2.5-VL-7B-Instruct", None, None, 0.20, 0.20),
        ("hyperbolic", "Qwen/Qwen2.5-VL-72B-Instruct", None, None, 0.60, 0.60),
    ],
)
def test_an_offer_has_its_context_and_its_price(
    fresh_registry: Registry,
    provider: str,
    model: str,
    context: int | None,
    output: int | None,
    input_usd: float,
    output_usd: float,
) -> None:
    found = fresh_registry.profile(model, provider)
    assert (found.context_tokens, found.max_output_tokens) == (context, output)
    assert found.price is not None
    assert (found.price.input_usd, found.price.output_usd) == (input_usd, output_usd)


@pytest.mark.parametrize(
    ("provider", "model", "sunset"),
    [
        ("hyperbolic", "qwen/qwen2.5-vl-72b-INSTRUCT", "announced"),
        ("together", "Qwen/Qwen2.5-VL-72B-Instruct", "2026-01-05"),
        ("together", "google/gemma-4-31B-it", "2026-09-15"),
        ("deepinfra", "google/gemma-4-31B-it", None),
    ],
)
def test_an_offer_that_ends_says_when(
    fresh_registry: Registry, provider: str, model: str, sunset: str | None
) -> None:
    assert fresh_registry.profile(model, provider).sunset == sunset


def test_a_free_variant_does_not_have_the_price_of_the_paid_one(fresh_registry: Registry) -> None:
    assert fresh_registry.profile("qwen/qwen2.5-vl-72b-instruct:free", "openrouter").price is None


@pytest.mark.parametrize(
    ("provider", "model", "quirk"),
    [
        ("fireworks", "accounts/fireworks/models/llama-v3p2-11b-vision-instruct", Quirk.IMAGES_FIRST),
        ("siliconflow", "OpenGVLab/InternVL3-38B", Quirk.IMAGES_FIRST),
        ("azure", "gpt-5-mini", Quirk.MAX_COMPLETION_TOKENS),
    ],
)
def test_a_quirk_of_a_model_holds_only_at_the_provider_that_has_it(
    fresh_registry: Registry, provider: str, model: str, quirk: Quirk
) -> None:
    assert quirk in fresh_registry.profile(model, provider).quirks
    assert quirk not in fresh_registry.profile(model, "openrouter").quirks


@pytest.mark.parametrize("row", [row for row in FAMILIES if row.image_tokens], ids=lambda row: row.prefix)
def test_every_formula_exists(row: ModelProfile) -> None:
    assert row.image_tokens in FORMULAS


def test_every_dialect_is_one_that_is_known() -> None:
    assert {row.ocr_dialect for row in FAMILIES if row.ocr_dialect} == DIALECTS


def test_every_offer_is_of_a_known_provider_and_named_once() -> None:
    named = [(row.provider, row.model) for row in OFFERS]
    assert {provider for provider, _ in named} <= {row.name for row in PROVIDERS}
    assert len(set(named)) == len(named)


def test_no_two_families_have_rows_about_the_same_ids() -> None:
    rows = [(row.prefix, row.provider) for row in FAMILIES]
    assert len(set(rows)) == len(rows)
