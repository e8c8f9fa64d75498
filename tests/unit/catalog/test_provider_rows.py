"""Rows of providers: each says what its pages say."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from vlm_core.catalog.model_rows import FAMILIES
from vlm_core.catalog.offer_rows import OFFERS
from vlm_core.catalog.provider_rows import PROVIDERS
from vlm_core.catalog.schema import ImageLimits, ModelProfile, Price, Provider, Quirk

ROWS = {row.name: row for row in PROVIDERS}
MB = 1_000_000
NUMBERS_OF_LIMITS = (
    *("max_side", "max_pixels", "max_image_bytes", "target_base64_bytes", "max_body_bytes", "max_images"),
    "recommended_images",
)
NUMBERS_OF_MODELS = ("context_tokens", "max_output_tokens", "min_pixels", "max_pixels", "grid")


def formats(*names: str) -> frozenset[str]:
    return frozenset(names)


# What the pages of the providers say of images, a row a fact.
@pytest.mark.parametrize(
    ("name", "limit", "value"),
    [
        pytest.param("devup", "formats", formats("jpeg", "png", "webp"), id="devup: jpg, png, webp"),
        pytest.param("devup", "max_image_bytes", 20 * MB, id="devup: 20MB per image"),
        pytest.param("devup", "max_body_bytes", 20 * MB, id="devup: the request too, to be safe"),
        pytest.param("devup", "accepts_url", True, id="devup: URL or base64"),
        pytest.param("devup", "accepts_detail", False, id="devup: detail is not supported"),
        pytest.param("devup", "max_images", None, id="devup: several images, no number"),
        pytest.param("deepinfra", "formats", formats("jpeg", "png", "webp"), id="deepinfra: jpg, png, webp"),
        pytest.param("deepinfra", "max_image_bytes", 20 * MB, id="deepinfra: 20MB"),
        pytest.param("deepinfra", "max_body_bytes", 20 * MB, id="deepinfra: the request too, to be safe"),
        pytest.param("deepinfra", "accepts_url", True, id="deepinfra: URL or base64"),
        pytest.param("deepinfra", "accepts_detail", False, id="deepinfra: detail is not supported"),
        pytest.param("deepinfra", "max_side", None, id="deepinfra: any resolution"),
        pytest.param("myrouter", "formats", None, id="myrouter: names no formats"),
        pytest.param("myrouter", "target_base64_bytes", MB, id="myrouter: base64 best under 1MB"),
        pytest.param("myrouter", "recommended_images", 2, id="myrouter: best two images"),
        pytest.param("myrouter", "max_images", None, id="myrouter: no bound on images"),
        pytest.param("myrouter", "accepts_detail", True, id="myrouter: high, low, auto"),
        pytest.param("myrouter", "accepts_url", True, id="myrouter: URL or base64"),
        pytest.param("novita", "formats", None, id="novita: names no formats"),
        pytest.param("novita", "target_base64_bytes", MB, id="novita: base64 best under 1MB"),
        pytest.param("novita", "recommended_images", 2, id="novita: best two images"),
        pytest.param("novita", "max_images", None, id="novita: no bound on images"),
        pytest.param("novita", "accepts_detail", True, id="novita: high, low, auto"),
        pytest.param("novita", "accepts_url", True, id="novita: URL or base64"),
        pytest.param("hyperbolic", "formats", formats("jpeg", "png"), id="hyperbolic: JPG, PNG"),
        pytest.param("hyperbolic", "max_side", 2048, id="hyperbolic: 2048x2048"),
        pytest.param("hyperbolic", "max_images", 1, id="hyperbolic: one image"),
        pytest.param("hyperbolic", "accepts_url", False, id="hyperbolic: base64 only"),
        pytest.param("hyperbolic", "accepts_detail", None, id="hyperbolic: silent on detail"),
        pytest.param("groq", "max_images", 5, id="groq: five images"),
        pytest.param("groq", "max_pixels", 33_177_600, id="groq: 33 megapixels"),
        pytest.param("groq", "max_body_bytes", 4 * MB, id="groq: 4MB a request"),
        pytest.param("fireworks", "max_images", 30, id="fireworks: 30 images"),
        pytest.param("fireworks", "max_body_bytes", 10 * MB, id="fireworks: 10MB of base64"),
        pytest.param("openai", "max_images", 500, id="openai: 500 images"),
        pytest.param("openai", "max_body_bytes", 50 * MB, id="openai: 50MB a request"),
        pytest.param("azure", "max_images", 10, id="azure: ten images"),
        pytest.param("ollama", "accepts_url", False, id="ollama: no URLs"),
        pytest.param("lmstudio", "accepts_url", False, id="lmstudio: no URLs"),
        pytest.param("gemini", "accepts_url", False, id="gemini: only base64 is documented"),
    ],
)
def test_a_row_says_what_the_page_says(name: str, limit: str, value: Any) -> None:
    assert getattr(ROWS[name].limits, limit) == value


@pytest.mark.parametrize(
    ("name", "base_url", "variables"),
    [
        ("devup", "https://api.devupai.com/v1", ("DEVUP_API_KEY",)),
        (
            "deepinfra",
            "https://api.deepinfra.com/v1/openai",
            ("DEEPINFRA_TOKEN", "DEEPINFRA_API_KEY", "DEEPINFRA_API_TOKEN"),
        ),
        ("myrouter", "https://api.myrouter.ai/openai", ("MYROUTER_API_KEY",)),
        ("novita", "https://api.novita.ai/openai", ("NOVITA_API_KEY",)),
        ("hyperbolic", "https://api.hyperbolic.xyz/v1", ("HYPERBOLIC_API_KEY", "HYPERBOLIC_API_TOKEN")),
    ],
)
def test_the_address_and_the_key_are_those_of_the_page(
    name: str, base_url: str, variables: tuple[str, ...]
) -> None:
    assert (ROWS[name].base_url, ROWS[name].api_key_env) == (base_url, variables)


@pytest.mark.parametrize(
    ("name", "quirks"),
    [
        ("deepinfra", {Quirk.TOOL_CONTENT_STRING, Quirk.TOOL_CHOICE_AUTO_OR_NONE}),
        ("groq", {Quirk.NO_STREAMED_RESPONSE_FORMAT}),
        ("openai", {Quirk.MAX_COMPLETION_TOKENS}),
        ("azure", {Quirk.API_KEY_HEADER}),
        ("novita", set()),
        ("hyperbolic", set()),
    ],
)
def test_a_provider_differs_from_the_protocol_only_as_is_known(name: str, quirks: set[Quirk]) -> None:
    assert ROWS[name].quirks == quirks


def test_fireworks_lists_no_webp() -> None:
    assert "webp" not in (ROWS["fireworks"].limits.formats or {"webp"})


@pytest.mark.parametrize("name", ["ollama", "vllm", "lmstudio"])
def test_a_server_on_this_machine_needs_no_key(name: str) -> None:
    assert not ROWS[name].key_required


@pytest.mark.parametrize("row", [*PROVIDERS, *FAMILIES, *OFFERS])
def test_every_row_has_its_source_and_the_day_of_it(row: Provider | ModelProfile) -> None:
    assert row.source
    assert row.checked


@pytest.mark.parametrize("row", [row for row in PROVIDERS if row.key_required], ids=lambda row: row.name)
def test_a_hosted_provider_has_a_variable_and_a_safe_address(row: Provider) -> None:
    assert row.api_key_env
    assert row.base_url.startswith("https://") or (row.name == "azure" and not row.base_url)


def test_no_two_providers_share_a_name_or_a_variable() -> None:
    variables = [variable for row in PROVIDERS for variable in row.api_key_env]
    assert len(ROWS) == len(PROVIDERS)
    assert len(set(variables)) == len(variables)


@pytest.mark.parametrize("name", ["Lab", " lab", "a:b", ""], ids=["capital", "blank", "colon", "empty"])
def test_a_name_that_no_route_could_hold_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="provider's name"):
        Provider(name=name)


def test_a_misspelled_limit_is_refused() -> None:
    with pytest.raises(ValidationError, match="max_image\n"):
        ImageLimits.model_validate({"max_image": 1})


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        *(pytest.param(ImageLimits, name, -1, id=name) for name in NUMBERS_OF_LIMITS),
        pytest.param(ImageLimits, "max_side", 0, id="a side of nothing"),
        pytest.param(Price, "input_usd", -1, id="a price below nothing"),
        pytest.param(Price, "output_usd", float("nan"), id="a price that is not a number"),
        *(pytest.param(ModelProfile, name, -1, id=name) for name in NUMBERS_OF_MODELS),
        pytest.param(ModelProfile, "image_tokens", "qwen-vl", id="a formula that nobody has"),
    ],
)
def test_a_field_that_can_mean_nothing_is_refused(kind: type[BaseModel], field: str, value: Any) -> None:
    prefix = {"prefix": "m"} if kind is ModelProfile else {}
    with pytest.raises(ValidationError, match=field):
        kind.model_validate({**prefix, field: value})


def test_an_unknown_formula_is_told_with_those_like_it() -> None:
    with pytest.raises(ValidationError, match="qwen2-vl"):
        ModelProfile(prefix="m", image_tokens="qwen-vl")


def test_a_model_may_cost_nothing() -> None:
    assert Price(input_usd=0, output_usd=0).cost_usd(7, 7) == 0


@pytest.mark.parametrize("sunset", ["soon", "2026-13-01", "01.02.2026"])
def test_the_end_of_a_model_is_a_day_or_announced(sunset: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(sunset)):
        ModelProfile(prefix="m", sunset=sunset)
