"""A source with a key is read once, and known by the key from then on."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image

from vlm_core.catalog.schema import ImageLimits
from vlm_core.errors import InputError
from vlm_core.images.encode import Picture, fit_conversation
from vlm_core.images.sources import Source


def png(shade: int) -> bytes:
    file = BytesIO()
    Image.new("L", (20, 10), shade).save(file, "PNG")
    return file.getvalue()


def test_what_has_the_same_key_is_read_once() -> None:
    reads = []

    def read() -> bytes:
        reads.append(1)
        return png(77)

    def fitted(key: bytes) -> object:
        return fit_conversation([Picture(Source("a", read, key=key))], ImageLimits(), text_bytes=0)

    assert fitted(b"key-1") == fitted(bytes(bytearray(b"key-1")))
    assert len(reads) == 1
    fitted(b"key-2")
    assert len(reads) == 2


def test_what_cannot_be_read_is_said_each_time_with_its_place() -> None:
    picture = Picture(Source("a", lambda: b"no picture", key=b"key-3"), position="messages[0].content[0]")
    for _ in range(2):
        with pytest.raises(InputError, match=r"^messages\[0\]\.content\[0\]: "):
            fit_conversation([picture], ImageLimits(), text_bytes=0)
