"""Data URIs that are sent as they came, and only where that is right."""

from __future__ import annotations

import base64
import copy
import pickle
import random
from collections.abc import Callable
from io import BytesIO

import pytest
from PIL import Image

from vlm_core.catalog.schema import ImageLimits
from vlm_core.images.data_uris import DataURI, bytes_in, data_uri, is_written_as
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
    data = png()
    uri = data_uri(data, "image/png")
    assert bytes_in(uri) is data
    assert sent(uri) == uri.encode()


def test_a_wrong_label_is_put_right_on_what_was_just_made() -> None:
    data = png()
    assert sent(data_uri(data, "image/jpeg")) == b"data:image/png;base64," + base64.b64encode(data)


@pytest.mark.parametrize(
    ("uri", "is_plain"),
    [
        pytest.param("data:image/png;base64,/+8=", True, id="plain"),
        pytest.param("data:image/png;base64,_-8=", False, id="url-safe"),
        pytest.param("data:image/png;base64,/+8", False, id="without padding"),
        pytest.param("data:image/png;base64,/+8 ", False, id="a blank for the padding"),
        pytest.param("data:image/png;base64, /+8=", False, id="a blank"),
        pytest.param("data:image/png;base64,%2F+8=", False, id="a percent sign"),
        pytest.param("data:image/jpeg;base64,/+8=", False, id="another label"),
    ],
)
def test_only_what_would_be_written_so_is_sent_as_it_came(uri: str, is_plain: bool) -> None:
    assert bytes_in(uri) == b"\xff\xef"
    assert is_written_as(uri, b"\xff\xef", "image/png") is is_plain


@pytest.mark.parametrize("again", [copy.deepcopy, lambda uri: pickle.loads(pickle.dumps(uri))])
def test_a_copy_is_a_plain_string(again: Callable[[DataURI], str]) -> None:
    uri = data_uri(png(), "image/png")
    assert type(again(uri)) is str
    assert again(uri) == uri
    assert sent(again(uri)) == uri.encode()
