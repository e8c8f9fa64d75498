"""Image documents as LangChain Documents: what they hold, how they stream, how they are indexed."""

import asyncio
import io
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.document_loaders import BaseLoader, Blob
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.indexing import InMemoryRecordManager, aindex, index
from langchain_core.vectorstores import InMemoryVectorStore
from PIL import Image, ImageDraw, ImageFont

from langchain_vlm import VLMBlobParser, VLMLoader, key_encoder
from vlm_core import (
    ConfigError,
    CorruptImageError,
    InputError,
    PageImage,
    PageResult,
    PagesFailed,
    PageState,
    RateLimited,
    TextLine,
)
from vlm_core.documents import EmptyPagesWarning

MODES = ["document", "page", "block"]
WHITE = 255


class Typist:
    """Reads a grey page as its shade, in a block above and one below; a white page is blank.

    Args:
        word: what stands before the shade.
        states: what becomes of pages of a shade, if not "ok".
        lines: whether it knows where the text stands.
    """

    name = "typist"
    model: str | None = "v1"

    def __init__(
        self, word: str = "shade", states: dict[int, PageState] | None = None, *, lines: bool = True
    ) -> None:
        self.word = word
        self.states = states or {}
        self.lines = lines
        self.pages_read = 0

    def read_page(self, page: PageImage) -> PageResult:
        self.pages_read += 1
        shade = page.pixels[0]
        blank = shade == WHITE
        lines = (
            TextLine(text=f"{self.word} {shade}", bbox=(0.1, 0.1, 0.5, 0.2)),
            TextLine(text="above", bbox=(0.1, 0.2, 0.75, 0.3)),
            TextLine(text="below", bbox=(0.1, 0.8, 0.5, 0.9), block=1),
        )
        return PageResult(
            text="" if blank else f"{self.word} {shade}",
            state=PageState.BLANK if blank else self.states.get(shade, PageState.OK),
            lines=() if blank or not self.lines else lines,
            width=page.width,
            height=page.height,
            sha256=page.sha256,
            engine=self.name,
            model=self.model,
        )


def grey_file(path: Path, *shades: int) -> Path:
    """A picture file with a page of each shade."""
    first, *rest = (Image.new("L", (60, 40), shade) for shade in shades)
    first.save(path, **({"save_all": True, "append_images": rest} if rest else {}))
    return path


def written(path: Path, text: str) -> Path:
    """A picture of some text that OCR can read."""
    picture = Image.new("RGB", (480, 160), "white")
    ImageDraw.Draw(picture).text((30, 50), text, "black", ImageFont.load_default(size=32))
    picture.save(path)
    return path


def load(source: Any, engine: Any = None, **options: Any) -> list[Document]:
    return VLMLoader(source, engine or Typist(), **options).load()


def parse(blob: Blob, engine: Any = None, **options: Any) -> list[Document]:
    return VLMBlobParser(engine or Typist(), **options).parse(blob)


def texts(documents: list[Document]) -> list[str]:
    return [document.page_content for document in documents]


@pytest.fixture
def fax(tmp_path: Path) -> Path:
    """Three pages, of which the second is blank."""
    return grey_file(tmp_path / "fax.tif", 10, WHITE, 30)


@pytest.fixture
def cut_short(tmp_path: Path) -> Path:
    path = grey_file(tmp_path / "cut.png", 10)
    path.write_bytes(path.read_bytes()[:60])
    return path


# --- what a Document holds -----------------------------------------------------------------------


def test_a_picture_is_read_on_this_machine(tmp_path: Path) -> None:
    path = written(tmp_path / "receipt.png", "TOTAL 9.00")
    (document,) = VLMLoader(path).load()
    assert document.page_content == "TOTAL 9.00"
    assert document.metadata | {"sha256": ""} == {
        "source": str(path),
        "page": 0,
        "page_label": "1",
        "total_pages": 1,
        "width": 480,
        "height": 160,
        "sha256": "",
        "ocr_engine": "rapidocr",
        "ocr_state": "ok",
        "trust": "untrusted",
    }
    assert len(document.metadata["sha256"]) == 64


OF_A_DOCUMENT = {"source", "total_pages", "width", "height", "sha256", "ocr_engine", "ocr_state", "trust"}
OF_A_PAGE = OF_A_DOCUMENT | {"page", "page_label"}


