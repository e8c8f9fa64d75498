"""Pictures that became text are known by what was written out, and plain text costs little."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from PIL import Image
from work_counts import calls_made

from vlm_core import holds_picture


def picture(kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((40, 30)).convert("RGB").save(file, kind)
    return file.getvalue()


ENCODED = base64.b64encode(picture()).decode()
LONG = base64.b64encode(picture("BMP")).decode()
WRITTEN = [
    pytest.param(f"data:image/png;base64,{ENCODED}", id="data-uri"),
    pytest.param(f"{'word ' * 9999} data:image/png;base64,{ENCODED} {'word ' * 9999}", id="in-a-long-text"),
    pytest.param(str({"type": "image", "base64": ENCODED}), id="block"),
    pytest.param(LONG, id="base64"),
    pytest.param(f"{'word ' * 777}{LONG}", id="base64-behind-words"),
    pytest.param(repr(picture()), id="bytes"),
    pytest.param(f"Look: {picture('JPEG')!r}", id="bytes-behind-words"),
    pytest.param(repr(Image.new("RGB", (4, 4))), id="pillow"),
    pytest.param(f"data:application/pdf;base64,{base64.b64encode(picture('PDF')).decode()}", id="pdf"),
]
PLAIN = [
    pytest.param("", id="nothing"),
    pytest.param("What is the total?" * 1000, id="words"),
    pytest.param("What does data:image/png;base64,... mean?", id="about-data-uris"),
    pytest.param("A PDF begins with %PDF-1.7, a PNG with \\x89PNG." * 100, id="about-formats"),
    pytest.param(base64.b64encode(b"just words " * 500).decode(), id="base64-of-text"),
    pytest.param("deadbeef" * 1000, id="hex"),
    pytest.param("b'\\x00\\x01'" * 100, id="bytes"),
    pytest.param("<PIL.Image> is a class of Pillow's", id="about-pillow"),
]


@pytest.mark.parametrize("text", WRITTEN)
def test_a_picture_in_a_text_is_known(text: str) -> None:
    assert holds_picture(text)


@pytest.mark.parametrize("text", PLAIN)
def test_plain_text_holds_none(text: str) -> None:
    assert not holds_picture(text)


LARGE: list[Any] = [
    pytest.param("The total is nine. " * 50_000, id="words"),
    pytest.param("a" * 1_000_000, id="one-word"),
    pytest.param(";base64," * 120_000, id="labels"),
    pytest.param("<PIL." * 200_000, id="pillow"),
]


@pytest.mark.parametrize("text", LARGE)
def test_a_megabyte_is_sampled_and_not_read_letter_by_letter(text: str) -> None:
    assert calls_made(lambda: holds_picture(text)) < 3000
    assert not holds_picture(text)
