"""The picture worker: decodes strangers' pictures, in a process of its own.

Decoders are large C libraries that read strangers' files, so they run here, apart from the program that
wants the pixels; `picture_worker` starts this process and talks to it. A request is a frame that names one
of `_REQUESTS`; each gets one reply. Pixels are left in memory that both processes see, where there is such.
"""

from __future__ import annotations

import math
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import IO, Any

from PIL import AvifImagePlugin, Image, MpoImagePlugin, PpmImagePlugin  # noqa: F401  before files are barred

from vlm_core.errors import VLMError
from vlm_core.images.colour import is_deep, to_grey, to_rgb
from vlm_core.images.decode_limits import MOST_IN_COLOUR, READING_BYTES
from vlm_core.images.large import ReadFrames, bands, upright_size
from vlm_core.images.pdf_frames import read_frame, write_frame
from vlm_core.images.picture import Bounds, Loaded, upright
from vlm_core.images.resample import ScaledFrames
from vlm_core.images.sandbox import allow_cpu, confine

MEMORY = 512 << 20
"""Bytes that a worker may have of its own, code and libraries besides."""
DECODING_BYTES = 450 << 20
"""Of these, for one picture."""
CPU_SECONDS = 4.0
"""For a picture of up to `_USUAL_PIXELS`; a larger one gets as many more."""
_USUAL_PIXELS = 40_000_000
_GRACE = 10  # seconds over the parent's time limit until an orphan ends itself

Reply = tuple[dict[str, Any], Any]


class _Desk:
    """The pictures that are open, and where pixels are left."""

    def __init__(self) -> None:
        self.open: dict[int, ScaledFrames] = {}
        self.shared: IO[bytes] | None = None


def main(option: str) -> None:
    """Answer requests from standard input on standard output until the parent is gone.

    Args:
        option: "heif" for a worker that reads HEIC too.
    """
    if option == "heif":
        with suppress(ImportError):  # it is told when there is a HEIC
            import pillow_heif

            pillow_heif.options.DECODE_THREADS = 1
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # there may be none beside this one
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # so that nothing a library prints gets between the frames
    # All pixels are written to what is open already: four bytes for each are never too few.
    had = confine(memory=MEMORY, largest_file=4 * Bounds().pixels)
    write_frame(replies, {"confinement": had})
    desk = _Desk()
    with suppress(EOFError, BrokenPipeError):
        while True:
            write_frame(replies, *_answer(desk, *read_frame(requests)))


def _answer(desk: _Desk, header: dict[str, Any], payload: bytes) -> Reply:
    _set_alarm(header.pop("seconds") + _GRACE)
    allow_cpu(CPU_SECONDS)
    try:
        return _REQUESTS[header.pop("request")](desk, payload, **header)
    except VLMError as error:
        told = {"message": error.message, "hint": error.hint, "page": error.page}
        return {"failure": type(error).__name__, **told}, b""
    except MemoryError:
        return {"failure": "ImageTooLargeError", "message": "it does not fit into memory"}, b""
    except Exception as error:  # noqa: BLE001  whatever it is, the parent must hear of it
        message = f"it cannot be decoded: {str(error)[:200] or type(error).__name__}"
        return {"failure": "CorruptImageError", "message": message}, b""
    finally:
        _set_alarm(0)
        allow_cpu(0)


def _set_alarm(seconds: float) -> None:
    """Have the system end this process by then: the parent may be dead. 0 is never."""
    if hasattr(signal, "alarm"):
        signal.alarm(math.ceil(seconds))


def _share(desk: _Desk, _data: bytes, descriptor: int) -> Reply:
    desk.shared = open(descriptor, "wb", buffering=0, closefd=False)  # noqa: SIM115  as long as the process
    return {}, b""


def _open(
    desk: _Desk,
    data: bytes,
    key: int,
    kind: str,
    name: str,
    max_pixels: int,
    hint: str,
    reading_pixels: int | None,
) -> Reply:
    if reading_pixels is None:
        bounds = Bounds(max_pixels, DECODING_BYTES, hint)
        frames = ScaledFrames(data, kind, name, lambda size: size, bounds)
    else:
        frames = ReadFrames(data, kind, name, reading_pixels, Bounds(max_pixels, READING_BYTES, hint))
    desk.open[key] = frames
    return {"pages": frames.total_pages}, b""