@pytest.mark.parametrize(
    ("mode", "keys"), [("document", OF_A_DOCUMENT), ("page", OF_A_PAGE), ("block", OF_A_PAGE | {"bbox"})]
)
def test_each_mode_has_its_metadata(mode: str, keys: set[str], tmp_path: Path) -> None:
    (document, *_) = load(grey_file(tmp_path / "a.png", 10), mode=mode)
    assert set(document.metadata) == keys


@pytest.mark.parametrize("mode", MODES)
def test_metadata_is_flat_and_never_none_even_of_a_file_that_cannot_be_read(
    mode: str, fax: Path, cut_short: Path
) -> None:
    documents = load([fax, cut_short, fax.parent / "missing.png"], mode=mode, empty_pages=True)
    assert {document.metadata["ocr_state"] for document in documents} >= {"ok", "failed"}
    for document in documents:
        assert {type(value) for value in document.metadata.values()} <= {str, int}
        assert json.loads(json.dumps(document.metadata)) == document.metadata


def test_pages_count_from_0_and_labels_from_1(fax: Path) -> None:
    documents = load(fax, empty_pages=True)
    assert [document.metadata["page"] for document in documents] == [0, 1, 2]
    assert [document.metadata["page_label"] for document in documents] == ["1", "2", "3"]


def test_a_document_holds_the_text_of_its_pages(tmp_path: Path) -> None:
    (document,) = load(grey_file(tmp_path / "a.tif", 10, 20), mode="document")
    assert document.page_content == "shade 10\n\nshade 20"


def test_a_block_holds_its_lines_and_the_box_around_them(tmp_path: Path) -> None:
    above, below = load(grey_file(tmp_path / "a.png", 10), mode="block")
    assert (above.page_content, below.page_content) == ("shade 10\nabove", "below")
    assert above.metadata["bbox"] == "0.1000,0.1000,0.7500,0.3000"


def test_a_page_of_unknown_layout_is_one_block(tmp_path: Path) -> None:
    (document,) = load(grey_file(tmp_path / "a.png", 10), Typist(lines=False), mode="block")
    assert document.page_content == "shade 10"
    assert document.metadata["bbox"] == "0.0000,0.0000,1.0000,1.0000"


@pytest.mark.parametrize(
    ("shades", "state"),
    [
        pytest.param((10, WHITE), "ok", id="blank-pages-do-no-harm"),
        pytest.param((WHITE, WHITE), "blank", id="all-blank"),
        pytest.param((10, 20), "truncated", id="worst-page"),
    ],
)
def test_a_document_is_in_the_state_of_its_worst_page(
    shades: tuple[int, ...], state: str, tmp_path: Path
) -> None:
    engine = Typist(states={20: PageState.TRUNCATED})
    path = grey_file(tmp_path / "a.tif", *shades)
    (document,) = load(path, engine, mode="document", empty_pages=True)
    assert document.metadata["ocr_state"] == state


# --- ids -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_reading_again_gives_equal_documents_with_the_same_ids(mode: str, fax: Path) -> None:
    assert load(fax, mode=mode, empty_pages=True) == load(fax, mode=mode, empty_pages=True)


def test_identical_pages_and_their_blocks_have_ids_of_their_own(tmp_path: Path) -> None:
    path = grey_file(tmp_path / "a.tif", 10, 10)
    ids = [document.id for mode in MODES for document in load(path, mode=mode)]
    assert len(set(ids)) == len(ids) == 1 + 2 + 4


def test_an_id_is_that_of_the_picture_and_the_way_it_is_read_not_of_the_text(tmp_path: Path) -> None:
    path = grey_file(tmp_path / "a.png", 10)
    known = load(path)[0].id
    other_model = Typist()
    other_model.model = "v2"
    assert load(path, Typist("grey"))[0].id == known
    assert load(path, other_model)[0].id != known
    assert load(path, task="text")[0].id != known
    assert load(grey_file(tmp_path / "b.png", 10))[0].id != known
    assert load(grey_file(path, 11))[0].id != known


# --- pages without text --------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_one_warning_at_the_end_lists_the_pages_without_text(mode: str, fax: Path, cut_short: Path) -> None:
    with pytest.warns(EmptyPagesWarning) as caught:
        load([fax, cut_short], mode=mode)
    assert len(caught) == 1
    warning = caught[0].message
    assert isinstance(warning, EmptyPagesWarning)
    assert [page[:3] for page in warning.pages] == [
        (str(cut_short), 1, PageState.FAILED),
        (str(fax), 2, PageState.BLANK),
    ]
    assert "fax.tif page 2 (blank)" in str(warning)
    assert "cut.png page 1 (failed: " in str(warning)


