"""Documents are opened, decoded and read once, and again when they have changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from io import BytesIO
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import pytest
from PIL import Image

from vlm_core import EngineError, ImageAssistant, PageImage, PageResult, VLMClient
from vlm_core.assistant.library import Document
from vlm_core.images.picture_worker import PictureFile
from vlm_core.lru_cache import LRUCache
from vlm_core.testing import ScriptedServer
from vlm_core.types import READING_PIXELS

Call = Callable[..., Any]
Make = Callable[..., ImageAssistant]


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the pictures that are decoded from now on."""
    names: list[str] = []
    page = PictureFile.page

    def counted(picture: PictureFile, number: int) -> PageImage:
        found = page(picture, number)
        names.append(found.source)
        return found

    monkeypatch.setattr(PictureFile, "page", counted)
    return names


def test_ten_threads_decode_and_read_a_document_once(make: Make, engine: Any, decoded: list[str]) -> None:
    assistant, start = make(), Barrier(10)

    def ask(number: int) -> str:
        start.wait()
        return assistant.ask_image("receipt.png", f"Question {number}?").text

    with ThreadPoolExecutor(10) as pool:
        texts = list(pool.map(ask, range(10)))
    assert len(set(texts)) == 1
    assert engine.read == [40]
    assert decoded == ["receipt.png"]


def test_ten_coroutines_decode_and_read_a_document_once(
    make: Make, engine: Any, decoded: list[str], server: ScriptedServer, client: VLMClient
) -> None:
    server.say("9.00")
    assistant = make(client)

    async def ask_all() -> list[str]:
        asked = [assistant.aask_image("receipt.png", f"Question {number}?") for number in range(10)]
        return [found.answer for found in await asyncio.gather(*asked)]

    assert asyncio.run(ask_all()) == ["9.00"] * 10
    assert engine.read == [40]
    assert decoded == ["receipt.png"]


def saved(picture: Image.Image, kind: str) -> bytes:
    file = BytesIO()
    picture.save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize("first", [None, READING_PIXELS], ids=["shown first", "read first"])
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(saved(Image.new("RGB", (60, 40), "navy"), "PNG"), id="picture"),
        pytest.param(saved(Image.new("RGB", (60, 40), "navy"), "PDF"), id="PDF"),
    ],
)
def test_a_page_that_is_read_and_shown_is_decoded_once(data: bytes, first: int | None) -> None:
    with closing(Document("a", data, None, LRUCache(10**6))) as document:
        page = document.page(1, first)
        assert document.page(1) is page
        assert document.page(1, READING_PIXELS) is page


@pytest.mark.parametrize(
    ("size", "reading_pixels"),
    [
        pytest.param((4100, 4000), READING_PIXELS, id="large enough to be read in grey"),
        pytest.param((60, 40), 600, id="more pixels than the engine looks at"),
    ],
)
@pytest.mark.parametrize("is_shown_first", [True, False])
def test_a_picture_that_is_made_smaller_or_grey_to_be_read_is_shown_as_it_is(
    size: tuple[int, int], reading_pixels: int, is_shown_first: bool
) -> None:
    data = saved(Image.new("RGB", size, "navy"), "PNG")
    with closing(Document("a", data, None, LRUCache(10**9))) as document:
        wanted = [None, reading_pixels] if is_shown_first else [reading_pixels, None]
        pages = {pixels: document.page(1, pixels) for pixels in wanted}
    shown, read = pages[None], pages[reading_pixels]
    assert (shown.width, shown.height, shown.levels) == (*size, None)
    assert read.levels is not None


def test_other_event_loops_share_what_was_read(make: Make, engine: Any) -> None:
    assistant = make()
    for _ in range(2):
        asyncio.run(assistant.aread_image("deep/contract.tiff"))
    assert sorted(engine.read) == [41, 42, 43]


def test_only_pages_that_are_new_are_read(make: Make, call: Call, engine: Any) -> None:
    assistant = make()
    call(assistant, "read_image", "deep/contract.tiff", 2)
    call(assistant, "read_image", "deep/contract.tiff")
    assert sorted(engine.read) == [41, 42, 43]


def test_a_changed_file_is_read_again(make: Make, call: Call, folder: Path) -> None:
    assistant = make()
    assert "9.00" in call(assistant, "read_image", "receipt.png").text
    Image.linear_gradient("L").resize((42, 30)).save(folder / "receipt.png")
    assert "Terms of delivery" in call(assistant, "read_image", "receipt.png").text


def test_a_page_that_failed_is_tried_again(make: Make, call: Call, engine: Any) -> None:
    assistant = make()
    for _ in range(2):
        with pytest.raises(EngineError):
            call(assistant, "read_image", "broken.png")
    assert engine.read == [45, 45]


def test_another_root_shares_what_was_read(make: Make, call: Call, engine: Any, folder: Path) -> None:
    assistant = make()
    call(assistant, "read_image", "receipt.png")
    call(assistant.within([folder]), "read_image", "receipt.png")
    assert engine.read == [40]


def test_a_closed_assistant_reads_anew(make: Make, call: Call, engine: Any) -> None:
    assistant = make()
    call(assistant, "read_image", "receipt.png")
    assistant.close()
    call(assistant, "read_image", "receipt.png")
    assert engine.read == [40, 40]


def test_who_waits_for_a_reader_that_gives_up_reads_it_himself(make: Make, engine: Any) -> None:
    """One caller's progress function raises while another one waits for the same page."""
    assistant = make()
    reading, waiting = Event(), Event()
    read_page = engine.read_page

    def slow(page: PageImage) -> PageResult:
        reading.set()
        waiting.wait()
        found: PageResult = read_page(page)
        return found

    engine.read_page = slow

    def give_up(*_: object) -> None:
        raise RuntimeError("no longer wanted")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(assistant.read_image, "deep/contract.tiff", on_progress=give_up)
        reading.wait()
        second = pool.submit(assistant.read_image, "deep/contract.tiff")
        waiting.set()
        with pytest.raises(RuntimeError, match="no longer wanted"):
            first.result()
        assert len(second.result().pages) == 3


def test_what_is_kept_is_bounded(folder: Path, engine: Any) -> None:
    from vlm_core.assistant.library import Library
    from vlm_core.jobs.reader import DocumentReader

    library = Library(DocumentReader(engine), kept_bytes=1)
    for name in ("receipt.png", "blank.png", "receipt.png"):
        document = library.document(name, (folder / name).read_bytes())
        library.read(document, [1])
    assert engine.read == [40, 44, 40]
