"""DocumentReader: every page of every source ends in one result, in order."""

from __future__ import annotations

import asyncio
import io
import pickle
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from vlm_core import (
    ConfigError,
    CorruptImageError,
    DocumentReader,
    EngineError,
    InputError,
    PageImage,
    PageResult,
    PageState,
    PasswordRequiredError,
    PDFError,
    Source,
    UnsafeURLError,
    UnsupportedImageError,
    VLMError,
    read,
)


class GreyEngine:
    """Reads a page's text as the grey level of its first pixel."""

    name = "grey"
    model: str | None = None

    def __init__(self) -> None:
        self.running = Counter[str]()
        self.most = 0
        self._lock = threading.Lock()

    def read_page(self, page: PageImage) -> PageResult:
        with self._lock:
            self.running["now"] += 1
            self.most = max(self.most, self.running["now"])
        try:
            level = page.pixels[0]
            if level == 13:
                raise ValueError("thirteen")
            return PageResult(text=str(level), engine=self.name, sha256=page.sha256)
        finally:
            with self._lock:
                self.running["now"] -= 1

    def __reduce__(self) -> tuple[Any, ...]:
        return GreyEngine, ()


def picture(*levels: int, kind: str = "TIFF") -> bytes:
    """A file with a frame for each grey level."""
    first, *others = (Image.new("L", (8, 8), level) for level in levels)
    file = io.BytesIO()
    first.save(file, kind, **({"save_all": True, "append_images": others} if others else {}))
    return file.getvalue()


@pytest.fixture
def reader() -> DocumentReader:
    return DocumentReader(GreyEngine())


def texts(results: Any) -> list[str]:
    return [page.text for document in results for page in document.pages]


def test_every_frame_is_a_page_with_the_numbers_of_its_source(reader: DocumentReader) -> None:
    pages = reader.read(picture(1, 2, 3)).pages
    assert [(p.text, p.page_number, p.total_pages) for p in pages] == [("1", 1, 3), ("2", 2, 3), ("3", 3, 3)]


def test_what_an_engine_does_not_say_of_a_page_is_filled_in() -> None:
    class Terse:
        name = "terse"
        model: str | None = None

        def read_page(self, page: PageImage) -> PageResult:
            return PageResult(text="TOTAL 9.00")

    (page,) = DocumentReader(Terse()).read(picture(7)).pages
    (full,) = DocumentReader(GreyEngine()).read(picture(7)).pages
    assert (page.engine, page.sha256) == ("terse", full.sha256)


def test_documents_come_in_the_order_of_their_sources(reader: DocumentReader) -> None:
    sources = [picture(level, level + 1) for level in range(20, 60, 2)]
    assert texts(reader.iter(sources)) == [str(level) for level in range(20, 60)]


def test_pages_are_delivered_one_by_one(reader: DocumentReader) -> None:
    pages = reader.iter_pages(picture(*range(20, 60)))
    assert next(pages).text == "20"
    pages.close()


def test_no_page_is_lost_of_a_document_shorter_than_what_is_begun_ahead(
    reader: DocumentReader, data: Path
) -> None:
    pdfs = [data / "pdfs" / "handwriting_bad_ocr.pdf", data / "pdfs" / "skinnypage.pdf"] * 5
    results = list(reader.iter(pdfs))
    assert [(result.ok, len(result.pages)) for result in results] == [(True, 2)] * 10


def test_a_job_that_is_broken_off_closes_its_documents(reader: DocumentReader, tmp_path: Path) -> None:
    file = io.BytesIO(picture(*range(20, 60)))
    pages = reader.iter_pages([file, picture(3)])
    next(pages)
    pages.close()
    assert reader.read(picture(4)).text == "4"


def test_one_broken_document_costs_no_other(reader: DocumentReader) -> None:
    sources = [picture(1), b"<html>", picture(2)]
    first, broken, last = reader.iter(sources)
    assert (first.ok, broken.ok, last.ok) == (True, False, True)
    assert isinstance(broken.errors[0], UnsupportedImageError)
    assert broken.text == ""


def test_one_page_on_which_the_engine_fails_costs_no_other(reader: DocumentReader) -> None:
    pages = reader.read(picture(12, 13, 14)).pages
    assert [page.state for page in pages] == [PageState.OK, PageState.FAILED, PageState.OK]
    assert isinstance(pages[1].error, EngineError)
    assert pages[1].error.page == 2
    assert (pages[1].text, pages[1].page_number) == ("", 2)


