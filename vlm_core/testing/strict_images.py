"""What a strict provider finds wrong with the pictures of a request.

Each check is a function from a request to a refusal, or None where it has nothing to say.
A limit that the provider's row leaves open is not enforced.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable
from typing import TypeAlias

from vlm_core.catalog.schema import ImageLimits, Quirk
from vlm_core.testing.seen import Seen, SeenImage
from vlm_core.testing.simulated_provider import Refusal
from vlm_core.testing.strict_requests import Check

Problem: TypeAlias = Callable[[SeenImage, ImageLimits], str | None]
"""What is wrong with a picture in words, or None."""

_SAME_FORMAT = {"jpg": "jpeg", "heif": "heic"}
_RELIED_UPON = frozenset({"png", "jpeg"})


def every_image(problem: Problem, status: int = 400, code: str = "invalid_image") -> Check:
    """The check that no picture has a problem.

    Args:
        problem: what to look for.
        status: of the refusal.
        code: of the refusal.
    """

    def check(seen: Seen) -> Refusal | None:
        for image in seen.images:
            if message := problem(image, seen.endpoint.limits):
                return Refusal(status, message, code, image.position)
        return None

    return check


def too_many(seen: Seen) -> Refusal | None:
    """The whole conversation holds no more pictures than one request may."""
    return _more_than(seen, seen.endpoint.limits.max_images)


def more_than_recommended(seen: Seen) -> Refusal | None:
    """The whole conversation holds no more pictures than is recommended."""
    return _more_than(seen, seen.endpoint.limits.recommended_images)


def behind_text(seen: Seen) -> Refusal | None:
    """Pictures stand before text where they must."""
    if Quirk.IMAGES_FIRST not in seen.endpoint.quirks:
        return None
    late = [image.position for image in seen.images if not image.first]
    return Refusal(400, "Images must come before text.", "invalid_image", late[0]) if late else None


def _more_than(seen: Seen, limit: int | None) -> Refusal | None:
    if limit is None or len(seen.images) <= limit:
        return None
    return Refusal(400, f"At most {limit} image(s) may be provided in one request.", "too_many_images")


def _elsewhere(image: SeenImage, limits: ImageLimits) -> str | None:
    if image.role == "user":
        return None
    return f"Image URLs are only allowed for messages with role 'user', but this one has role '{image.role}'."


def _detailed(image: SeenImage, limits: ImageLimits) -> str | None:
    refused = limits.accepts_detail is False and image.detail is not None
    return "Extra inputs are not permitted: image_url.detail" if refused else None


def _unusable_address(image: SeenImage, limits: ImageLimits) -> str | None:
    if image.url is None:
        return None
    if not image.url.startswith(("https://", "http://")):
        return "Invalid image: expected a base64-encoded data URI or an http(s) URL."
    refused = limits.accepts_url is False
    return "Image URLs are not accepted: images must be base64-encoded." if refused else None


def _blanks(image: SeenImage, limits: ImageLimits) -> str | None:
    blank = len(image.address.split(None, 1)) != 1 or image.address != image.address.strip()
    return "Invalid image: the data URI has blanks in it." if image.header and blank else None


def _not_base64(image: SeenImage, limits: ImageLimits) -> str | None:
    if not image.header:
        return None
    try:
        # Stricter than `image.data`, which also takes the URL-safe alphabet and goes without padding.
        data = binascii.a2b_base64(image.address[len(image.header) + 1 :], strict_mode=True)
    except ValueError:
        data = b""
    right = data and image.header.lower().endswith(";base64")
    return None if right else "Invalid image: the data URI does not hold base64."


def _mislabelled(image: SeenImage, limits: ImageLimits) -> str | None:
    said = _SAME_FORMAT.get(image.declared or "", image.declared)
    if not image.header or said == image.format:
        return None
    found = f"an image/{image.format}" if image.format else "not an image"
    return f"Invalid image: the data URI says {said or 'nothing'}, but the data is {found}."


def _wrong_format(image: SeenImage, limits: ImageLimits) -> str | None:
    return _not_among(image, limits.formats)


def _undocumented_format(image: SeenImage, limits: ImageLimits) -> str | None:
    return _not_among(image, limits.formats or _RELIED_UPON)


def _not_among(image: SeenImage, formats: frozenset[str] | None) -> str | None:
    if not image.header or formats is None or image.format in formats:
        return None
    return f"Unsupported image format {image.format}; supported are {', '.join(sorted(formats))}."


def _too_many_bytes(image: SeenImage, limits: ImageLimits) -> str | None:
    return _over(len(image.data or b""), limits.max_image_bytes, "bytes")


def _too_much_base64(image: SeenImage, limits: ImageLimits) -> str | None:
    size = len(image.address) - len(image.header) - 1 if image.header else 0
    return _over(size, limits.target_base64_bytes, "bytes of base64")


def _damaged(image: SeenImage, limits: ImageLimits) -> str | None:
    return "Invalid image: it cannot be decoded." if image.header and image.size is None else None


def _too_wide_or_high(image: SeenImage, limits: ImageLimits) -> str | None:
    return _over(max(image.size or (0,)), limits.max_side, "pixels on a side")


def _too_many_pixels(image: SeenImage, limits: ImageLimits) -> str | None:
    width, height = image.size or (0, 0)
    return _over(width * height, limits.max_pixels, "pixels")


def _over(found: int, limit: int | None, what: str) -> str | None:
    if limit is None or found <= limit:
        return None
    return f"Image too large: it has {found} {what}; at most {limit} are allowed."


IMAGE_CHECKS: tuple[Check, ...] = (
    too_many,
    every_image(_elsewhere),
    every_image(_detailed, 422, "unknown_parameter"),
    behind_text,
    every_image(_unusable_address, code="invalid_image_url"),
    every_image(_blanks),
    every_image(_not_base64),
    every_image(_mislabelled),
    every_image(_wrong_format, code="unsupported_image_format"),
    every_image(_too_many_bytes, code="image_too_large"),
    every_image(_damaged),
    every_image(_too_wide_or_high, code="image_too_large"),
    every_image(_too_many_pixels, code="image_too_large"),
)
"""In the order in which they are asked; the first refusal is the answer."""

RECOMMENDATIONS: tuple[Check, ...] = (
    more_than_recommended,
    every_image(_undocumented_format, code="unsupported_image_format"),
    every_image(_too_much_base64, code="image_too_large"),
)
"""What no provider refuses, and a careful client keeps to all the same."""
