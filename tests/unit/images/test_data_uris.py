"""Data URIs that are sent as they came, and only where that is right."""

from __future__ import annotations

import base64
import random
from io import BytesIO

import pytest
from PIL import Image

from vlm_core.catalog.schema import ImageLimits
from vlm_core.images.data_uris import _Memory, bytes_in, data_uri, is_written_as
from vlm_core.images.encode import Picture, clear_cache, fit_conversation
from vlm_core.images.sources import expand


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    clear_cache()


def png(seed: int = 0) -> bytes:
    """A picture of some 30 kB."""
    file = BytesIO()
    Image.frombytes("RGB", (100, 100), random.Random(seed).randbytes(30_000)).save(file, "PNG")
    return file.getvalue()


def sent(uri: str) -> bytes:
    (source,) = expand(uri)
    ((image,),) = fit_conversation([Picture(source)], ImageLimits(), text_bytes=0)
    return image.data_uri


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda payload: payload, id="plain"),
        pytest.param(lambda payload: payload.replace("+", "-").replace("/", "_"), id="url-safe"),
        pytest.param(lambda payload: payload[:76] + "\n" + payload[76:], id="lines"),
        pytest.param(lambda payload: payload.rstrip("="), id="without-padding"),
        pytest.param(
            lambda payload: " " + payload.rstrip("=") if payload.endswith("=") else payload, id="blank"
        ),
        pytest.param(lambda payload: payload.replace("+", "%2B"), id="percent-signs"),
    ],
)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("label", ["image/png", "image/jpeg", "", "IMAGE/PNG", 'image/png;name="a"'])
def test_what_goes_out_is_the_picture_in_plain_base64(spoil: object, seed: int, label: str) -> None:
    data = png(seed)
    uri = f"data:{label};base64," + spoil(base64.b64encode(data).decode())  # type: ignore[operator]
    assert sent(uri) == b"data:image/png;base64," + base64.b64encode(data)


def test_a_uri_that_was_just_made_is_sent_as_it_is() -> None:
    uri = data_uri(png(), "image/png")
    assert bytes_in(uri) is bytes_in(uri)
    assert sent(uri) == uri.encode()


def test_a_wrong_label_is_put_right_on_what_was_just_made() -> None:
    data = png()
    assert sent(data_uri(data, "image/jpeg")) == b"data:image/png;base64," + base64.b64encode(data)


def test_it_is_not_known_of_other_bytes() -> None:
    data = png()
    assert not is_written_as(data_uri(data, "image/png"), bytes(bytearray(data)), "image/png")
    assert not is_written_as("data:image/png;base64,AAAA", b"\0\0\0", "image/png")


def test_an_equal_string_is_another_uri() -> None:
    data = png()
    uri = data_uri(data, "image/png")
    assert not is_written_as(str(uri.encode(), "ascii"), data, "image/png")


def test_only_a_few_are_kept() -> None:
    memory = _Memory()
    kept = [(str(number) * 50_000, bytes(5 << 20)) for number in range(20)]
    for uri, data in kept:
        memory.keep(uri, data)
    found = [memory.find(uri) is not None for uri, _ in kept]
    assert found == [False] * 14 + [True] * 6
    for uri, _ in kept:
        memory.forget(uri)
    assert memory._bytes == 0
