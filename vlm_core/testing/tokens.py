"""How the server counts tokens: simply, and so that a test can say the figure beforehand."""

from __future__ import annotations

from typing import Any

from vlm_core.testing.seen import Seen, SeenImage

IMAGE_TOKENS = 256
"""Of a picture whose model has no formula in the catalog, or that cannot be decoded."""


def counted(seen: Seen, answer: str) -> dict[str, Any]:
    """The usage that an answer reports.

    A token is a word, that is, a run of letters without blanks. A picture counts what the catalog's
    formula for the model says, else `IMAGE_TOKENS`.

    Args:
        seen: the request.
        answer: all that was said.

    Example:
        >>> seen = Seen("POST", "/", {}, b'{"messages": [{"role": "user", "content": "What is this?"}]}')
        >>> counted(seen, "A receipt.")
        {'prompt_tokens': 3, 'completion_tokens': 2, 'total_tokens': 5}
    """
    prompt = len(seen.text.split()) + sum(_image_tokens(image, seen) for image in seen.images)
    completion = len(answer.split())
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _image_tokens(image: SeenImage, seen: Seen) -> int:
    from vlm_core.catalog.image_tokens import image_tokens

    profile = seen.endpoint.profile
    if image.size is None:
        return IMAGE_TOKENS
    tokens = image_tokens(
        profile.image_tokens,
        *image.size,
        min_pixels=profile.min_pixels,
        max_pixels=profile.max_pixels,
        detail=image.detail if isinstance(image.detail, str) else None,
        with_overhead=True,
    )
    return IMAGE_TOKENS if tokens is None else tokens
