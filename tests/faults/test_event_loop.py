"""Many documents on one event loop: all of them end, and the loop itself does nothing that takes long."""

from __future__ import annotations

import asyncio
import io
import logging
import sqlite3
import sys
import threading
import warnings
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, TypeAlias

import pytest
from llama_index.core.schema import ImageDocument
from PIL import Image, ImageDraw

from langchain_vlm import VLMLoader, image_tools
from llamaindex_vlm import OCRTransform, VLMReader
from vlm_core import (
    DocumentReader,
    ForeignClient,
    ImageAssistant,
    Journal,
    PageImage,
    PageResult,
    VLMClient,
    page_key,
)
from vlm_core.completion import Completion
from vlm_core.testing import ScriptedServer

LONG_SECONDS = 60.0
"""In which all is done many times over."""
GOOD = PageResult(text="TOTAL 9.00")
KEY = page_key("e774c5ce", model="some-vlm")


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        server.say("TOTAL 9.00")
        yield server


def client_of(server: ScriptedServer) -> VLMClient:
    return VLMClient("some-vlm", base_url=server.base_url, api_key=server.api_key)


def picture(number: int) -> bytes:
    """A small page with ink, another one for each number."""
    image = Image.new("RGB", (40 + number, 60), "white")
    ImageDraw.Draw(image).rectangle((5, 5, 20, 20), fill="black")
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


# --- all of them end


async def all_of(calls: Iterator[Awaitable[Any]]) -> list[Any]:
    """What calls give that are made at once, on a loop whose executor has two threads."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2))
    async with asyncio.timeout(LONG_SECONDS):
        return await asyncio.gather(*calls)


async def test_64_documents_at_once_are_read_by_a_vision_model(server: ScriptedServer) -> None:
    async with client_of(server) as client:
        reader = DocumentReader(client)
        documents = await all_of(reader.aread(picture(number)) for number in range(64))
    assert [document.text for document in documents] == ["TOTAL 9.00"] * 64


async def test_64_documents_at_once_are_read_by_the_local_engine() -> None:
    pytest.importorskip("rapidocr")
    reader = DocumentReader("local")
    documents = await all_of(reader.aread(picture(number)) for number in range(64))
    assert [len(document.pages) for document in documents] == [1] * 64


async def test_64_documents_at_once_are_read_by_a_model_that_blocks() -> None:
    client = ForeignClient("lab", "m", lambda messages, options: Completion("TOTAL 9.00"), None)
    reader = DocumentReader(client)
    documents = await all_of(reader.aread(picture(number)) for number in range(64))
    assert [document.text for document in documents] == ["TOTAL 9.00"] * 64


AT_ONCE = 16
Call: TypeAlias = Callable[[VLMClient, Path], Awaitable[Any]]


async def iterated(client: VLMClient, path: Path) -> str:
    return "".join([page.text async for page in DocumentReader(client).aiter_pages(path)])


async def loaded(client: VLMClient, path: Path) -> str:
    return "".join([document.page_content async for document in VLMLoader(path, client).alazy_load()])


async def loaded_by_llamaindex(client: VLMClient, path: Path) -> str:
    (document,) = await VLMReader(engine=client).aload_data(path)
    return str(document.text)


async def transformed(client: VLMClient, path: Path) -> str:
    (node,) = await OCRTransform(engine=client).acall([ImageDocument(image_path=str(path))])
    return str(node.get_content())


async def read_by_an_assistant(client: VLMClient, path: Path) -> str:
    with ImageAssistant(client, root_dir=path.parent) as assistant:
        return (await assistant.aread_image(path.name)).pages[0].text


async def asked(client: VLMClient, path: Path) -> str:
    with ImageAssistant("local", client, root_dir=path.parent, cite_boxes=False) as assistant:
        return str((await assistant.aask_image(path.name, "What is the total?")).text)


async def called_as_a_tool(client: VLMClient, path: Path) -> str:
    (tool, *_) = image_tools(client, root_dir=path.parent)
    return str(await tool.ainvoke({"image": path.name}))


async def chatted(client: VLMClient, path: Path) -> str:
    image = {"type": "image", "image": str(path)}
    return (await client.achat([{"role": "user", "content": [image]}])).text


@pytest.mark.parametrize(
    "call",
    [
        iterated,
        loaded,
        loaded_by_llamaindex,
        transformed,
        read_by_an_assistant,
        asked,
        called_as_a_tool,
        chatted,
    ],
)
async def test_many_calls_at_once_end(server: ScriptedServer, tmp_path: Path, call: Call) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(AT_ONCE)]
    for number, path in enumerate(paths):
        path.write_bytes(picture(number))
    async with client_of(server) as client:
        texts = await all_of(call(client, path) for path in paths)
    assert all("TOTAL 9.00" in text for text in texts)


async def test_an_on_page_that_waits_for_the_loop_holds_up_nobody(server: ScriptedServer) -> None:
    loop = asyncio.get_running_loop()
    async with client_of(server) as client:

        def ask(result: PageResult) -> None:
            dot = {"type": "image", "image": picture(result.width)}
            asked = client.achat([{"role": "user", "content": [dot]}])
            answers.append(asyncio.run_coroutine_threadsafe(asked, loop).result(LONG_SECONDS).text)

        answers: list[str] = []
        reader = DocumentReader(client, on_page=ask)
        await all_of(reader.aread(picture(number)) for number in range(AT_ONCE))
    assert answers == ["TOTAL 9.00"] * AT_ONCE


# --- the loop's own thread

SLOW = ("/PIL/", "/vlm_core/jobs/journal", "/vlm_core/images/decode.py", "/vlm_core/images/prepare.py")
SLOW_C = ("sqlite3.", "PIL.", "_imaging", "zlib.")


@contextmanager
def watched(found: set[str]) -> Iterator[None]:
    """Note what this thread calls of what takes long: pictures, and the journal's file."""

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call" and any(part in frame.f_code.co_filename for part in SLOW):
            found.add(f"{frame.f_code.co_filename}: {frame.f_code.co_name}")
        elif event == "c_call":
            owner = type(getattr(argument, "__self__", None))
            name = f"{owner.__module__}.{owner.__qualname__}"
            if name.startswith(SLOW_C):
                found.add(f"{name}: {argument.__name__}")

    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(None)