def test_a_recorded_error_keeps_no_file_in_memory(reader: DocumentReader) -> None:
    error = reader.read(picture(13)).pages[0].error
    assert error is not None
    assert (error.__traceback__, error.__cause__ and error.__cause__.__traceback__) == (None, None)


def test_files_that_are_passed_over_are_logged(
    reader: DocumentReader, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.png").write_bytes(picture(1, kind="PNG"))
    (tmp_path / "notes.docx").touch()
    with caplog.at_level("INFO", logger="vlm_core"):
        reader.read(tmp_path)
    assert "notes.docx" in caplog.text


def test_raise_delivers_what_was_read_before_the_error() -> None:
    reader = DocumentReader(GreyEngine(), on_error="raise")
    pages = reader.iter_pages(picture(12, 13, 14))
    assert next(pages).text == "12"
    with pytest.raises(EngineError, match="thirteen"):
        next(pages)


def test_on_page_sees_every_result_in_order() -> None:
    seen: list[PageResult] = []
    DocumentReader(GreyEngine(), on_page=seen.append).read(picture(12, 13, 14))
    assert [page.page_number for page in seen] == [1, 2, 3]


def test_max_pages_reads_no_more_and_says_how_many_were_not_read() -> None:
    document = DocumentReader(GreyEngine(), max_pages=2).read(picture(1, 2, 3, 4, 5))
    assert [page.text for page in document.pages] == ["1", "2"]
    assert document.pages[-1].warnings == ("3 more pages were not read (max_pages=2)",)


def blank_pdf(pages: int) -> bytes:
    kids = b" ".join(b"%d 0 R" % number for number in range(3, pages + 3))
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count %d/Kids[%s]>>" % (pages, kids)]
    objects += [b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]>>"] * pages
    file = b"%PDF-1.4\n"
    starts = []
    for number, content in enumerate(objects, 1):
        starts.append(b"%010d 00000 n \n" % len(file))
        file += b"%d 0 obj %s endobj\n" % (number, content)
    size, table = len(objects) + 1, len(file)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % size
    tail = b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (size, table)
    return b"".join([file, head, *starts, tail])


def test_a_pdf_of_20000_pages_is_read_as_far_as_max_pages() -> None:
    document = DocumentReader(GreyEngine(), max_pages=3).read(blank_pdf(20_000))
    assert [(page.page_number, page.total_pages, page.text) for page in document.pages] == [
        (1, 20_000, "255"),
        (2, 20_000, "255"),
        (3, 20_000, "255"),
    ]
    assert document.pages[-1].warnings == ("19997 more pages were not read (max_pages=3)",)


def test_chosen_pages_keep_their_own_numbers(reader: DocumentReader) -> None:
    document = reader.read(picture(1, 2, 3, 4), pages=[2, 4, 9])
    assert [(page.text, page.page_number) for page in document.pages] == [("2", 2), ("4", 4)]


def test_pages_that_do_not_exist_are_an_error_where_none_does(reader: DocumentReader) -> None:
    assert isinstance(reader.read(picture(1), pages=[7]).errors[0], InputError)


def test_never_more_pages_at_once_than_allowed_over_concurrent_jobs() -> None:
    engine = GreyEngine()
    reader = DocumentReader(engine, max_concurrency=2)
    jobs = [threading.Thread(target=reader.read, args=(picture(*range(20, 40)),)) for _ in range(6)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert engine.most <= 2


def test_a_reader_can_be_pickled(reader: DocumentReader) -> None:
    reader.read(picture(1))
    assert pickle.loads(pickle.dumps(reader)).read(picture(5)).text == "5"


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(lambda path: str(path), id="str"),
        pytest.param(lambda path: path, id="path"),
        pytest.param(lambda path: path.read_bytes(), id="bytes"),
        pytest.param(lambda path: io.BytesIO(path.read_bytes()), id="file"),
        pytest.param(lambda path: Image.open(io.BytesIO(path.read_bytes())), id="pillow"),
        pytest.param(lambda path: str(path.parent / "*.tif"), id="glob"),
        pytest.param(lambda path: path.parent, id="directory"),
    ],
)
def test_any_source_is_read(reader: DocumentReader, tmp_path: Path, source: Any) -> None:
    path = tmp_path / "two.tif"
    path.write_bytes(picture(7, 8))
    assert reader.read(source(path)).text == "7\n\n8"


def test_read_refuses_more_than_one_document(reader: DocumentReader) -> None:
    seen: list[PageResult] = []
    reader = DocumentReader(GreyEngine(), on_page=seen.append)
    with pytest.raises(InputError, match="there are several here") as raised:
        reader.read([picture(1), picture(2)])
    assert "iter()" in raised.value.hint
    assert seen == []