def _close(desk: _Desk, _data: bytes, key: int) -> Reply:
    desk.open.pop(key, None)
    return {}, b""


def _readable_after(desk: _Desk, _data: bytes, key: int, number: int) -> Reply:
    return {"next": desk.open[key].readable_after(number)}, b""


def _size(desk: _Desk, _data: bytes, key: int, number: int) -> Reply:
    return {"size": desk.open[key].size(number)}, b""


def _outline(desk: _Desk, _data: bytes, key: int, number: int) -> Reply:
    return {"outline": desk.open[key].outline(number)}, b""


def _page(desk: _Desk, _data: bytes, key: int, number: int) -> Reply:
    frames = desk.open[key]
    _allow_for(frames.size(number))
    if isinstance(frames, ReadFrames) and frames.is_large(number):
        with frames.grey(number) as page:
            told = {"rotation": page.rotation, "original": False, "grey": True}
            return _left_in_bands(desk, page.bands, page.size, told)
    with frames.loaded(number) as loaded:
        told = {"rotation": loaded.rotation, "original": loaded.is_original}
        width, height = loaded.image.size
        if width * height <= MOST_IN_COLOUR:
            rgb = upright(to_rgb(loaded.image), loaded.turn)
            return _left(desk, rgb, {**told, "grey": False})
        if grey := to_grey(loaded.image):
            loaded = Loaded(grey, loaded.turn, loaded.rotation, loaded.is_original)
        if loaded.turn is None and loaded.image.mode in ("L", "RGB") and not _is_see_through(loaded.image):
            return _left(desk, loaded.image, {**told, "grey": loaded.image.mode == "L"})
        if is_deep(loaded.image):
            return _left(desk, upright(to_rgb(loaded.image), loaded.turn), {**told, "grey": False})
        flat = bands(loaded) if grey else map(to_rgb, bands(loaded))
        return _left_in_bands(desk, flat, upright_size(loaded), {**told, "grey": grey is not None})


def _is_see_through(image: Image.Image) -> bool:
    return image.has_transparency_data


def _scaled(desk: _Desk, _data: bytes, key: int, number: int, size: tuple[int, int]) -> Reply:
    frames = desk.open[key]
    _allow_for(frames.size(number))
    image, is_scaled = frames.image(number, (size[0], size[1]))
    return _left(desk, image, {"scaled": is_scaled, "grey": image.mode == "L"})


def _allow_for(size: tuple[int, int]) -> None:
    """More time for a large picture."""
    share = size[0] * size[1] / _USUAL_PIXELS
    if share > 1:
        allow_cpu(CPU_SECONDS * share)


def _left(desk: _Desk, image: Image.Image, told: dict[str, Any]) -> Reply:
    """The pixels of a picture in grey or RGB, in shared memory if there is such, else in the reply."""
    header = {**told, "width": image.width, "height": image.height}
    if desk.shared is None:
        return header, image.tobytes()
    desk.shared.seek(0)
    image.save(desk.shared, "PPM")  # which writes them without a copy; its header is passed over
    length = len(image.getbands()) * image.width * image.height
    return {**header, "shared": (desk.shared.tell() - length, length)}, b""


def _left_in_bands(
    desk: _Desk, bands: Iterator[Image.Image], size: tuple[int, int], told: dict[str, Any]
) -> Reply:
    """The same a few rows at a time, so that there are never two whole copies."""
    header = {**told, "width": size[0], "height": size[1]}
    if desk.shared is None:
        return header, b"".join(band.tobytes() for band in bands)
    desk.shared.seek(0)
    for band in bands:
        desk.shared.write(band.tobytes())
    return {**header, "shared": (0, desk.shared.tell())}, b""


_REQUESTS: dict[str, Callable[..., Reply]] = {
    "share": _share,
    "open": _open,
    "close": _close,
    "size": _size,
    "readable_after": _readable_after,
    "outline": _outline,
    "page": _page,
    "scaled": _scaled,
}
