"""Image documents as LlamaIndex Documents: what they hold, and where LlamaIndex uses the reader."""

import asyncio
import io
import json
import pickle
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from llama_index.core import SimpleDirectoryReader
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.node_parser import TokenTextSplitter
from llama_index.core.readers.base import ReaderConfig
from llama_index.core.schema import Document, MetadataMode
from PIL import Image, ImageDraw, ImageFont

from llamaindex_vlm import VLMReader, file_extractor
from vlm_core import SUFFIXES, ConfigError, CorruptImageError, PageImage, PageResult, PageState, TextLine
from vlm_core.documents import EmptyPagesWarning, ReaderOptions

WHITE = 255
MODES = ["document", "page", "block"]
TURNED = 99


class Typist:
    """Reads a grey page as its shade, in a block above and one below; a white page is blank.

    Pages of the shade `TURNED` it turns by a quarter.
    """

    name = "typist"
    model: str | None = None

    def __init__(self) -> None:
        self.running = self.most = 0
        self._lock = threading.Lock()

    def read_page(self, page: PageImage) -> PageResult:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        shade = page.pixels[0]
        blank = shade == WHITE
        lines = (
            TextLine(text=f"shade {shade}", bbox=(0.1, 0.1, 0.5, 0.2)),
            TextLine(text="below", bbox=(0.1, 0.8, 0.5, 0.9), block=1),
        )
        with self._lock:
            self.running -= 1
        return PageResult(
            text="" if blank else f"shade {shade}",
            state=PageState.BLANK if blank else PageState.OK,
            lines=() if blank else lines,
            rotation=90 if shade == TURNED else page.rotation,
            sha256=page.sha256,
            engine=self.name,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return Typist, ()


class Chained(Typist):
    """Cannot be pickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("chained")


def grey(*shades: int, kind: str = "TIFF") -> bytes:
    """A picture file with a page of each shade."""
    file = io.BytesIO()
    first, *rest = (Image.new("L", (60, 40), shade) for shade in shades)
    first.save(file, kind, **({"save_all": True, "append_images": rest} if rest else {}))
    return file.getvalue()


def grey_file(path: Path, *shades: int, kind: str = "TIFF") -> Path:
    path.write_bytes(grey(*shades, kind=kind))
    return path


def load(file: Any, engine: Any = None, **options: Any) -> list[Document]:
    return VLMReader(engine=engine or Typist(), **options).load_data(file)


def texts(documents: list[Document]) -> list[str]:
    return [document.text for document in documents]


@pytest.fixture
def fax(tmp_path: Path) -> Path:
    """Three pages, of which the second is blank."""
    return grey_file(tmp_path / "fax.tif", 10, WHITE, 30)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Documents under all kinds of suffixes."""
    path = tmp_path / "scans"
    path.mkdir()
    grey_file(path / "a.tif", 10, 20)
    grey_file(path / "b.PNG", 30, kind="PNG")
    grey_file(path / "c.jfif", 40, kind="JPEG")
    grey_file(path / "d.pdf", 50, 60, kind="PDF")
    return path


# --- what a Document holds -----------------------------------------------------------------------


def test_a_picture_is_read_on_this_machine(tmp_path: Path) -> None:
    picture = Image.new("RGB", (480, 160), "white")
    ImageDraw.Draw(picture).text((30, 50), "TOTAL 9.00", "black", ImageFont.load_default(size=32))
    picture.save(tmp_path / "receipt.png")
    (document,) = VLMReader().load_data(tmp_path / "receipt.png")
    assert document.text == "TOTAL 9.00"
    assert document.metadata | {"image_sha256": ""} == {
        "file_path": str(tmp_path / "receipt.png"),
        "file_name": "receipt.png",
        "page_label": "1",
        "total_pages": 1,
        "width": 480,
        "height": 160,
        "image_sha256": "",
        "ocr_engine": "rapidocr",
        "ocr_state": "ok",
        "trust": "untrusted",
    }
    assert len(document.metadata["image_sha256"]) == 64


OF_A_DOCUMENT = {
    *("file_path", "file_name", "total_pages"),
    *("image_sha256", "ocr_engine", "ocr_state", "trust"),
}
OF_A_PAGE = {"page_label"}


@pytest.mark.parametrize(
    ("mode", "keys"), [("document", set()), ("page", OF_A_PAGE), ("block", OF_A_PAGE | {"bbox"})]
)
def test_each_mode_has_its_metadata(mode: str, keys: set[str], fax: Path) -> None:
    (document, *_) = load(fax, mode=mode, empty_pages=True)
    assert set(document.metadata) == OF_A_DOCUMENT | keys


@pytest.mark.parametrize("mode", MODES)
def test_metadata_is_flat_and_never_none_even_of_a_file_that_cannot_be_read(mode: str, fax: Path) -> None:
    documents = load([fax, fax.parent / "missing.png"], mode=mode, empty_pages=True)
    assert {document.metadata["ocr_state"] for document in documents} >= {"ok", "failed"}
    assert {type(value) for document in documents for value in document.metadata.values()} <= {str, int}


@pytest.mark.parametrize("metadata_mode", [MetadataMode.EMBED, MetadataMode.LLM])
def test_models_see_the_text_the_file_and_the_page_only(metadata_mode: MetadataMode, fax: Path) -> None:
    (document, *_) = load(fax, mode="block", empty_pages=True)
    assert document.get_content(metadata_mode) == (
        f"file_path: {fax}\nfile_name: fax.tif\npage_label: 1\n\nshade 10"
    )


@pytest.mark.parametrize(
    ("file", "name"),
    [
        pytest.param(grey(10), "<bytes>", id="bytes"),
        pytest.param(Image.new("L", (60, 40), 10), "<image>", id="pillow"),
        pytest.param(io.BytesIO(grey(10)), "<bytes>", id="file"),
    ],
)
def test_documents_in_memory_are_read_too(file: Any, name: str) -> None:
    (document,) = load(file)
    assert (document.text, document.metadata["file_name"]) == ("shade 10", name)


def test_folders_and_lists_are_many_documents(folder: Path) -> None:
    assert texts(load(str(folder))) == texts(load(sorted(folder.iterdir())))


def test_documents_survive_a_round_trip_through_json(fax: Path) -> None:
    for document in load(fax, empty_pages=True):
        again = Document.from_dict(json.loads(json.dumps(document.to_dict())))
        assert again == document


# --- ids -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_reading_again_gives_equal_documents_with_the_same_ids(mode: str, fax: Path) -> None:
    assert load(fax, mode=mode, empty_pages=True) == load(fax, mode=mode, empty_pages=True)


def test_identical_pages_and_their_blocks_have_ids_of_their_own(tmp_path: Path) -> None:
    path = grey_file(tmp_path / "a.tif", 10, 10)
    ids = [document.id_ for mode in MODES for document in load(path, mode=mode)]
    assert len(set(ids)) == len(ids) == 1 + 2 + 4


# --- extra_info ----------------------------------------------------------------------------------


def test_extra_info_is_added_and_left_as_it_was(fax: Path) -> None:
    extra = {"owner": "Ada", "file_name": "Fax of May", "trust": "trusted", "page_label": "?"}
    given = dict(extra)
    reader = VLMReader(engine=Typist(), max_pages=1)
    (document,) = reader.load_data(fax, extra_info=given)
    assert given == extra
    assert document.metadata["owner"] == "Ada"
    assert document.metadata["file_name"] == "Fax of May"
    assert document.metadata["trust"] == "untrusted"
    assert document.metadata["page_label"] == "1"


def test_documents_share_no_metadata(fax: Path) -> None:
    first, second = VLMReader(engine=Typist(), empty_pages=True).load_data(fax, extra_info={})[:2]
    first.metadata["mine"] = 1
    first.excluded_llm_metadata_keys.append("mine")
    assert "mine" not in second.metadata
    assert "mine" not in second.excluded_llm_metadata_keys


# --- pages without text --------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_one_warning_at_the_end_lists_the_pages_without_text(mode: str, fax: Path) -> None:
    with pytest.warns(EmptyPagesWarning, match=r"missing.png page 1 \(failed: .*fax.tif page 2 \(blank\)"):
        load([fax, fax.parent / "missing.png"], mode=mode)


async def test_the_async_reader_warns_too(fax: Path) -> None:
    with pytest.warns(EmptyPagesWarning, match="page 2"):
        await VLMReader(engine=Typist()).aload_data(fax)


def test_empty_pages_are_given_with_an_empty_text_on_request(fax: Path) -> None:
    blank = load(fax, empty_pages=True)[1]
    assert blank.text_resource is not None
    assert (blank.text, blank.metadata["ocr_state"]) == ("", "blank")
    assert blank.metadata["image_sha256"] in blank.get_content(MetadataMode.ALL)


def test_errors_are_raised_on_request(tmp_path: Path) -> None:
    (tmp_path / "cut.png").write_bytes(grey(10, kind="PNG")[:60])
    with pytest.raises(CorruptImageError):
        load(tmp_path / "cut.png", on_error="raise")


# --- options -------------------------------------------------------------------------------------


def test_every_option_of_the_document_reader_is_a_field() -> None:
    assert set(ReaderOptions.__annotations__) <= set(VLMReader.model_fields)


def test_an_unknown_option_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match=r"Unknown option max_page\. Did you mean max_pages\?"):
        VLMReader(max_page=3)  # type: ignore[call-arg]


