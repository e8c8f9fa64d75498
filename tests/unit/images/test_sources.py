"""Anything a user may give, as sources in order; what is wrong with one never ends the others."""

import base64
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import fsspec
import pytest
from PIL import Image

from vlm_core.errors import InputError, UnsafeURLError, UnsupportedImageError
from vlm_core.images.sources import SUFFIXES, Source, expand
from vlm_core.types import PageImage

PPM = b"P6 1 1 255 \xff\0\0"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of two pictures, a third one below it, and things that are not documents."""
    (tmp_path / "below").mkdir()
    (tmp_path / ".cache").mkdir()
    for name in ("b.ppm", "a.PPM", "below/c.ppm", ".hidden.ppm", ".cache/d.ppm", "scan"):
        (tmp_path / name).write_bytes(PPM)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "README").write_text("no picture")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(given: Any, **options: Any) -> list[str]:
    return [source.name for source in expand(given, **options)]


def only(given: Any, **options: Any) -> Source:
    (source,) = expand(given, **options)
    return source


# --- paths, folders, patterns --------------------------------------------------------------------


@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_is_one_source_named_as_given(folder: Path, kind: Any) -> None:
    source = only(kind("below/c.ppm"))
    assert (source.name, source.path) == ("below/c.ppm", Path("below/c.ppm"))
    assert source.read() == PPM


def test_home_is_expanded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    source = only("~/b.ppm")
    assert (source.name, source.path, source.read()) == ("~/b.ppm", folder / "b.ppm", PPM)


def test_nothing_is_read_before_it_is_asked_for(folder: Path) -> None:
    source = only("later.ppm")
    (folder / "later.ppm").write_bytes(PPM)
    assert source.read() == PPM


def test_a_folder_gives_the_documents_in_it_and_below_sorted(folder: Path) -> None:
    assert names(".") == ["./a.PPM", "./b.ppm", "./scan", "./below/c.ppm"]


def test_what_a_folder_passes_over_is_reported(folder: Path) -> None:
    skipped: dict[str, str] = {}
    names(folder, on_skip=skipped.__setitem__)
    assert {os.path.relpath(name, folder): reason for name, reason in skipped.items()} == {
        ".cache": "it is hidden",
        ".hidden.ppm": "it is hidden",
        "README": "its first bytes are those of no document",
        "notes.txt": ".txt is not a suffix that is read",
    }


@pytest.mark.parametrize("source", ["below", "below/*", "below/**", "below/*/*"])
def test_no_link_leads_out_of_a_folder_or_a_pattern(folder: Path, source: str) -> None:
    (folder / "below/up").symlink_to(folder)
    (folder / "below/deeper").mkdir()
    (folder / "below/deeper/d.ppm").write_bytes(PPM)
    (folder / "below/out.ppm").symlink_to(folder / "b.ppm")
    (folder / "below/deeper/in.ppm").symlink_to("../c.ppm")
    skipped: dict[str, str] = {}
    found = names(source, on_skip=skipped.__setitem__)
    assert set(found) == {"below/c.ppm", "below/deeper/d.ppm", "below/deeper/in.ppm"} - (
        {"below/c.ppm"} if source == "below/*/*" else set()
    )
    assert set(skipped.values()) <= {"it is a link to a folder", "it is a link to a file elsewhere"}
    assert skipped


def test_a_link_that_is_named_is_followed(folder: Path) -> None:
    (folder / "below/up").symlink_to(folder)
    (folder / "link.ppm").symlink_to("b.ppm")
    assert names("link.ppm") == ["link.ppm"]
    assert "below/up/b.ppm" in names("below/up")


def test_a_file_in_a_folder_that_cannot_be_read_is_a_source_that_says_so(folder: Path) -> None:
    (folder / "below/gone.ppm").symlink_to(folder / "nowhere.ppm")
    good, bad = expand("below")
    assert good.read() == PPM
    with pytest.raises(InputError, match=r"gone\.ppm does not exist"):
        bad.read()


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_folder_that_cannot_be_listed_is_a_source_that_says_so(folder: Path) -> None:
    (folder / "below").chmod(0)
    try:
        *_, closed = expand(".")
        with pytest.raises(InputError, match="Permission denied"):
            closed.read()
    finally:
        (folder / "below").chmod(0o700)


def test_a_pipe_in_a_folder_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "below/pipe.ppm")
    assert names("below") == ["below/c.ppm"]


def test_a_folder_with_nothing_to_read_says_what_it_passed_over(folder: Path) -> None:
    (folder / "below/c.ppm").rename(folder / "below/c.docx")
    with pytest.raises(InputError, match=r"below holds nothing to read: passed over c\.docx"):
        only("below").read()


def test_an_empty_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it is empty"):
        only(tmp_path).read()


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.ppm", ["b.ppm"]),
        ("[ab].*", ["a.PPM", "b.ppm"]),
        ("b.pp?", ["b.ppm"]),
        ("**/*.ppm", ["b.ppm", "below/c.ppm"]),
        ("*", ["a.PPM", "b.ppm", "below/c.ppm", "scan"]),
        ("**", ["a.PPM", "b.ppm", "below/c.ppm", "scan"]),
        ("bel*", ["below/c.ppm"]),
    ],
)
def test_a_pattern_gives_what_it_matches_once_and_sorted(
    folder: Path, pattern: str, found: list[str]
) -> None:
    assert names(pattern) == found


def test_a_pattern_that_matches_nothing_says_so(folder: Path) -> None:
    with pytest.raises(InputError, match=r"\*\.tif matches no file"):
        only("*.tif").read()


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(folder: Path) -> None:
    (folder / "page[1].ppm").write_bytes(PPM)
    assert names("page[1].ppm") == ["page[1].ppm"]


def test_a_path_object_is_no_pattern(folder: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        only(Path("*.ppm")).read()


def test_a_missing_file_names_the_nearest_one(folder: Path) -> None:
    with pytest.raises(InputError, match=r"bellow/c\.ppm does not exist, nor does its folder"):
        only("bellow/c.ppm").read()
    with pytest.raises(InputError, match=r"Did you mean below/c\.ppm\?"):
        only("below/cc.ppm").read()


@pytest.mark.parametrize("path", ["", "a\0b.png", "a\0*.png", "x" * 5000, "/dev/null", "~nobody-here/a.png"])
def test_a_path_that_cannot_be_is_an_input_error(path: str) -> None:
    with pytest.raises(InputError) as caught:
        only(path).read()
    assert len(str(caught.value)) < 400


def test_an_empty_file_is_an_input_error(folder: Path) -> None:
    (folder / "empty.png").touch()
    with pytest.raises(UnsupportedImageError, match=r"empty\.png is empty"):
        only("empty.png").read()


def test_suffixes_are_those_of_the_formats_that_are_read() -> None:
    assert {".png", ".jpg", ".tif", ".heic", ".pdf"} < SUFFIXES
    assert not {".svg", ".eps", ".docx", ".txt", ""} & SUFFIXES


# --- URLs ----------------------------------------------------------------------------------------


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(folder: Path) -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_a_url_is_downloaded_when_read(server: str) -> None:
    assert only(f"{server}/b.ppm?key=1", allow_private_urls=True).read() == PPM


def test_a_url_to_this_machine_is_refused_unless_allowed(server: str) -> None:
    with pytest.raises(UnsafeURLError):
        only(f"{server}/b.ppm").read()


def test_a_url_is_named_without_what_may_be_secret() -> None:
    url = "HTTPS://user:word@example.com:8443/a/b.png?sig=secret#part"
    assert names(url) == ["https://example.com:8443/a/b.png"]


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("data:image/png;base64," + base64.b64encode(PPM).decode(), "<data:image/png>"),
        ("data:;base64," + base64.urlsafe_b64encode(PPM).decode().rstrip("="), "<data:>"),
        ("data:image/x-portable-pixmap,P6%201%201%20255%20%ff%00%00", "<data:image/x-portable-pixmap>"),
    ],
    ids=["base64", "url-safe without padding", "percent"],
)
def test_a_data_uri_holds_its_document(uri: str, name: str) -> None:
    source = only(uri)
    assert (source.name, source.read()) == (name, PPM)


@pytest.mark.parametrize("uri", ["data:image/png;base64", "data:image/png;base64,a", "data:;base64,!!!!"])
def test_a_damaged_data_uri_is_an_input_error(uri: str) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        only(uri).read()


def test_a_file_url_is_a_path(folder: Path) -> None:
    (folder / "a b*.ppm").write_bytes(PPM)
    source = only(f"file://{folder}/a%20b*.ppm")
    assert (source.path, source.read()) == (folder / "a b*.ppm", PPM)


def test_a_file_url_of_another_machine_is_refused() -> None:
    with pytest.raises(InputError, match="another machine"):
        only("file://server/share/a.png").read()


def test_other_urls_name_the_way_to_read_them_and_no_secret() -> None:
    with pytest.raises(InputError, match="fsspec") as caught:
        only("s3://bucket/a.png?sig=secret").read()
    assert "secret" not in str(caught.value)


# --- bytes, files, pictures ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_are_a_document(kind: Any) -> None:
    source = only(kind(PPM))
    assert (source.name, source.read()) == ("<bytes>", PPM)


def test_bytes_may_have_a_name() -> None:
    assert only(Source.from_bytes(PPM, "s3://scans/1.ppm")).open().page(1).source == "s3://scans/1.ppm"


def test_a_file_is_read_from_where_it_stands_as_often_as_wanted() -> None:
    file = BytesIO(b"header" + PPM)
    file.seek(6)
    source = only(file)
    assert (source.read(), source.read(), file.tell()) == (PPM, PPM, 6)


def test_an_open_file_has_its_own_name(folder: Path) -> None:
    with open("b.ppm", "rb") as file:
        source = only(file)
        assert (source.name, source.read()) == ("b.ppm", PPM)


def test_a_file_of_fsspec_is_read_as_a_file(folder: Path) -> None:
    with fsspec.open("b.ppm", "rb") as file:
        file.seek(3)
        assert only(file).read() == PPM[3:]


def test_a_pipe_is_read_once_through() -> None:
    reader, writer = os.pipe()
    with open(writer, "wb") as sink:
        sink.write(PPM)
    with open(reader, "rb") as file:
        source = only(file)
        assert (source.name, source.read()) == ("<file>", PPM)


def test_a_file_open_for_text_is_refused_at_once(folder: Path) -> None:
    with open("notes.txt") as file, pytest.raises(InputError, match='"rb"'):
        expand(file)
    with pytest.raises(InputError, match='"rb"'):
        expand(StringIO("text"))


def test_a_file_that_is_closed_is_an_input_error() -> None:
    file = BytesIO(PPM)
    source = only(file)
    file.close()
    with pytest.raises(InputError, match="closed file"):
        source.read()


def test_a_pillow_image_is_opened_and_stays_open(folder: Path) -> None:
    with Image.open("b.ppm") as image:
        source = only(image)
        with source.open() as document:
            assert document.page(1).pixels == b"\xff\0\0"
        assert (source.name, image.getpixel((0, 0))) == ("b.ppm", (255, 0, 0))
    with pytest.raises(InputError, match=r"open\(\)"):
        source.read()


def test_a_page_is_opened_as_it_is() -> None:
    page = PageImage(pixels=bytes(3), width=1, height=1, source="a.pdf", page_number=2)
    source = only(page)
    assert (source.name, source.open().page(1)) == ("a.pdf", page)


def test_a_source_is_opened_under_its_name(folder: Path) -> None:
    with only("b.ppm").open() as document:
        assert document.page(1).source == "b.ppm"


def test_repr_holds_no_bytes() -> None:
    assert repr(only(b"secret")) == "Source(name='<bytes>', path=None)"


# --- groups and mistakes -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [list, tuple, iter], ids=["list", "tuple", "iterator"])
def test_groups_are_flattened_in_order(folder: Path, kind: Any) -> None:
    assert names(kind(["b.ppm", [PPM, Path("a.PPM")], "below"])) == [
        "b.ppm", "<bytes>", "a.PPM", "below/c.ppm"
    ]  # fmt: skip


def test_a_failing_member_does_not_end_the_others(folder: Path) -> None:
    first, missing, last = expand(["b.ppm", "missing.ppm", "a.PPM"])
    with pytest.raises(InputError, match=r"missing\.ppm does not exist"):
        missing.read()
    assert first.read() == last.read() == PPM


class Array:
    """As numpy's look from outside."""

    __array_interface__: dict[str, object] = {}  # noqa: RUF012

    def __iter__(self) -> Iterator[float]:
        return iter([1.0])


@pytest.mark.parametrize(
    ("given", "said"),
    [(42, "int"), (None, "NoneType"), ({"image": "a.png"}, "dict"), (Array(), r"fromarray\(array\)")],
)
def test_what_can_be_no_document_is_refused_at_once(given: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        expand(given)


def test_sources_load_no_pillow() -> None:
    code = "import sys, vlm_core.images.sources; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
