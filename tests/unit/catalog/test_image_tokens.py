"""Tokens of images: equal to what the models' own processors count."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vlm_core.catalog.image_tokens import FORMULAS, image_tokens
from vlm_core.errors import ConfigError

GOLDEN = json.loads((Path(__file__).parent / "golden_image_tokens.json").read_text(encoding="utf-8"))
MEASURED = [
    pytest.param(row["formula"], row["max_pixels"], size, count, id=f"{row['formula']}-{number}-{size}")
    for number, row in enumerate(GOLDEN["tokens"])
    for size, count in zip(GOLDEN["sizes"], row["counts"], strict=True)
]
NAMES = sorted(FORMULAS)


@pytest.mark.parametrize(("formula", "max_pixels", "size", "count"), MEASURED)
def test_a_count_is_what_the_processor_itself_gave(
    formula: str, max_pixels: int | None, size: str, count: int
) -> None:
    width, height = map(int, size.split("x"))
    assert image_tokens(formula, width, height, max_pixels=max_pixels) == count


# Computed by the functions of transformers 5.23.0 that decide the size: smart_resize of glm4v, and
# get_resize_output_image_size of pixtral without the rows' ends.
@pytest.mark.parametrize(
    ("formula", "width", "height", "count"),
    [
        pytest.param("glm-4v", 20, 20, 9, id="glm enlarges a tiny image"),
        pytest.param("glm-4v", 1240, 1754, 2772, id="glm keeps a page"),
        pytest.param("glm-4v", 4000, 3000, 7500, id="glm shrinks a photo, which counts as two frames"),
        pytest.param("lightonocr", 1240, 1754, 2145, id="lightonocr has no ends of rows"),
        pytest.param("lightonocr", 400, 2400, 550, id="lightonocr keeps a strip in shape"),
        pytest.param("got-ocr2", 1240, 1754, 256, id="got-ocr2 is flat"),
    ],
)
def test_other_formulas(formula: str, width: int, height: int, count: int) -> None:
    assert image_tokens(formula, width, height) == count


# The examples of OpenAI's guide to images, and the arithmetic that it describes.
@pytest.mark.parametrize(
    ("formula", "width", "height", "detail", "count"),
    [
        pytest.param("openai-tiles", 1024, 1024, None, 765, id="four tiles"),
        pytest.param("openai-tiles", 2048, 4096, "high", 1105, id="six tiles after two shrinkings"),
        pytest.param("openai-tiles", 4096, 8192, "low", 85, id="low costs the base"),
        pytest.param("openai-tiles", 1240, 1754, "auto", 1105, id="auto is counted as high"),
        pytest.param("openai-tiles", 512, 512, None, 255, id="a small image is not enlarged"),
        pytest.param("openai-patches-mini", 1024, 1024, None, 1659, id="1024 patches times 1.62"),
        pytest.param("openai-patches-mini", 1800, 2400, None, 2353, id="1452 patches after shrinking"),
        pytest.param("openai-patches-nano", 2048, 4096, None, 3587, id="1458 patches times 2.46"),
        pytest.param("gemini", 384, 384, None, 258, id="gemini, small"),
        pytest.param("gemini", 1536, 768, None, 516, id="gemini, two tiles"),
    ],
)
def test_formulas_of_closed_models(
    formula: str, width: int, height: int, detail: str | None, count: int
) -> None:
    assert image_tokens(formula, width, height, detail=detail) == count


def test_with_overhead_a_count_is_what_a_server_billed() -> None:
    # transformers serve, Qwen2.5-VL: 34 prompt tokens, of which 20 are text, for 112 × 84 pixels
    assert image_tokens("qwen2-vl", 112, 84, with_overhead=True) == 14


def test_the_profile_bounds_the_count_from_below_too() -> None:
    assert image_tokens("qwen2-vl", 28, 28, min_pixels=100 * 28**2, max_pixels=5000 * 28**2) == 100


@pytest.mark.parametrize("name", [name for name in NAMES if FORMULAS[name].max_aspect])
def test_an_image_too_narrow_for_the_processor_has_no_count(name: str) -> None:
    longest = 10 * (FORMULAS[name].max_aspect or 0)
    assert image_tokens(name, 10, longest) is not None
    assert image_tokens(name, 10, longest + 1) is None
    assert image_tokens(name, longest + 1, 10, with_overhead=True) is None


@pytest.mark.parametrize("name", [name for name in NAMES if name != "openai-tiles"])
@pytest.mark.parametrize("detail", ["low", "auto", "original"])
def test_a_detail_that_leaves_the_size_to_the_provider_has_no_count(name: str, detail: str) -> None:
    assert image_tokens(name, 1000, 1000, detail=detail) is None


def test_a_model_without_a_formula_has_no_count() -> None:
    assert image_tokens(None, 100, 100) is None
    assert image_tokens(None, 100, 100, with_overhead=True) is None


def test_no_pixels_have_no_count() -> None:
    assert image_tokens("gemma-3", 0, 100) is None


def test_a_misspelled_formula_is_named_with_those_like_it() -> None:
    with pytest.raises(ConfigError, match="qwen2-vl"):
        image_tokens("qwen-2-vl", 100, 100)


@pytest.mark.parametrize("name", NAMES)
def test_every_formula_names_its_source(name: str) -> None:
    assert FORMULAS[name].source
