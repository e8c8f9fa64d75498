"""What the values that cross rooms promise, whoever makes them."""

from __future__ import annotations

import hashlib
import inspect
import pickle
import tracemalloc

import pytest

from langchain_vlm import ChatVLM
from llamaindex_vlm import VLM
from vlm_core import MAX_PAGES, ImageAssistant, PageImage, PageResult, PageState, VLMClient
from vlm_core.types.page_image import _BLOCK

SIZES = [
    pytest.param(1, 1, id="dot"),
    pytest.param(7, 5, id="small"),
    pytest.param(_BLOCK, 1, id="one-block"),
    pytest.param(_BLOCK + 1, 3, id="some-blocks-and-more"),
]


def levels(width: int, height: int) -> bytes:
    return bytes(number * 37 % 251 for number in range(width)) * height


def rgb(width: int, height: int) -> bytes:
    return bytes(level for level in levels(width, height) for _ in range(3))


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("is_made", [False, True], ids=["", "pixels-made-before"])
def test_a_page_in_grey_has_the_digest_of_its_rgb_pixels(width: int, height: int, is_made: bool) -> None:
    page = PageImage.of_levels(levels(width, height), width, height)
    assert not is_made or page.pixels
    promised = hashlib.sha256(width.to_bytes(4, "big") + height.to_bytes(4, "big") + rgb(width, height))
    assert page.sha256 == promised.hexdigest()
    assert page.sha256 == PageImage(rgb(width, height), width, height).sha256


def test_the_digest_of_a_page_in_grey_takes_no_memory_for_its_pixels() -> None:
    page = PageImage.of_levels(levels(1500, 2000), 1500, 2000)
    tracemalloc.start()
    try:
        assert page.sha256
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10 * _BLOCK < 1500 * 2000


def test_every_state_has_its_own_place_in_one_order() -> None:
    assert sorted(state.severity for state in PageState) == list(range(len(PageState)))


def test_one_number_of_pages_holds_wherever_none_is_given() -> None:
    calls = (VLMClient, ImageAssistant)
    of_calls = {inspect.signature(call).parameters["max_pages"].default for call in calls}
    of_models = {model.model_fields["max_pages"].default for model in (ChatVLM, VLM)}
    assert of_calls | of_models == {MAX_PAGES}


def test_a_pickle_of_0_1_0_is_read() -> None:
    """The types were in one module then, and results had tables and no version."""
    page = PageResult(text="| Tea |\n|---|", state=PageState.PARTIAL)
    values = page.__dict__
    for name in ("version", "found", "furniture", "figure_images"):
        del values[name]
    values["tables"] = ("<table><tr><td>Tea</td></tr></table>",)
    stored = pickle.dumps(page, protocol=0).replace(b"vlm_core.types.results", b"vlm_core.types")
    assert stored.count(b"vlm_core.types\n") == 2
    read = pickle.loads(stored)
    assert read == PageResult(text="| Tea |\n|---|", state=PageState.PARTIAL)
    assert [table.to_rows() for table in read.tables] == [[["Tea"]]]
