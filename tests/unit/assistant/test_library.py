"""Documents are opened, decoded and read once, and again when they have changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from pathlib import Path
from threading import Barrier, Event, Thread
from typing import Any

import pytest
from PIL import Image

from vlm_core import EngineError, ImageAssistant, PageImage, PageResult, VLMClient
from vlm_core.assistant.file_access import URL_SECONDS, Content, FileAccessPolicy
from vlm_core.assistant.library import Document, Library
from vlm_core.images.picture_worker import PictureFile
from vlm_core.jobs.reader import DocumentReader
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


def test_a_changed_file_is_told_and_one_that_stays_is_not(make: Make, call: Call, folder: Path) -> None:
    assistant = make()
    for _ in range(2):
        assert "has changed" not in call(assistant, "read_image", "receipt.png").text
    Image.linear_gradient("L").resize((42, 30)).save(folder / "receipt.png")
    changed = "receipt.png has changed since it was first looked at: this is what it holds now."
    for name, arguments in {
        "read_image": (),
        "find_text": ("terms",),
        "ask_image": ("What?",),
        "list_pages": (),
    }.items():
        assert changed in call(assistant, name, "receipt.png", *arguments).notes


def test_a_file_that_stays_is_not_even_read_again(
    engine: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, reads = folder / "receipt.png", []
    monkeypatch.setattr("vlm_core.images.reading.time.time", lambda: path.stat().st_ctime + 60)
    admit = FileAccessPolicy((folder.resolve(),)).admit
    with closing(Library(DocumentReader(engine))) as library:
        for _ in range(3):
            found = admit("receipt.png", library.kept)
            if isinstance(found, Content):
                reads.append(library.document(*found))
            else:
                assert found is reads[0]
    assert len(reads) == 1


class Site(BaseHTTPRequestHandler):
    """Serves one picture, and counts how often."""

    picture = b""
    served = 0

    def do_GET(self) -> None:
        type(self).served += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.picture)))
        self.end_headers()
        self.wfile.write(self.picture)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    """The address of a picture that says TOTAL 9.00."""
    Site.picture, Site.served = saved(Image.linear_gradient("L").resize((40, 30)), "PNG"), 0
    server = HTTPServer(("127.0.0.1", 0), Site)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/receipt.png"
    server.shutdown()
    thread.join()
    server.server_close()


def test_ten_questions_about_a_url_are_one_download(make: Make, call: Call, engine: Any, site: str) -> None:
    assistant = make(allow_urls=True, allow_private_urls=True)
    for number in range(10):
        assert "TOTAL 9.00" in call(assistant, "ask_image", site, f"Question {number}?").text
    assert (Site.served, engine.read) == (1, [40])


def test_a_url_is_downloaded_again_after_a_while_and_told_where_it_changed(engine: Any, site: str) -> None:
    now = [0.0]
    with closing(Library(DocumentReader(engine), clock=lambda: now[0])) as library:
        policy = FileAccessPolicy((), allow_urls=True, allow_private_urls=True)

        def document() -> Document:
            found = policy.admit(site, library.kept)
            return library.document(*found) if isinstance(found, Content) else found

        first = document()
        now[0] = URL_SECONDS
        assert document() is first
        now[0] += 1
        assert (document(), Site.served) == (first, 2)
        Site.picture = saved(Image.linear_gradient("L").resize((42, 30)), "PNG")
        now[0] += URL_SECONDS + 1
        other = document()
        assert (other.has_changed, first.has_changed) == (True, False)


def test_urls_that_differ_in_their_queries_are_other_documents(make: Make, site: str) -> None:
    assistant = make(allow_urls=True, allow_private_urls=True)
    assert "TOTAL 9.00" in assistant.read_image(f"{site}?a").text
    Site.picture = saved(Image.linear_gradient("L").resize((42, 30)), "PNG")
    other = assistant.read_image(f"{site}?b")
    assert "Terms of delivery" in other.text
    assert "has changed" not in other.text


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
    library = Library(DocumentReader(engine), kept_bytes=1)
    for name in ("receipt.png", "blank.png", "receipt.png"):
        document = library.document(name, (folder / name).read_bytes())
        library.read(document, [1])
    assert engine.read == [40, 44, 40]