@pytest.mark.parametrize("engine", ["vlm", "local"])
async def test_no_picture_and_no_journal_is_touched_on_the_loops_thread(
    server: ScriptedServer, tmp_path: Path, engine: str
) -> None:
    if engine == "local":
        pytest.importorskip("rapidocr")
    async with client_of(server) as client:
        journal = tmp_path / "pages.journal"
        reader = DocumentReader(client if engine == "vlm" else "local", journal=journal)
        pictures, found = [picture(number) for number in range(4)], set[str]()
        with watched(found):
            await asyncio.gather(*map(reader.aread, pictures))
    assert found == set()


def test_the_watch_finds_what_it_is_for(tmp_path: Path) -> None:
    found: set[str] = set()
    with watched(found), Journal(tmp_path / "pages.journal") as journal:
        journal.get(KEY)
        Image.open(io.BytesIO(picture(1))).load()
    assert any("sqlite3" in call for call in found)
    assert any("/PIL/" in call for call in found)


# --- a journal that another process holds


@contextmanager
def locked(journal: Journal) -> Iterator[Callable[[], object]]:
    """The journal's file with a writer that does not end; gives what ends it."""
    with closing(sqlite3.connect(journal.path, isolation_level=None, check_same_thread=False)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        yield lambda: writer.execute("COMMIT")


async def claim_it(journal: Journal) -> None:
    async with journal.claim(KEY) as known:
        assert known is None


async def put_it(journal: Journal) -> None:
    await journal.aput(KEY, GOOD)
    assert await journal.aget(KEY) == GOOD


async def read_with_it(journal: Journal) -> None:
    with ScriptedServer() as server:
        server.say("TOTAL 9.00")
        async with client_of(server) as client:
            assert (await DocumentReader(client, journal=journal).aread(picture(1))).ok


@pytest.mark.parametrize("use", [claim_it, put_it, read_with_it])
async def test_the_loop_goes_on_while_another_holds_the_journal(
    tmp_path: Path, use: Callable[[Journal], Awaitable[None]]
) -> None:
    with Journal(tmp_path / "pages.journal") as journal, locked(journal) as unlock:

        async def unlock_soon() -> None:
            for _ in range(50):
                await asyncio.sleep(0)
            unlock()

        with warnings.catch_warnings():
            warnings.simplefilter("error")  # as that the journal could not be used
            await asyncio.gather(use(journal), unlock_soon())


async def test_a_result_is_stored_though_its_task_is_cancelled(tmp_path: Path) -> None:
    with Journal(tmp_path / "pages.journal") as journal:
        with locked(journal) as unlock:
            task = asyncio.create_task(journal.aput(KEY, GOOD))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            unlock()
        async with asyncio.timeout(LONG_SECONDS):
            while await journal.aget(KEY) != GOOD:  # noqa: ASYNC110  the thread that stores it tells nobody
                await asyncio.sleep(0.001)


# --- a page that another is reading


class Stuck:
    """Reads no page until it may."""

    name, model = "stuck", None

    def __init__(self) -> None:
        self.is_reading, self.may_end = threading.Event(), threading.Event()

    def read_page(self, page: PageImage) -> PageResult:
        if page.width == 41:
            self.is_reading.set()
            self.may_end.wait(LONG_SECONDS)
        return PageResult(text=f"{page.width}", engine=self.name)


class Waiting(logging.Handler):
    """Knows when a job waits for a page that another reads."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if "waiting for a page" in record.getMessage():
            self.begun.set()


@pytest.fixture
def waiting() -> Iterator[Waiting]:
    handler, logger = Waiting(), logging.getLogger("vlm_core")
    before = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(before)


async def read_by_task(reader: DocumentReader, waits: Callable[[], Awaitable[object]]) -> None:
    task = asyncio.create_task(reader.aread(picture(1)))
    await waits()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def read_by_iterator(reader: DocumentReader, waits: Callable[[], Awaitable[object]]) -> None:
    results = reader.aiter_pages(picture(1))
    first = asyncio.ensure_future(anext(results))
    await waits()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    await results.aclose()


@pytest.mark.parametrize("break_off", [read_by_task, read_by_iterator])
async def test_a_job_that_is_broken_off_waits_no_more_for_a_page_of_another(
    tmp_path: Path, waiting: Waiting, break_off: Callable[..., Awaitable[None]]
) -> None:
    engine, journal = Stuck(), tmp_path / "pages.journal"
    other = asyncio.create_task(DocumentReader(engine, journal=journal).aread(picture(1)))
    assert await asyncio.to_thread(engine.is_reading.wait, LONG_SECONDS)

    async def waits() -> None:
        assert await asyncio.to_thread(waiting.begun.wait, LONG_SECONDS)

    reader = DocumentReader(engine, journal=journal, max_concurrency=1)
    try:
        await break_off(reader, waits)
        async with asyncio.timeout(LONG_SECONDS / 3):  # its one place is free again
            assert (await reader.aread(picture(2))).text == "42"
    finally:
        engine.may_end.set()
    assert (await other).text == "41"
