"""How large a picture may be sent: sizes only, no pixels.

Whatever must shrink is shrunk to the model's own grid, so that its processor does not scale it once
more; and to no more pixels than the processor would keep.
"""

from __future__ import annotations

import math

from vlm_core.catalog.image_tokens import FORMULAS
from vlm_core.catalog.schema import ImageLimits, ModelProfile

Size = tuple[int, int]

# The most that a JPEG can have.
_LONGEST_SIDE = 65_500
# A shorter side is not rounded to the grid: it would be distorted.
_LEAST_CELLS = 8
# Share of the allowed aspect to which a sliver is filled up, so that no rounding brings it back over.
_SAFE_ASPECT = 0.75


def meets(size: Size, limits: ImageLimits) -> bool:
    """Whether a picture has neither too long a side nor too many pixels.

    Example:
        >>> meets((2048, 1000), ImageLimits(max_side=2048)), meets((2049, 1), ImageLimits(max_side=2048))
        (True, False)
    """
    width, height = size
    return max(size) <= (limits.max_side or max(size)) and width * height <= (
        limits.max_pixels or width * height
    )


def is_sliver(size: Size, profile: ModelProfile) -> bool:
    """Whether a picture is so narrow that the model's processor would refuse it.

    Example:
        >>> is_sliver((20_000, 30), ModelProfile(prefix="qwen2-vl", image_tokens="qwen2-vl"))
        True
    """
    aspect = _max_aspect(profile)
    return aspect is not None and max(size) > aspect * min(size)


def sent_size(size: Size, limits: ImageLimits, profile: ModelProfile, *, pixels: int | None = None) -> Size:
    """The size to which a picture is shrunk; its own where it need not be.

    Args:
        size: width and height in pixels.
        limits: of the provider.
        profile: of the model.
        pixels: at most so many, where less than the limits allow are wanted.

    Example:
        >>> qwen = ModelProfile(prefix="qwen2-vl", grid=28, max_pixels=1_003_520)
        >>> sent_size((2480, 3508), ImageLimits(max_side=2048), qwen)
        (840, 1176)
        >>> sent_size((600, 300), ImageLimits(max_side=2048), qwen)
        (600, 300)
    """
    short, long = sorted(size)
    most = min(filter(None, (limits.max_pixels, profile.max_pixels, pixels, short * long)))
    side = min(limits.max_side or long, _LONGEST_SIDE)
    scale = min(1.0, side / long, math.sqrt(most / (short * long)))
    if scale == 1:
        return size
    new_short, new_long = _shrunk(short, long, scale, most, profile.grid or 1)
    return (new_short, new_long) if size[0] <= size[1] else (new_long, new_short)


def canvas_size(size: Size, profile: ModelProfile) -> Size:
    """The size of the white sheet on which a sliver is laid; the picture's own for all others.

    Example:
        >>> canvas_size((20_000, 30), ModelProfile(prefix="qwen2-vl", image_tokens="qwen2-vl"))
        (20000, 134)
    """
    if not is_sliver(size, profile):
        return size
    short = math.ceil(max(size) / ((_max_aspect(profile) or 1) * _SAFE_ASPECT))
    return max(size[0], short), max(size[1], short)


def _max_aspect(profile: ModelProfile) -> int | None:
    formula = FORMULAS.get(profile.image_tokens or "")
    return formula.max_aspect if formula else None


def _shrunk(short: int, long: int, scale: float, most: int, grid: int) -> Size:
    new_long = _floor(max(1, int(long * scale)), grid)
    exact = short * new_long / long
    new_short = _nearest(exact, grid, at_most=min(short, most // new_long))
    return new_short, min(new_long, most // new_short)


def _floor(side: int, grid: int) -> int:
    return side // grid * grid if side >= grid * _LEAST_CELLS else side


def _nearest(side: float, grid: int, *, at_most: int) -> int:
    if side < grid * _LEAST_CELLS:
        return max(1, min(math.ceil(side), at_most))
    nearest = round(side / grid) * grid
    return nearest if nearest <= at_most else nearest - grid
