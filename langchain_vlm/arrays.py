"""Arrays in NumPy's file format, as pictures: LangChain's PDF parsers hand over embedded pictures so."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from vlm_core import CorruptImageError, MissingExtraError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAGIC = b"\x93NUMPY"
"""The first bytes of such a file (NumPy's NEP 1)."""


def as_picture(data: bytes) -> bytes:
    """An array saved by `numpy.save`, as a PPM file; any other bytes as they are.

    Args:
        data: rows of grey values, or of pixels with 1 to 4 channels: grey, grey and alpha, RGB,
            RGBA. White is the largest value of an unsigned type, 255 in a signed one, and 1 or 255 in
            floats.

    Raises:
        CorruptImageError: the file is damaged, or the array is not a picture.
        MissingExtraError: NumPy is not installed.

    Example:
        >>> import numpy as np
        >>> file = io.BytesIO()
        >>> np.save(file, np.zeros((2, 3), bool))
        >>> as_picture(file.getvalue())[:11]
        b'P5 3 2 255\\n'
    """
    if not data.startswith(MAGIC):
        return data
    pixels = _as_bytes(_load(data))
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 2, 3, 4) or not pixels.size:
        raise CorruptImageError(f"An array of shape {pixels.shape} is not a picture")
    pixels = _on_white(pixels)
    height, width, channels = pixels.shape
    return b"P%d %d %d 255\n" % (5 if channels == 1 else 6, width, height) + pixels.tobytes()


def _load(data: bytes) -> NDArray[Any]:
    try:
        import numpy as np
    except ImportError as error:
        raise MissingExtraError(
            "NumPy is not installed, and pictures come as its arrays",
            hint="Install it with: pip install 'vlm-adapters[local]'",
        ) from error
    try:
        array: NDArray[Any] = np.load(io.BytesIO(data), allow_pickle=False)
    except Exception as error:  # the header is Python text, and may raise what tokenize and ast do
        raise CorruptImageError(f"An array cannot be loaded: {error}") from error
    return np.nan_to_num(array) if array.dtype.kind == "f" else array


def _as_bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    """Every value between 0 and 255."""
    import numpy as np

    if array.dtype.kind not in "buif":
        raise CorruptImageError(f"An array of {array.dtype} is not a picture")
    if array.dtype == np.uint8:
        return array
    largest = _largest(array)
    scaled = array.astype(np.float64) * (255 / largest)
    return np.asarray(scaled.clip(0, 255).round(), np.uint8)


def _largest(array: NDArray[Any]) -> float:
    """The value of white."""
    import numpy as np

    if array.dtype.kind == "u":
        return float(np.iinfo(array.dtype).max)
    if array.dtype.kind == "b" or (array.dtype.kind == "f" and array.size and array.max() <= 1):
        return 1.0
    return 255.0


def _on_white(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Without the alpha channel, if there is one."""
    import numpy as np

    if pixels.shape[2] in (1, 3):
        return pixels
    alpha = pixels[:, :, -1:].astype(np.uint16)
    if not alpha.any():  # the fourth byte of pdfium's BGRx is not an alpha
        return pixels[:, :, :-1]
    blended = (pixels[:, :, :-1] * alpha + 255 * (255 - alpha) + 127) // 255
    return np.asarray(blended, np.uint8)