def test_a_long_list_of_pages_without_text_is_cut_but_for_the_failed_ones() -> None:
    with pytest.warns(EmptyPagesWarning, match=r"^No text on missing-0.png page 1 .*; and 5 more\."):
        load([f"missing-{number}.png" for number in range(25)])


@pytest.mark.parametrize("name", ["nodir", "nodir/a.png", "fax.tiff", Path("fax.tiff"), ""])
@pytest.mark.parametrize("on_error", ["record", "raise"])
async def test_the_path_of_a_file_that_does_not_exist_is_an_error(
    name: str | Path, on_error: Any, fax: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(fax.parent)
    loader = VLMLoader(name, Typist(), on_error=on_error)
    with pytest.raises(FileNotFoundError, match="does not exist") as caught:
        loader.load()
    assert isinstance(caught.value, InputError)
    with pytest.raises(InputError, match="does not exist"):
        await loader.aload()


@pytest.mark.parametrize("mode", MODES)
def test_of_many_a_file_that_does_not_exist_costs_no_other(mode: str, fax: Path) -> None:
    with pytest.warns(EmptyPagesWarning, match=r"gone.png page 1 \(failed: does not exist"):
        assert load([fax, fax.parent / "gone.png"], mode=mode)


def test_a_broken_link_in_a_folder_is_recorded(fax: Path) -> None:
    (fax.parent / "link.png").symlink_to("gone.png")
    with pytest.warns(EmptyPagesWarning, match=r"link.png page 1 \(failed: does not exist"):
        assert texts(load(fax.parent)) == ["shade 10", "shade 30"]


def test_an_empty_folder_has_no_documents(tmp_path: Path) -> None:
    with pytest.warns(EmptyPagesWarning, match="nothing to read"):
        assert load(tmp_path) == []


def test_empty_pages_are_given_with_their_state_on_request(fax: Path) -> None:
    documents = load(fax, empty_pages=True)
    assert [(d.page_content, d.metadata["ocr_state"]) for d in documents] == [
        ("shade 10", "ok"),
        ("", "blank"),
        ("shade 30", "ok"),
    ]


def test_errors_are_raised_on_request_after_the_pages_before_them(fax: Path, cut_short: Path) -> None:
    documents = VLMLoader([fax, cut_short], Typist(), on_error="raise", empty_pages=True).lazy_load()
    assert len([next(documents) for _ in range(3)]) == 3
    with pytest.raises(CorruptImageError):
        next(documents)


# --- options -------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [lambda **o: VLMLoader("a.png", **o), VLMBlobParser])
def test_an_unknown_option_is_refused_with_the_nearest_name(make: Callable[..., Any]) -> None:
    with pytest.raises(ConfigError, match=r"Unknown option max_page\. Did you mean max_pages\?"):
        make(max_page=3)


@pytest.mark.parametrize("make", [lambda **o: VLMLoader("a.png", **o), VLMBlobParser])
def test_an_unknown_mode_is_refused(make: Callable[..., Any]) -> None:
    with pytest.raises(ConfigError, match="document, page, block"):
        make(mode="pages")


def test_options_reach_the_reader(fax: Path) -> None:
    seen: list[PageResult] = []
    load(fax, max_pages=1, on_page=seen.append)
    assert [page.page_number for page in seen] == [1]


# --- streaming -----------------------------------------------------------------------------------


@pytest.fixture
def long(tmp_path: Path) -> Path:
    return grey_file(tmp_path / "long.tif", *range(1, 101))


def test_the_first_page_comes_before_the_others_are_read(long: Path) -> None:
    engine = Typist()
    documents = VLMLoader(long, engine, max_concurrency=1).lazy_load()
    assert next(documents).page_content == "shade 1"
    assert engine.pages_read < 10


@pytest.mark.parametrize("mode", MODES)
async def test_the_async_loader_gives_the_same(mode: str, fax: Path) -> None:
    loader = VLMLoader(fax, Typist(), mode, empty_pages=True)
    assert await loader.aload() == loader.load()


async def test_the_async_loader_warns_of_pages_without_text(fax: Path) -> None:
    with pytest.warns(EmptyPagesWarning, match="page 2"):
        await VLMLoader(fax, Typist()).aload()


class Patient(Typist):
    """Reads the first page only once the event loop has said so."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.loop, self.answered = loop, threading.Event()

    def read_page(self, page: PageImage) -> PageResult:
        self.loop.call_soon_threadsafe(self.answered.set)
        assert self.answered.wait(30), "the event loop is blocked"
        return super().read_page(page)


async def test_the_event_loop_runs_while_pages_are_read(fax: Path) -> None:
    engine = Patient(asyncio.get_running_loop())
    documents = await VLMLoader(fax, engine, empty_pages=True).aload()
    assert texts(documents) == ["shade 10", "", "shade 30"]


async def test_nothing_is_read_any_more_once_an_async_loader_is_left(long: Path) -> None:
    engine = Typist()
    loader = VLMLoader(long, engine, max_concurrency=1)
    async with aclosing(loader.alazy_load()) as documents:  # type: ignore[type-var]
        await anext(documents)
    for thread in threading.enumerate():
        if thread.name == "vlm-close":
            thread.join(30)
    assert engine.pages_read < 10


# --- blobs ---------------------------------------------------------------------------------------


def saved(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def png(shade: int) -> bytes:
    file = io.BytesIO()
    Image.new("L", (60, 40), shade).save(file, "PNG")
    return file.getvalue()


def test_a_file_is_parsed_as_it_is_loaded(fax: Path) -> None:
    blob = Blob.from_path(fax)
    assert parse(blob, empty_pages=True) == load(fax, empty_pages=True)


@pytest.mark.parametrize("mimetype", ["image/png", "image/jpeg", "application/pdf", "text/plain", None])
def test_the_bytes_of_a_blob_tell_what_it_is(mimetype: str | None) -> None:
    assert texts(parse(Blob(data=png(10), mimetype=mimetype))) == ["shade 10"]


def test_a_pdf_is_parsed_page_by_page(tmp_path: Path) -> None:
    pages = [Image.new("L", (60, 40), shade) for shade in (10, 20)]
    pages[0].save(tmp_path / "a.pdf", save_all=True, append_images=pages[1:])
    documents = parse(Blob.from_data((tmp_path / "a.pdf").read_bytes()))
    assert [document.metadata["page"] for document in documents] == [0, 1]


def test_a_blob_keeps_its_metadata_and_its_source() -> None:
    metadata = {"source": "s3://scans/1.png", "owner": "Ada", "note": None, "trust": "trusted", "page": 7}
    (document,) = parse(Blob.from_data(png(10), metadata=metadata))
    assert document.metadata["source"] == "s3://scans/1.png"
    assert document.metadata["owner"] == "Ada"
    assert document.metadata["trust"] == "untrusted"
    assert document.metadata["page"] == 0
    assert "note" not in document.metadata
    assert metadata["trust"] == "trusted"


def test_a_blob_in_memory_has_a_source_that_can_be_indexed() -> None:
    assert parse(Blob.from_data(png(10)))[0].metadata["source"] == "<bytes>"


def test_a_file_that_is_gone_is_accounted_for(tmp_path: Path) -> None:
    with pytest.warns(EmptyPagesWarning, match=r"gone.png page 1 \(failed: does not exist\. Check"):
        assert parse(Blob.from_path(tmp_path / "gone.png")) == []


def test_a_file_that_is_gone_raises_on_request(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone.png does not exist"):
        parse(Blob.from_path(tmp_path / "gone.png"), on_error="raise")


async def test_a_blob_is_parsed_asynchronously(fax: Path) -> None:
    parser = VLMBlobParser(Typist(), empty_pages=True)
    blob = Blob.from_path(fax)
    assert [document async for document in parser.alazy_parse(blob)] == parser.parse(blob)


GREY = np.full((4, 5), 10, np.uint8)
BLACK_ON_CLEAR = np.zeros((4, 5, 4), np.uint8)
BLACK_ON_CLEAR[1, 1] = 0, 0, 0, 255


@pytest.mark.parametrize(
    ("array", "shade"),
    [
        pytest.param(GREY, 10, id="grey"),
        pytest.param(GREY[:, :, None], 10, id="one-channel"),
        pytest.param(np.dstack([GREY, GREY * 0 + 255]), 10, id="grey-alpha"),
        pytest.param(np.dstack([GREY] * 3), 10, id="rgb"),
        pytest.param(np.dstack([GREY] * 3 + [GREY * 0 + 255]), 10, id="rgba"),
        pytest.param(np.dstack([GREY] * 3 + [GREY * 0]), 10, id="fourth-byte-unused"),
        pytest.param(BLACK_ON_CLEAR, 255, id="clear-is-white"),
        pytest.param(np.asfortranarray(GREY), 10, id="columns-first"),
        pytest.param(GREY > 20, 0, id="bool-black"),
        pytest.param(GREY < 20, 255, id="bool-white"),
        pytest.param(GREY.astype(np.uint16) * 257, 10, id="16-bit"),
        pytest.param(GREY.astype(">u2") * 257, 10, id="16-bit-big-endian"),
        pytest.param(GREY.astype(np.int64), 10, id="signed"),
        pytest.param(GREY.astype(np.float32), 10, id="float-to-255"),
        pytest.param(GREY / 255, 10, id="float-to-1"),
        pytest.param(np.full((4, 5), np.nan), 0, id="nan"),
    ],
)
def test_an_array_is_a_picture(array: Any, shade: int) -> None:
    blob = Blob.from_data(saved(array), mime_type="application/x-npy")
    document = next(VLMBlobParser(Typist()).lazy_parse(blob))
    assert document.page_content == ("" if shade == WHITE else f"shade {shade}")
    assert (document.metadata["width"], document.metadata["height"]) == (5, 4)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(saved(GREY)[:-3], id="cut-short"),
        pytest.param(saved(GREY[0]), id="one-row"),
        pytest.param(saved(np.zeros((4, 5, 7), np.uint8)), id="seven-channels"),
        pytest.param(saved(GREY[:0]), id="no-pixels"),
        pytest.param(saved(np.full((4, 5), "a")), id="letters"),
        pytest.param(saved(np.full((4, 5), None)), id="pickled-objects"),
        pytest.param(b"\x93NUMPY\x01\0\x04\0{((\n", id="damaged-header"),
        pytest.param(b"no array", id="no-array"),
    ],
)
def test_what_is_no_picture_gives_an_empty_document_and_a_warning(data: bytes) -> None:
    blob = Blob.from_data(data, mime_type="application/x-npy")
    with pytest.warns(EmptyPagesWarning, match="failed"):
        document = next(VLMBlobParser(Typist()).lazy_parse(blob))
    assert (document.page_content, document.metadata["ocr_state"]) == ("", "failed")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("metadata", [{}, {"source": "#"}], ids=["without-source", "as-of-pdfminer"])
def test_a_blank_picture_out_of_a_pdf_gives_a_document_and_no_warning(
    mode: str, metadata: dict[str, str]
) -> None:
    (document,) = parse(Blob.from_data(png(WHITE), metadata=metadata), mode=mode)
    assert (document.page_content, document.metadata["ocr_state"]) == ("", "blank")


def test_an_empty_document_is_given_only_where_there_is_no_other(fax: Path) -> None:
    with pytest.warns(EmptyPagesWarning, match="page 2"):
        assert texts(parse(Blob.from_data(fax.read_bytes()))) == ["shade 10", "shade 30"]


# --- LangChain's own loaders ---------------------------------------------------------------------

community = pytest.mark.skipif(
    subprocess.run(
        [sys.executable, "-c", "import langchain_community, pypdf"], capture_output=True
    ).returncode
    != 0,
    reason="langchain-community or pypdf is not installed",
)


@community
def test_the_generic_loader_takes_the_parser(tmp_path: Path) -> None:
    from langchain_community.document_loaders.generic import GenericLoader

    grey_file(tmp_path / "a.png", 10)
    grey_file(tmp_path / "b.tif", 20, 30)
    loader = GenericLoader.from_filesystem(tmp_path, parser=VLMBlobParser(Typist()))
    assert sorted(texts(loader.load())) == ["shade 10", "shade 20", "shade 30"]


@community
def test_pypdf_gets_the_text_of_the_pictures_in_a_scanned_pdf(data: Path) -> None:
    from langchain_community.document_loaders import PyPDFLoader

    scan = data / "pdfs" / "edgar_image.pdf"
    (document,) = PyPDFLoader(scan, extract_images=True, images_parser=VLMBlobParser()).load()
    assert "King of the English" in document.page_content


@community
@pytest.mark.parametrize("parser", ["PyPDFParser", "PyPDFium2Parser"])
def test_a_pdf_parser_gets_by_with_blank_pictures(parser: str, tmp_path: Path) -> None:
    from langchain_community.document_loaders import parsers

    Image.new("RGB", (60, 40), "white").save(tmp_path / "blank.pdf")
    kind = getattr(parsers, parser)
    (document,) = kind(extract_images=True, images_parser=VLMBlobParser(Typist())).parse(
        Blob.from_path(tmp_path / "blank.pdf")
    )
    assert document.page_content.strip() == ""


@community
@pytest.mark.parametrize("parser", ["PyPDFParser", "PyPDFium2Parser"])
def test_a_pdf_parser_gets_the_text_of_pictures(parser: str, tmp_path: Path) -> None:
    from langchain_community.document_loaders import parsers

    Image.new("RGB", (60, 40), (70, 70, 70)).save(tmp_path / "grey.pdf", quality=100)
    kind = getattr(parsers, parser)
    (document,) = kind(extract_images=True, images_parser=VLMBlobParser(Typist())).parse(
        Blob.from_path(tmp_path / "grey.pdf")
    )
    assert document.page_content.strip() == "shade 70"


# --- indexing ------------------------------------------------------------------------------------


class Index:
    """An index in memory, and the words that are in it."""

    def __init__(self, **options: Any) -> None:
        self.records = InMemoryRecordManager("scans")
        self.records.create_schema()
        self.store = InMemoryVectorStore(DeterministicFakeEmbedding(size=8))
        self.options = {
            "cleanup": "incremental",
            "source_id_key": "source",
            "key_encoder": "sha256",
            **options,
        }

    def add(self, documents: BaseLoader | Iterable[Document]) -> tuple[int, int, int]:
        """How many Documents were added, skipped and deleted."""
        result = index(documents, self.records, self.store, **self.options)
        return result["num_added"], result["num_skipped"], result["num_deleted"]

    def texts(self) -> list[str]:
        return sorted(entry["text"] for entry in self.store.store.values())


CLEANUPS = ["incremental", "full", "scoped_full"]


@pytest.mark.parametrize("cleanup", CLEANUPS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("key", ["sha256", key_encoder], ids=["by-text", "by-picture"])
def test_indexing_unchanged_files_again_adds_and_deletes_nothing(
    cleanup: str, mode: str, key: Any, tmp_path: Path
) -> None:
    loader = VLMLoader(grey_file(tmp_path / "a.tif", 10, 20), Typist(), mode)
    stored = Index(cleanup=cleanup, key_encoder=key)
    added, _, _ = stored.add(loader)
    assert stored.add(loader) == (0, added, 0)


async def test_the_async_index_takes_the_loader(tmp_path: Path) -> None:
    loader = VLMLoader(grey_file(tmp_path / "a.tif", 10, 20), Typist())
    stored = Index(key_encoder=key_encoder)
    results = [await aindex(loader, stored.records, stored.store, **stored.options) for _ in range(2)]
    assert [(result["num_added"], result["num_skipped"]) for result in results] == [(2, 0), (0, 2)]


@pytest.mark.parametrize("cleanup", CLEANUPS)
def test_other_words_for_the_same_picture_are_skipped(cleanup: str, tmp_path: Path) -> None:
    path = grey_file(tmp_path / "a.png", 10)
    stored = Index(cleanup=cleanup, key_encoder=key_encoder)
    stored.add(load(path, Typist("shade")))
    assert stored.add(load(path, Typist("tone"))) == (0, 1, 0)
    assert stored.texts() == ["shade 10"]


@pytest.mark.parametrize("cleanup", CLEANUPS)
def test_a_changed_file_takes_the_place_of_the_old_one(cleanup: str, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    stored = Index(cleanup=cleanup, key_encoder=key_encoder)
    stored.add(load(grey_file(path, 10, 20)))
    assert stored.add(load(grey_file(path, 10, 21))) == (1, 1, 1)
    assert stored.texts() == ["shade 10", "shade 21"]


def broken(path: Path) -> None:
    """Make a file that cannot be read, as one that is being copied."""
    path.write_bytes(path.read_bytes()[:60])


class Outage(Typist):
    """As the typist; a page of a shade cannot be read at the moment."""

    def __init__(self, shade: int) -> None:
        super().__init__()
        self.shade = shade

    def read_page(self, page: PageImage) -> PageResult:
        if page.pixels[0] == self.shade:
            raise RateLimited("deepinfra: too many requests")
        return super().read_page(page)


@pytest.mark.parametrize("cleanup", CLEANUPS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("key", ["sha256", key_encoder], ids=["by-text", "by-picture"])
def test_an_index_keeps_what_a_page_gave_that_fails_now(
    cleanup: str, mode: str, key: Any, tmp_path: Path
) -> None:
    grey_file(tmp_path / "a.tif", 10, 20)
    stored = Index(cleanup=cleanup, key_encoder=key)
    stored.add(VLMLoader(tmp_path, Typist(), mode))
    before = stored.texts()
    grey_file(tmp_path / "b.png", 30)
    with pytest.raises(
        PagesFailed, match=r"could not read .*a\.tif page 2 \(failed.*deletes nothing"
    ) as caught:
        stored.add(VLMLoader(tmp_path, Outage(20), mode))
    assert isinstance(caught.value.__cause__, RateLimited)
    assert set(before) <= set(stored.texts())


@pytest.mark.parametrize("cleanup", CLEANUPS)
async def test_the_async_index_keeps_what_a_page_gave_that_fails_now(cleanup: str, tmp_path: Path) -> None:
    grey_file(tmp_path / "a.tif", 10, 20)
    grey_file(tmp_path / "b.png", 30)
    stored = Index(cleanup=cleanup, key_encoder=key_encoder)
    stored.add(VLMLoader(tmp_path, Typist()))
    grey_file(tmp_path / "c.png", 40)
    with pytest.raises(PagesFailed):
        await aindex(VLMLoader(tmp_path, Outage(20)), stored.records, stored.store, **stored.options)
    assert stored.texts() == ["shade 10", "shade 20", "shade 30", "shade 40"]


@pytest.mark.parametrize("cleanup", CLEANUPS)
@pytest.mark.parametrize("options", [{}, {"empty_pages": True}], ids=["default", "empty-pages"])
def test_an_index_keeps_what_a_file_gave_that_is_broken_now(
    cleanup: str, options: dict[str, Any], tmp_path: Path
) -> None:
    for name, shade in (("a.png", 10), ("b.png", 20)):
        grey_file(tmp_path / name, shade)
    stored = Index(cleanup=cleanup)
    stored.add(VLMLoader(tmp_path, Typist()))
    broken(tmp_path / "a.png")
    with pytest.raises(PagesFailed) as caught:
        stored.add(VLMLoader(tmp_path, Typist(), **options))
    assert [page[:3] for page in caught.value.pages] == [(str(tmp_path / "a.png"), 1, PageState.FAILED)]
    assert {"shade 10", "shade 20"} <= set(stored.texts())


@pytest.mark.parametrize("batch_size", [1, 2, 3, 100])
def test_an_index_has_all_that_was_read_when_it_ends_early(batch_size: int, tmp_path: Path) -> None:
    for number in range(5):
        grey_file(tmp_path / f"{number}.png", 10 + number)
    broken(tmp_path / "2.png")
    stored = Index(cleanup="full", batch_size=batch_size)
    with pytest.raises(PagesFailed):
        stored.add(VLMLoader(tmp_path, Typist()))
    assert stored.texts() == ["shade 10", "shade 11", "shade 13", "shade 14"]


@pytest.mark.parametrize("cleanup", CLEANUPS)
def test_an_index_deletes_what_a_page_gave_that_is_blank_now(cleanup: str, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    stored = Index(cleanup=cleanup)
    stored.add(VLMLoader(grey_file(path, 10, 20), Typist()))
    with pytest.warns(EmptyPagesWarning, match="blank"):
        stored.add(VLMLoader(grey_file(path, 10, WHITE), Typist()))
    assert stored.texts() == ["shade 10"]


def test_an_index_deletes_what_a_file_gave_that_is_gone_from_the_folder(tmp_path: Path) -> None:
    for name, shade in (("a.png", 10), ("b.png", 20)):
        grey_file(tmp_path / name, shade)
    stored = Index(cleanup="full")
    stored.add(VLMLoader(tmp_path, Typist()))
    (tmp_path / "a.png").unlink()
    stored.add(VLMLoader(tmp_path, Typist()))
    assert stored.texts() == ["shade 20"]


@pytest.mark.parametrize(
    ("cleanup", "options", "kept"),
    [
        pytest.param("full", {"on_error": "record"}, ["shade 20"], id="asked to go on"),
        pytest.param(None, {}, ["shade 10", "shade 20"], id="nothing is deleted"),
    ],
)
def test_an_index_goes_on(
    cleanup: str | None, options: dict[str, Any], kept: list[str], tmp_path: Path
) -> None:
    for name, shade in (("a.png", 10), ("b.png", 20)):
        grey_file(tmp_path / name, shade)
    stored = Index(cleanup=cleanup)
    stored.add(VLMLoader(tmp_path, Typist()))
    broken(tmp_path / "a.png")
    with pytest.warns(EmptyPagesWarning, match="failed"):
        stored.add(VLMLoader(tmp_path, Typist(), **options))
    assert stored.texts() == kept


@pytest.mark.parametrize("cleanup", CLEANUPS)
def test_an_index_of_blobs_keeps_what_a_page_gave_that_fails_now(cleanup: str, tmp_path: Path) -> None:
    grey_file(tmp_path / "a.tif", 10, 20)
    blobs = [Blob.from_path(tmp_path / "a.tif")]
    stored = Index(cleanup=cleanup)
    stored.add(document for blob in blobs for document in VLMBlobParser(Typist()).lazy_parse(blob))
    with pytest.raises(PagesFailed, match="deletes nothing"):
        stored.add(document for blob in blobs for document in VLMBlobParser(Outage(20)).lazy_parse(blob))
    assert stored.texts() == ["shade 10", "shade 20"]


def test_an_index_of_chunks_keeps_those_of_a_page_that_fails_now(tmp_path: Path) -> None:
    def chunks(engine: Any) -> Iterator[Document]:
        for document in VLMLoader(tmp_path, engine).lazy_load():
            yield from (Document(word, metadata=document.metadata) for word in document.page_content.split())

    grey_file(tmp_path / "a.tif", 10, 20)
    stored = Index(cleanup="full")
    stored.add(chunks(Typist()))
    with pytest.raises(PagesFailed):
        stored.add(chunks(Outage(20)))
    assert stored.texts() == ["10", "20", "shade", "shade"]


def test_loading_raises_nothing_for_a_page_that_fails(tmp_path: Path) -> None:
    grey_file(tmp_path / "a.tif", 10, 20)
    with pytest.warns(EmptyPagesWarning, match="too many requests"):
        assert texts(VLMLoader(tmp_path, Outage(20)).load()) == ["shade 10"]


def test_the_same_picture_in_two_files_is_kept_twice(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        grey_file(tmp_path / name, 10)
    stored = Index(key_encoder=key_encoder)
    assert stored.add(load(tmp_path)) == (2, 0, 0)


def test_a_page_that_was_not_read_in_full_is_replaced_once_it_is(tmp_path: Path) -> None:
    path = grey_file(tmp_path / "a.png", 10)
    stored = Index(key_encoder=key_encoder)
    stored.add(load(path, Typist("sha", states={10: PageState.TRUNCATED})))
    assert stored.add(load(path, Typist("shade"))) == (1, 0, 1)
    assert stored.texts() == ["shade 10"]


def test_every_chunk_of_a_page_is_kept(tmp_path: Path) -> None:
    splitters = pytest.importorskip("langchain_text_splitters", reason="langchain-text-splitters is missing")
    splitter = splitters.CharacterTextSplitter(separator=" ", chunk_size=6, chunk_overlap=0)
    chunks = splitter.split_documents(load(grey_file(tmp_path / "a.png", 10)))
    stored = Index(key_encoder=key_encoder)
    assert stored.add(chunks) == (2, 0, 0)
    assert stored.add(chunks) == (0, 2, 0)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(Document("text", id="1"), id="text"),
        pytest.param(Document("words", id="1", metadata={"page": 1}), id="metadata"),
    ],
)
def test_documents_of_others_are_known_by_text_and_metadata(other: Document) -> None:
    assert key_encoder(Document("words", id="1")) == key_encoder(Document("words", id="2"))
    assert key_encoder(Document("words", id="1")) != key_encoder(other)


def test_documents_can_be_added_to_a_store_under_their_own_ids(tmp_path: Path) -> None:
    store = InMemoryVectorStore(DeterministicFakeEmbedding(size=8))
    path = grey_file(tmp_path / "a.tif", 10, 20)
    for _ in range(2):
        store.add_documents(load(path))
    assert len(store.store) == 2


# --- the package ---------------------------------------------------------------------------------


def in_fresh_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_importing_the_loader_loads_nothing_that_reads() -> None:
    assert (
        in_fresh_python(
            "import sys, langchain_core.document_loaders.base; before = set(sys.modules);"
            "from langchain_vlm import VLMLoader;"
            "print({'PIL', 'numpy', 'openai', 'onnxruntime', 'pypdfium2'} & (set(sys.modules) - before))"
        )
        == "set()"
    )


def test_a_missing_langchain_is_named_with_the_way_to_install_it() -> None:
    assert "pip install 'vlm-adapters[langchain]'" in in_fresh_python(
        "import sys; sys.modules['langchain_core'] = None\n"
        "try:\n    from langchain_vlm import VLMLoader\n"
        "except ImportError as error:\n    print(error)"
    )
