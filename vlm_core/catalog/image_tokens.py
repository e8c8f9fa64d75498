"""How many tokens an image becomes, counted as the model's own processor counts.

The formulas were checked against the processors of transformers 5.23.0 over sizes from 1 to 20,000
pixels a side. A host may shrink images before its model sees them and so bill less; OpenAI's and
Gemini's formulas are from their guides, and are estimates. `Formula.exact` tells which is which.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, partial

from vlm_core.errors import ConfigError

__all__ = ["FORMULAS", "Formula", "find_formula", "image_tokens"]

_TRANSFORMERS = "transformers 5.23.0, models/{}"


@dataclass(frozen=True)
class Formula:
    """How one family of models counts.

    Example:
        >>> FORMULAS["gemma-3"].overhead
        4
    """

    count: Callable[[int, int, int, int], int]
    """Of width, height, and the bounds below, all in pixels."""
    source: str
    min_pixels: int = 0
    """Smaller images are enlarged; a profile's own bound counts first, as for the next one."""
    max_pixels: int = 0
    max_aspect: int | None = None
    """The processor refuses images whose longer side is more than so many times the shorter one."""
    overhead: int = 0
    """Tokens around the image, which are billed too: where it begins, where it ends."""
    low_detail: int | None = None
    """Tokens of any image sent with detail "low"."""
    exact: bool = True
    """Whether it is what the model's own processor does."""


def image_tokens(
    formula_name: str | None,
    width: int,
    height: int,
    *,
    min_pixels: int | None = None,
    max_pixels: int | None = None,
    detail: str | None = None,
    with_overhead: bool = False,
) -> int | None:
    """The tokens of one image.

    Args:
        formula_name: a key of FORMULAS, such as a profile's `image_tokens`.
        width: in pixels, of the image as it is sent.
        height: in pixels.
        min_pixels: of the model, in place of the formula's own.
        max_pixels: likewise.
        detail: as it is sent, so None where the provider does not take it.
        with_overhead: count what stands around the image as well, which a server bills.

    Returns:
        None where it cannot be known: no formula, an image too narrow for the model (as one over 200 times
        as long as wide is for Qwen, GLM and PaddleOCR), or a detail that leaves the size to the provider.

    Raises:
        ConfigError: no formula has this name.

    Example:
        >>> image_tokens("qwen2-vl", 1240, 1754)
        1260
        >>> image_tokens("qwen2-vl", 1240, 1754, max_pixels=12_845_056)
        2772
        >>> image_tokens("qwen2-vl", 112, 84), image_tokens("qwen2-vl", 112, 84, with_overhead=True)
        (12, 14)
        >>> image_tokens("qwen2-vl", 10, 2010) is None
        True
    """
    if formula_name is None:
        return None
    formula = find_formula(formula_name)
    shorter, longer = sorted((width, height))
    if shorter < 1 or (formula.max_aspect and longer > formula.max_aspect * shorter):
        return None
    if detail == "low":
        return formula.low_detail
    if detail not in (None, "high", "auto") or (detail == "auto" and formula.low_detail is None):
        return None
    tokens = formula.count(width, height, min_pixels or formula.min_pixels, max_pixels or formula.max_pixels)
    return tokens + formula.overhead if with_overhead else tokens


def find_formula(name: str) -> Formula:
    """The formula of a name.

    Raises:
        ConfigError: there is none; it says which are spelled alike.

    Example:
        >>> find_formula("gemma-3").exact
        True
    """
    if name not in FORMULAS:
        near = get_close_matches(name, FORMULAS, n=3) or sorted(FORMULAS)
        raise ConfigError(f"no formula counts image tokens as {name!r}", hint=f"Use {', '.join(near)}.")
    return FORMULAS[name]


# Patches on a grid: the sides are rounded to it, and scaled until the area is within bounds.


def _grid(width: int, height: int, least: int, most: int, *, cell: int, frames: int = 1) -> int:
    """Cells of an image whose sides are rounded to a cell's. A still counts as so many frames of a film."""
    rows, columns = round(height / cell), round(width / cell)  # halves to even, as the processors do
    area = frames * rows * columns * cell**2
    if area > most:
        shrink = math.sqrt(frames * width * height / most)
        rows, columns = (max(1, math.floor(side / shrink / cell)) for side in (height, width))
    elif area < least:
        grow = math.sqrt(least / (frames * width * height))
        rows, columns = (math.ceil(side * grow / cell) for side in (height, width))
    return rows * columns