@pytest.mark.parametrize("pages", [1, "1-3"])
def test_page_numbers_that_are_no_list_are_a_config_error(reader: DocumentReader, pages: Any) -> None:
    with pytest.raises(ConfigError, match="not a list of page numbers"):
        reader.read(picture(1), pages=pages)


class AsyncEngine(GreyEngine):
    """Says which loop it was read on."""

    def __init__(self) -> None:
        super().__init__()
        self.loops: set[int] = set()

    async def aread_page(self, page: PageImage) -> PageResult:
        self.loops.add(id(asyncio.get_running_loop()))
        await asyncio.sleep(0)
        return self.read_page(page)


async def test_aread_gives_what_read_gives(reader: DocumentReader) -> None:
    data = picture(1, 2, 13)
    awaited, direct = await reader.aread(data), reader.read(data)
    assert [(p.text, p.state) for p in awaited.pages] == [(p.text, p.state) for p in direct.pages]


async def test_aiter_delivers_in_order(reader: DocumentReader) -> None:
    sources = [picture(level) for level in range(20, 40)]
    assert texts([document async for document in reader.aiter(sources)]) == [str(n) for n in range(20, 40)]


async def test_an_engine_of_coroutines_is_read_on_the_callers_loop() -> None:
    engine = AsyncEngine()
    document = await DocumentReader(engine).aread(picture(1, 2, 3))
    assert document.text == "1\n\n2\n\n3"
    assert engine.loops == {id(asyncio.get_running_loop())}


async def test_many_jobs_at_once_stay_within_the_bound() -> None:
    engine = GreyEngine()
    reader = DocumentReader(engine, max_concurrency=2)
    await asyncio.gather(*(reader.aread(picture(*range(20, 25))) for _ in range(20)))
    assert engine.most <= 2


async def test_the_reader_works_on_after_a_job_was_broken_off(reader: DocumentReader) -> None:
    async for page in reader.aiter_pages(picture(*range(20, 60))):
        assert page.text == "20"
        break
    assert (await reader.aread(picture(5))).text == "5"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"engine": "oracle"}, "oracle", id="no-route"),
        pytest.param({"engine": object()}, "not an OCR engine", id="no-engine"),
        pytest.param({"task": "receipt"}, "does not know the task", id="task"),
        pytest.param({"pdf_text": "always"}, "pdf_text", id="pdf-text"),
        pytest.param({"on_error": "ignore"}, "on_error", id="on-error"),
        pytest.param({"max_pages": 0}, "max_pages", id="max-pages"),
        pytest.param({"max_concurrency": 0}, "max_concurrency", id="max-concurrency"),
    ],
)
def test_an_option_that_cannot_be_used_is_a_config_error(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        DocumentReader(**options)
    assert raised.value.hint


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("pdf_text", "always"),
        ("on_error", "ignore"),
        ("max_pages", 0),
        ("max_concurrency", 0),
        ("budget_usd", 0),
    ],
)
def test_an_error_carries_the_argument_that_it_is_about(option: str, value: object) -> None:
    options: dict[str, Any] = {option: value}
    with pytest.raises(ConfigError) as raised:
        DocumentReader(**options)
    assert raised.value.argument == option
    assert raised.value.message.startswith(f"{option}=")


def test_a_result_knows_which_document_it_is_of(reader: DocumentReader) -> None:
    same = picture(1, 2)
    pages = list(reader.iter_pages([same, b"<html>", same]))
    assert [page.document for page in pages] == [0, 0, 1, 2, 2]
    assert "document" not in pages[0].model_dump()


def test_a_document_without_the_pages_asked_for_is_closed(tmp_path: Path) -> None:
    closed = []

    class Watched(Source):
        def open(self, **options: Any) -> Any:
            pages = super().open(**options)
            close = pages.close
            pages.close = lambda: (closed.append(self.name), close())  # type: ignore[method-assign]
            return pages

    source = Watched("two.tif", lambda: picture(1, 2))
    assert not DocumentReader(GreyEngine()).read(source, pages=[7]).ok
    assert closed == ["two.tif"]


def html(folder: Path) -> Any:
    path = folder / "page.png"
    path.write_text("<!doctype html><title>Log in</title>")
    return path


def empty(folder: Path) -> Any:
    (folder / "empty.png").touch()
    return folder / "empty.png"