def test_an_option_that_cannot_be_used_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="max_concurrency=0"):
        VLMReader(max_concurrency=0)


def test_options_reach_the_reader(fax: Path) -> None:
    seen: list[PageResult] = []
    load(fax, max_pages=1, on_page=seen.append)
    assert [page.page_number for page in seen] == [1]


def test_pages_are_given_one_by_one(tmp_path: Path) -> None:
    seen: list[PageResult] = []
    path = grey_file(tmp_path / "long.tif", *range(1, 41))
    documents = VLMReader(engine=Typist(), on_page=seen.append).lazy_load_data(path)
    assert next(iter(documents)).text == "shade 1"
    assert len(seen) == 1


# --- as a component ------------------------------------------------------------------------------


def test_a_reader_is_described_in_json_without_its_password() -> None:
    reader = VLMReader(engine=Typist(), password="hush", image_dir=Path("pictures"), on_page=print)
    described = reader.to_dict()
    assert json.loads(json.dumps(described)) == described
    assert (described["class_name"], described["engine"]) == ("VLMReader", "typist")
    assert described["image_dir"] == "pictures"
    assert "hush" not in json.dumps(described) + repr(reader)
    assert reader.is_remote is False


def test_a_reader_is_made_anew_from_its_description() -> None:
    described = VLMReader(mode="block", task="text", image_dir=Path("pictures")).to_dict()
    assert VLMReader.from_dict(described).to_dict() == described