def _paddle(width: int, height: int, least: int, most: int) -> int:
    if height < 28:
        width, height = round(width * 28 / height), 28
    if width < 28:
        width, height = 28, round(height * 28 / width)
    return _grid(width, height, least, most, cell=28)


def _glm(width: int, height: int, least: int, most: int) -> int:
    if min(width, height) < 28:
        scale = max(28 / height, 28 / width)
        width, height = int(width * scale), int(height * scale)
    return _grid(width, height, least, most, cell=28, frames=2)


def _pixtral(width: int, height: int, *_: int, longest: int, cell: int, row_end: int) -> int:
    """Cells within a longest side, and a token at the end of each row where the model has one."""
    ratio = max(height / longest, width / longest, 1)
    if ratio > 1:
        width, height = math.floor(width / ratio), math.floor(height / ratio)
    return math.ceil(height / cell) * (math.ceil(width / cell) + row_end)


def _gemma4(width: int, height: int, *_: int) -> int:
    """As many cells of 48 pixels as the shape allows, of at most 280."""
    scale = math.sqrt(280 * 48**2 / (width * height))
    rows, columns = math.floor(scale * height / 48), math.floor(scale * width / 48)
    if not rows:
        return min(width // height, 280)
    return rows * columns if columns else min(height // width, 280)


# Tiles: the image is cut into squares of one size, each of which costs the same.


@cache
def _arrangements(least: int, most: int) -> tuple[tuple[int, int], ...]:
    """Columns and rows of all rectangles of so many tiles, those of fewer tiles first."""
    sides = range(1, most + 1)
    found = [(columns, rows) for columns in sides for rows in sides if least <= columns * rows <= most]
    return tuple(sorted(found, key=math.prod))


def _tiles_to_hold(width: int, height: int, tile: int, most: int) -> int:
    """Tiles of the rectangle that holds the image with the least enlarging, else the least shrinking."""

    def cost(shape: tuple[int, int]) -> tuple[bool, float, int]:
        scale = min(shape[0] * tile / width, shape[1] * tile / height)
        return scale < 1, scale if scale >= 1 else -scale, math.prod(shape)

    best: tuple[int, int] = min(_arrangements(1, most), key=cost)
    return math.prod(best)


def _tiles_of_like_shape(width: int, height: int, tile: int, least: int, most: int) -> tuple[int, int]:
    """Columns and rows nearest to the image in shape; of equals the larger, if the image fills it."""
    best, nearest = (1, 1), math.inf
    for columns, rows in _arrangements(least, most):
        distance = abs(width / height - columns / rows)
        is_filled = width * height > 0.5 * tile * tile * columns * rows
        if distance < nearest or (distance == nearest and is_filled):
            best, nearest = (columns, rows), distance
    return best


def _llama32(width: int, height: int, *_: int) -> int:
    return 1601 * _tiles_to_hold(width, height, 560, 4)


def _llama4(width: int, height: int, *_: int) -> int:
    """144 a tile, a separator after each; of several, the whole image as one more; and 3 marks."""
    tiles = _tiles_to_hold(width, height, 336, 16)
    return 147 if tiles == 1 else 145 * tiles + 147


def _internvl(width: int, height: int, *_: int, tile: int) -> int:
    tiles = math.prod(_tiles_of_like_shape(width, height, tile, 1, 12))
    return 256 * (tiles + (tiles > 1))


def _deepseek(width: int, height: int, *_: int) -> int:
    """16 rows of 16 for the whole image, 10 by 10 for a tile, an end to each row, and one to it all."""
    whole = 16 * 17 + 1
    if max(width, height) <= 640:
        return whole
    columns, rows = _tiles_of_like_shape(width, height, 640, 2, 6)
    return whole + 10 * rows * (10 * columns + 1)


def _deepseek2(width: int, height: int, *_: int) -> int:
    tiles = 0 if max(width, height) <= 768 else math.prod(_tiles_of_like_shape(width, height, 768, 2, 6))
    return 257 + 144 * tiles


def _flat(*_: int, tokens: int) -> int:
    return tokens


# Hosted models whose processors cannot be run.


def _openai_tiles(width: int, height: int, *_: int) -> int:
    """Shrunk to 2048 pixels, then to 768 on the shorter side; small images are not enlarged."""
    scale = min(1, 2048 / max(width, height))
    scale = min(scale, 768 / min(width, height))
    return 85 + 170 * math.ceil(width * scale / 512) * math.ceil(height * scale / 512)


def _openai_patches(width: int, height: int, *_: int, factor: float) -> int:
    """Patches of 32 pixels, at most 1536 of them, times what the model charges for one."""
    columns, rows = width / 32, height / 32
    if math.ceil(columns) * math.ceil(rows) > 1536:
        scale = math.sqrt(1536 / (columns * rows))
        # Shrunk a little more, so that one side holds whole patches.
        scale *= min(math.floor(side * scale) / (side * scale) or 1 for side in (columns, rows))
        columns, rows = columns * scale, rows * scale
    patches = min(1536, math.ceil(round(columns, 6)) * math.ceil(round(rows, 6)))
    return math.ceil(patches * factor)


def _gemini(width: int, height: int, *_: int) -> int:
    if max(width, height) <= 384:
        return 258
    return 258 * math.ceil(width / 768) * math.ceil(height / 768)


_GUIDE = "OpenAI's guide to images, 2026"

FORMULAS: dict[str, Formula] = {
    "qwen2-vl": Formula(
        partial(_grid, cell=28), _TRANSFORMERS.format("qwen2_vl"), 3136, 1_003_520, max_aspect=200, overhead=2
    ),
    "qwen3-vl": Formula(
        partial(_grid, cell=32), _TRANSFORMERS.format("qwen2_vl, patches of 16"), 65_536, 16_777_216, 200, 2
    ),
    "paddleocr-vl": Formula(_paddle, _TRANSFORMERS.format("paddleocr_vl"), 384**2, 1536**2, 200, 2),
    "glm-4v": Formula(_glm, _TRANSFORMERS.format("glm4v"), 112**2, 28**2 * 15_000, 200, 2),
    # Servers in Mistral's own format round where transformers cuts off, which differs for one size in 70.
    "pixtral": Formula(
        partial(_pixtral, longest=1024, cell=16, row_end=1),
        _TRANSFORMERS.format("pixtral"),
        max_aspect=1024,
    ),
    "mistral-small-3": Formula(
        partial(_pixtral, longest=1540, cell=28, row_end=1),
        _TRANSFORMERS.format("pixtral, patches of 14 merged by 2"),
        max_aspect=1540,
    ),
    "lightonocr": Formula(
        partial(_pixtral, longest=1540, cell=28, row_end=0),
        _TRANSFORMERS.format("lighton_ocr"),
        max_aspect=1540,
    ),
    "gemma-3": Formula(partial(_flat, tokens=256), _TRANSFORMERS.format("gemma3"), overhead=4),
    "gemma-4": Formula(_gemma4, _TRANSFORMERS.format("gemma4"), overhead=2),
    "llama-3.2-vision": Formula(_llama32, _TRANSFORMERS.format("mllama"), overhead=1),
    "llama-4": Formula(_llama4, _TRANSFORMERS.format("llama4")),
    "internvl": Formula(
        partial(_internvl, tile=448), _TRANSFORMERS.format("internvl and got_ocr2"), overhead=2
    ),
    "nemotron-nano-v2-vl": Formula(
        # Its own processor is not in transformers; assumed to be InternVL's with larger tiles.
        partial(_internvl, tile=512),
        _TRANSFORMERS.format("got_ocr2"),
        overhead=2,
        exact=False,
    ),
    "deepseek-ocr": Formula(_deepseek, _TRANSFORMERS.format("unlimited_ocr") + "; DeepSeek-OCR's config"),
    "deepseek-ocr-2": Formula(_deepseek2, _TRANSFORMERS.format("deepseek_ocr2")),
    "got-ocr2": Formula(partial(_flat, tokens=256), _TRANSFORMERS.format("got_ocr2"), overhead=2),
    "openai-tiles": Formula(_openai_tiles, _GUIDE, low_detail=85, exact=False),
    "openai-patches-mini": Formula(partial(_openai_patches, factor=1.62), _GUIDE, exact=False),
    "openai-patches-nano": Formula(partial(_openai_patches, factor=2.46), _GUIDE, exact=False),
    "gemini": Formula(_gemini, "Google's guide to the Gemini API, 2026", exact=False),
}
"""By the name that stands in a profile's `image_tokens`."""