def cut(folder: Path) -> Any:
    data = picture(9, kind="PNG")
    return data[: len(data) // 2]


def empty_directory(folder: Path) -> Any:
    (folder / "nothing").mkdir()
    (folder / "nothing" / "notes.docx").touch()
    return folder / "nothing"


@pytest.mark.parametrize(
    ("make", "error"),
    [
        pytest.param(lambda folder: folder / "missing.png", InputError, id="missing"),
        pytest.param(empty, InputError, id="empty"),
        pytest.param(html, UnsupportedImageError, id="html-named-png"),
        pytest.param(cut, CorruptImageError, id="truncated-png"),
        pytest.param(lambda folder: b"%PDF-1.7\nnothing", PDFError, id="broken-pdf"),
        pytest.param(empty_directory, InputError, id="directory-with-nothing-to-read"),
        pytest.param(lambda folder: str(folder / "*.png"), InputError, id="pattern-without-a-match"),
        pytest.param(lambda folder: "http://127.0.0.1/a.png", UnsafeURLError, id="loopback-url"),
        pytest.param(lambda folder: "http://169.254.169.254/latest", UnsafeURLError, id="metadata-url"),
    ],
)
def test_bad_input_is_recorded_with_its_typed_error(
    reader: DocumentReader, tmp_path: Path, make: Any, error: type[VLMError]
) -> None:
    document = reader.read(make(tmp_path))
    (page,) = document.pages
    assert (page.state, page.text, document.ok) == (PageState.FAILED, "", False)
    assert isinstance(page.error, error)
    assert page.error.hint


def test_the_error_is_in_the_json_of_a_result(reader: DocumentReader) -> None:
    error = reader.read(b"<html>").model_dump(mode="json")["pages"][0]["error"]
    assert error["type"] == "UnsupportedImageError"
    assert error["hint"]


@pytest.mark.parametrize("password", [None, "wrong"])
def test_an_encrypted_pdf_asks_for_its_password(
    reader: DocumentReader, data: Path, password: str | None
) -> None:
    path = data / "pdfs" / "password_2206.01062_pg3.pdf"
    reader = DocumentReader(GreyEngine(), password=password)
    assert isinstance(reader.read(path).errors[0], PasswordRequiredError)


def test_the_right_password_opens_it(data: Path) -> None:
    path = data / "pdfs" / "password_2206.01062_pg3.pdf"
    assert DocumentReader(GreyEngine(), password="1234").read(path).ok


def test_a_directory_is_read_sorted_and_its_bad_file_alone_fails(
    reader: DocumentReader, tmp_path: Path
) -> None:
    for name, content in {
        "b.png": picture(2, kind="PNG"),
        "a.TIF": picture(1),
        "c.jpg": b"no",
        "d.txt": b"x",
    }.items():
        (tmp_path / name).write_bytes(content)
    results = list(reader.iter(tmp_path))
    assert [Path(result.source).name for result in results] == ["a.TIF", "b.png", "c.jpg"]
    assert [result.ok for result in results] == [True, True, False]


def test_progress_is_shown_where_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    DocumentReader(GreyEngine(), progress=True).read(picture(12, 13))
    shown = capsys.readouterr().err
    assert "2/2" in shown
    assert "failed=1" in shown


def test_documents_from_an_iterator_have_no_percentage(capsys: pytest.CaptureFixture[str]) -> None:
    documents = (picture(grey) for grey in (12, 14, 16))
    assert len(list(DocumentReader(GreyEngine(), progress=True).iter(documents))) == 3
    shown = capsys.readouterr().err
    assert "3page" in shown
    assert "%" not in shown


@pytest.mark.parametrize("progress", [False, "auto"])
def test_progress_is_silent_off_a_terminal(capsys: pytest.CaptureFixture[str], progress: Any) -> None:
    DocumentReader(GreyEngine(), progress=progress).read(picture(12))
    assert capsys.readouterr().err == ""


def test_after_a_stop_pages_that_were_begun_come_and_no_others() -> None:
    pages = DocumentReader(GreyEngine(), max_concurrency=2).stoppable_pages([picture(*range(2, 12, 2))] * 20)
    first = next(pages)
    pages.stop()
    come = [first, *pages]
    assert come == sorted(come, key=lambda numbered: (numbered[0], numbered[1].page_number))
    assert 1 <= len(come) <= 1 + 2 * 2
    assert all(page.error is None for _, page in come)


def test_read_is_the_one_liner() -> None:
    assert read(picture(3), engine=GreyEngine()).text == "3"