def test_a_reader_with_an_engine_of_ones_own_is_made_anew_with_it() -> None:
    described = VLMReader(engine=Typist()).to_dict()
    with pytest.raises(ConfigError, match="'typist'"):
        VLMReader.from_dict(described)
    assert VLMReader.from_dict(described, engine=Typist()).engine.name == "typist"


def test_a_pickled_reader_reads_the_same(fax: Path) -> None:
    reader = VLMReader(engine=Typist(), mode="block", empty_pages=True, password="1234")
    again = pickle.loads(pickle.dumps(reader))
    assert again.load_data(fax) == reader.load_data(fax)
    assert again.password == reader.password


def test_an_engine_that_cannot_be_pickled_is_not_left_out_in_silence() -> None:
    with pytest.raises(TypeError, match="chained"):
        pickle.dumps(VLMReader(engine=Chained()))


def test_an_option_cannot_be_changed_without_effect() -> None:
    with pytest.raises(ValueError, match="frozen"):
        VLMReader().max_pages = 3


# --- async ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
async def test_the_async_reader_gives_the_same(mode: str, fax: Path) -> None:
    reader = VLMReader(engine=Typist(), mode=mode, empty_pages=True)
    assert await reader.aload_data(fax) == reader.load_data(fax) == await reader.alazy_load_data(fax)


async def test_concurrent_calls_share_one_bound(folder: Path) -> None:
    engine = Typist()
    reader = VLMReader(engine=engine, max_concurrency=1)
    await asyncio.gather(*(reader.aload_data(folder) for _ in range(8)))
    assert engine.most == 1


class Patient(Typist):
    """Reads a page only once the event loop has said so."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.loop, self.answered = loop, threading.Event()

    def read_page(self, page: PageImage) -> PageResult:
        self.loop.call_soon_threadsafe(self.answered.set)
        assert self.answered.wait(30), "the event loop is blocked"
        return super().read_page(page)


async def test_the_event_loop_runs_while_pages_are_read(folder: Path) -> None:
    engine = Patient(asyncio.get_running_loop())
    assert len(await VLMReader(engine=engine).aload_data(folder)) == 6


# --- file systems --------------------------------------------------------------------------------


@pytest.fixture
def remote() -> Any:
    """A file system elsewhere, with a fax on it."""
    fs = MemoryFileSystem()
    fs.store.clear()
    fs.pipe("/inbox/fax.tif", grey(10, 20))
    yield fs
    fs.store.clear()


@pytest.mark.parametrize("path", ["/inbox/fax.tif", PurePosixPath("/inbox/fax.tif")])
def test_a_file_elsewhere_is_read_through_its_file_system(path: Any, remote: Any) -> None:
    first, second = VLMReader(engine=Typist()).load_data(path, fs=remote)
    assert (first.text, second.text) == ("shade 10", "shade 20")
    assert first.metadata["file_path"] == "/inbox/fax.tif"


@pytest.mark.parametrize("on_error", ["record", "raise"])
async def test_the_path_of_a_file_that_does_not_exist_is_an_error(on_error: Any, tmp_path: Path) -> None:
    reader = VLMReader(on_error=on_error)
    with pytest.raises(FileNotFoundError, match=r"none.png does not exist"):
        reader.load_data(tmp_path / "none.png")
    with pytest.raises(FileNotFoundError, match=r"none.png does not exist"):
        await reader.aload_data(str(tmp_path / "none.png"))


def test_a_file_that_is_missing_elsewhere_is_accounted_for(remote: Any) -> None:
    with pytest.warns(EmptyPagesWarning, match="/inbox/gone.tif"):
        assert VLMReader(engine=Typist()).load_data("/inbox/gone.tif", fs=remote) == []


def test_the_directory_reader_reads_from_elsewhere(remote: Any) -> None:
    directory = SimpleDirectoryReader(
        "/inbox", fs=remote, file_extractor=file_extractor(VLMReader(engine=Typist()))
    )
    assert texts(directory.load_data()) == ["shade 10", "shade 20"]


# --- SimpleDirectoryReader -----------------------------------------------------------------------


def directory(folder: Path, reader: VLMReader | None = None, **options: Any) -> SimpleDirectoryReader:
    reader = reader or VLMReader(engine=Typist())
    return SimpleDirectoryReader(folder, file_extractor=file_extractor(reader), **options)


def test_the_extractor_has_one_reader_for_every_suffix() -> None:
    extractor = file_extractor()
    assert set(extractor) == SUFFIXES
    assert len({id(reader) for reader in extractor.values()}) == 1


def test_the_directory_reader_reads_every_kind_of_file(folder: Path) -> None:
    documents = directory(folder).load_data()
    assert texts(documents) == [f"shade {shade}" for shade in (10, 20, 30, 40, 50, 60)]
    assert [document.metadata["file_name"] for document in documents] == [
        *("a.tif", "a.tif", "b.PNG", "c.jfif", "d.pdf", "d.pdf")
    ]
    assert {"file_size", "creation_date"} <= set(documents[0].metadata)


async def test_the_directory_reader_reads_the_same_asynchronously(folder: Path) -> None:
    assert await directory(folder).aload_data() == directory(folder).load_data()


def test_the_directory_reader_may_give_ids_by_file_name(folder: Path) -> None:
    ids = [document.id_ for document in directory(folder, filename_as_id=True).load_data()]
    assert ids[:2] == [f"{folder}/a.tif_part_0", f"{folder}/a.tif_part_1"]


def test_a_damaged_file_costs_only_itself_and_a_warning(folder: Path) -> None:
    (folder / "b.PNG").write_bytes(b"\x89PNG\r\n\x1a\n damaged")
    with pytest.warns(EmptyPagesWarning, match=r"b\.PNG page 1 \(failed"):
        assert len(directory(folder).load_data()) == 5


def test_the_directory_reader_reads_in_other_processes(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        grey_file(tmp_path / name, WHITE, kind="PNG")
    reader = VLMReader(empty_pages=True)
    documents = directory(tmp_path, reader).load_data(num_workers=2)
    assert documents == directory(tmp_path, reader).load_data()
    assert [document.metadata["ocr_state"] for document in documents] == ["blank", "blank"]


# --- IngestionPipeline ---------------------------------------------------------------------------


def pipeline(reader: VLMReader, *args: Any) -> IngestionPipeline:
    return IngestionPipeline(
        readers=[ReaderConfig(reader=reader, reader_args=list(args))],
        transformations=[TokenTextSplitter(chunk_size=60, chunk_overlap=0)],
    )


def test_a_pipeline_reads_splits_and_points_back(folder: Path) -> None:
    reader = VLMReader(engine=Typist())
    nodes = pipeline(reader, str(folder / "a.tif")).run()
    assert [node.get_content() for node in nodes] == ["shade 10", "shade 20"]
    assert [node.ref_doc_id for node in nodes] == [
        document.id_ for document in reader.load_data(str(folder / "a.tif"))
    ]
    assert nodes[1].metadata["page_label"] == "2"
    assert "trust" in nodes[1].excluded_llm_metadata_keys


def test_a_pipelines_reader_is_described_in_json(folder: Path) -> None:
    config = ReaderConfig(reader=VLMReader(engine=Typist()), reader_args=[str(folder)])
    assert json.loads(json.dumps(config.to_dict()))["loader"]["class_name"] == "VLMReader"


# --- pictures ------------------------------------------------------------------------------------


def shade_of(document: Document) -> int:
    assert document.image_resource is not None
    assert document.image_resource.data is None
    with Image.open(str(document.image_resource.path)) as picture:
        shade = picture.convert("L").getpixel((5, 5))
        assert isinstance(shade, int)
        return shade


def test_documents_refer_to_no_picture_unless_asked(folder: Path) -> None:
    assert [document.image_resource for document in load(folder)] == [None] * 6


@pytest.mark.parametrize(
    ("name", "kind", "mimetype"),
    [("a.png", "PNG", "image/png"), ("a.jpg", "JPEG", "image/jpeg"), ("a.png", "WEBP", "image/webp")],
)
def test_a_page_that_is_a_file_refers_to_it(name: str, kind: str, mimetype: str, tmp_path: Path) -> None:
    path = grey_file(tmp_path / name, 40, kind=kind)
    (document,) = load(path, image_reference=True)
    assert document.image_resource is not None
    assert (document.image_resource.path, document.image_resource.mimetype) == (path, mimetype)


@pytest.mark.parametrize(
    ("shades", "kind"),
    [
        pytest.param((40, 50), "PDF", id="pdf"),
        pytest.param((40, 50), "TIFF", id="multi-frame"),
        pytest.param((40,), "TIFF", id="not-shown-everywhere"),
        pytest.param((TURNED,), "PNG", id="turned"),
    ],
)
def test_other_pages_refer_to_a_picture_only_where_one_may_be_written(
    shades: tuple[int, ...], kind: str, tmp_path: Path
) -> None:
    path = grey_file(tmp_path / "a", *shades, kind=kind)
    assert {document.image_resource for document in load(path, image_reference=True)} == {None}
    documents = load(path, image_dir=tmp_path / "pictures")
    assert [shade_of(document) for document in documents] == list(shades)


def test_a_turned_page_is_written_upright(tmp_path: Path) -> None:
    path = grey_file(tmp_path / "a.png", TURNED, kind="PNG")
    (document,) = load(path, image_dir=tmp_path / "pictures")
    assert document.image_resource is not None
    with Image.open(str(document.image_resource.path)) as picture:
        assert picture.size == (40, 60)


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(grey(10, 20), id="bytes"),
        pytest.param(io.BytesIO(grey(10, 20)), id="file"),
        pytest.param([grey(10, 20)], id="list-of-one"),
    ],
)
def test_pictures_of_a_document_in_memory_are_written(file: Any, tmp_path: Path) -> None:
    assert [shade_of(document) for document in load(file, image_dir=tmp_path)] == [10, 20]


def test_pictures_of_a_document_elsewhere_are_written(remote: Any, tmp_path: Path) -> None:
    reader = VLMReader(engine=Typist(), image_dir=tmp_path)
    documents = reader.load_data("/inbox/fax.tif", fs=remote)
    assert [shade_of(document) for document in documents] == [10, 20]


def test_a_url_is_downloaded_once_for_text_and_pictures(tmp_path: Path) -> None:
    asked: list[str] = []

    class Fax(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(grey(10, 20))

        def log_message(self, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Fax) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/fax.tif?key=hush"
        documents = load(url, image_dir=tmp_path, allow_private_urls=True)
        server.shutdown()
        thread.join()
    assert [shade_of(document) for document in documents] == [10, 20]
    assert asked == ["/fax.tif?key=hush"]
    assert documents[0].metadata["file_name"] == "fax.tif"
    assert "hush" not in str(documents[0].to_dict())


async def test_the_async_reader_writes_pictures_too(folder: Path, tmp_path: Path) -> None:
    documents = await VLMReader(engine=Typist(), image_dir=tmp_path / "pictures").aload_data(folder)
    assert [shade_of(document) for document in documents] == [10, 20, 30, 40, 50, 60]


def test_a_picture_is_written_once_and_whole(tmp_path: Path) -> None:
    path = grey_file(tmp_path / "a.tif", 10, 10, 20)
    pictures = tmp_path / "pictures"
    load(path, image_dir=pictures, mode="block")
    before = {file: file.stat().st_mtime_ns for file in pictures.iterdir()}
    load(path, image_dir=pictures)
    assert {file: file.stat().st_mtime_ns for file in pictures.iterdir()} == before
    assert sorted(file.suffix for file in before) == [".png", ".png"]


def test_a_page_of_many_documents_in_memory_has_its_text_but_no_picture(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="No picture of page 1"):
        (first, _) = load([grey(10), grey(20)], image_dir=tmp_path)
    assert (first.text, first.image_resource) == ("shade 10", None)


def test_a_whole_document_refers_to_its_file_or_to_no_picture(folder: Path, tmp_path: Path) -> None:
    documents = load(folder, mode="document", image_dir=tmp_path / "pictures")
    named = {document.metadata["file_name"]: document.image_resource for document in documents}
    assert {name for name, resource in named.items() if resource} == {"b.PNG", "c.jfif"}


def test_a_folder_that_cannot_be_written_is_named(fax: Path) -> None:
    with pytest.raises(ConfigError, match="image_dir"):
        load(fax, image_dir=fax)


# --- the package ---------------------------------------------------------------------------------


def in_fresh_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_importing_the_reader_loads_nothing_that_reads() -> None:
    assert (
        in_fresh_python(
            "import sys, llama_index.core.readers.base; before = set(sys.modules);"
            "from llamaindex_vlm import VLMReader;"
            "print({'PIL', 'numpy', 'openai', 'onnxruntime', 'pypdfium2'} & (set(sys.modules) - before))"
        )
        == "set()"
    )


def test_a_missing_llamaindex_is_named_with_the_way_to_install_it() -> None:
    assert "pip install 'vlm-adapters[llamaindex]'" in in_fresh_python(
        "import sys; sys.modules['llama_index'] = None\n"
        "try:\n    from llamaindex_vlm import VLMReader\n"
        "except ImportError as error:\n    print(error)"
    )
