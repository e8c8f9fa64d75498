"""Files that a PDF carries: named where they are not read, and read where that is asked for."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pypdf
import pytest
from pypdf.generic import ArrayObject, DecodedStreamObject, DictionaryObject, FloatObject, NameObject
from pypdf.generic import TextStringObject as Text

from vlm_core import DocumentReader, PageImage, PageResult, Source, passages_of_each
from vlm_core.cli import main
from vlm_core.images import attached_sources
from vlm_core.images.attachments import MAX_BYTES, Attachment

GREY = b"P5 40 40 255 " + b"\x80" * 1600


class Engine:
    """Says what size it sees."""

    name = "sizes"
    model = None

    def read_page(self, page: PageImage) -> PageResult:
        return PageResult(text=f"{page.width} by {page.height}")


def carrier(*files: tuple[str, bytes], change: Callable[[pypdf.PdfWriter], None] | None = None) -> bytes:
    """A PDF of one blank page that carries files."""
    writer = pypdf.PdfWriter()
    writer.add_blank_page(100, 100)
    for name, data in files:
        writer.add_attachment(name, data)
    if change:
        change(writer)
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def read(data: bytes, **options: object) -> list[tuple[str, tuple[str, ...]]]:
    """The source and the warnings of each page."""
    reader = DocumentReader(Engine(), **options)  # type: ignore[arg-type]
    return [(page.source, page.warnings) for page in reader.iter_pages(data)]


def test_what_a_pdf_carries_is_named_on_its_first_page() -> None:
    ((_, warnings),) = read(carrier(("a.pgm", GREY), ("notes.txt", b"hello")))
    assert warnings == (
        "2 attachments were not read: a.pgm (1.58 kB), notes.txt (5 bytes). "
        "attachments=True reads those that are pictures or PDFs",
    )


def test_attachments_of_kinds_that_are_read_are_documents_behind_their_own() -> None:
    found = read(carrier(("a.pgm", GREY), ("notes.txt", b"hello")), attachments=True)
    assert found == [
        ("<bytes>", ("1 attachment was not read: notes.txt (5 bytes)",)),
        ("<bytes>#a.pgm", ()),
    ]


def test_attachments_of_attachments_are_read_down_to_a_bounded_depth() -> None:
    data = carrier(("deepest.pgm", GREY))
    for level in range(5):
        data = carrier((f"{level}.pdf", data))
    sources = read(data, attachments=True)
    assert [source for source, _ in sources] == [
        "<bytes>",
        "<bytes>#4.pdf",
        "<bytes>#4.pdf#3.pdf",
        "<bytes>#4.pdf#3.pdf#2.pdf",
    ]
    assert sources[-1][1][0].startswith("1 attachment was not read: 1.pdf (")


def test_no_more_than_so_many_attachments_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attached_sources, "MAX_ATTACHMENTS", 2)
    found = read(carrier(*((f"{number}.pgm", GREY) for number in range(3))), attachments=True)
    assert len(found) == 1
    assert found[0][1][0].startswith("3 attachments were not read: 0.pgm")


def test_an_attachment_that_is_too_large_is_named() -> None:
    assert not Attachment("large.png", MAX_BYTES + 1, "PNG", (None, 0)).is_read


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("../../etc/passwd.pgm", "passwd.pgm"),
        ("C:\\scans\\a.pgm", "a.pgm"),
        ("x" * 500, "x" * 99 + "…"),
        ("..", "attachment"),
    ],
)
def test_a_strangers_name_is_shortened_and_no_path(given: str, name: str) -> None:
    assert read(carrier((given, GREY)), attachments=True)[1][0] == f"<bytes>#{name}"


def test_a_name_has_visible_characters_alone() -> None:
    assert Attachment("in\u202evoice\n\x1b[31m.pgm", 9, "PPM", (None, 0)).name == "invoice[31m.pgm"


def test_passages_of_attachments_stay_with_the_source_that_carries_them() -> None:
    reader = DocumentReader(Engine(), attachments=True)
    sources = [Source.from_bytes(carrier(("a.pgm", GREY)), "one.pdf"), Source.from_bytes(GREY, "two.pgm")]
    found = passages_of_each(reader, sources)
    assert [[passage.page.source for passage in group] for group in found] == [
        ["one.pdf", "one.pdf#a.pgm"],
        ["two.pgm"],
    ]


def test_the_command_line_writes_a_file_for_each_attachment(tmp_path: Path) -> None:
    (tmp_path / "one.pdf").write_bytes(carrier(("a.pdf", carrier())))
    out = tmp_path / "texts"
    with pytest.raises(SystemExit) as ended:
        main(["read", str(tmp_path / "one.pdf"), "--attachments", "-o", f"{out}/", "-q"])
    assert ended.value.code == 0
    assert sorted(path.name for path in out.iterdir()) == ["one.md", "one.pdf_a.md"]


def test_attachments_of_one_name_are_told_apart() -> None:
    found = read(carrier(("a/x.pgm", GREY), ("b/x.pgm", GREY)), attachments=True)
    assert [source for source, _ in found[1:]] == ["<bytes>#x.pgm", "<bytes>#x.pgm (2)"]


def pin(writer: pypdf.PdfWriter) -> None:
    """A note on the page that carries a file."""
    file = DecodedStreamObject()
    file.set_data(GREY)
    files = DictionaryObject({NameObject("/F"): writer._add_object(file)})
    entries = {
        "/Type": NameObject("/Filespec"),
        "/F": Text("pinned.pgm"),
        "/UF": Text("pinned.pgm"),
        "/EF": files,
    }
    note = {
        "/Type": NameObject("/Annot"),
        "/Subtype": NameObject("/FileAttachment"),
        "/Rect": ArrayObject(map(FloatObject, (10, 10, 20, 20))),
        "/FS": DictionaryObject({NameObject(name): value for name, value in entries.items()}),
    }
    writer.pages[0][NameObject("/Annots")] = ArrayObject(
        [writer._add_object(DictionaryObject({NameObject(name): value for name, value in note.items()}))]
    )


@pytest.mark.parametrize(
    ("options", "sources", "told"),
    [({}, ["<bytes>"], True), ({"attachments": True}, ["<bytes>", "<bytes>#pinned.pgm"], False)],
)
def test_a_file_pinned_to_a_page_is_an_attachment_too(
    options: dict[str, bool], sources: list[str], told: bool
) -> None:
    found = read(carrier(change=pin), **options)
    assert [source for source, _ in found] == sources
    assert any("pinned.pgm" in warning for warning in found[0][1]) == told


def test_read_gives_one_document_with_its_attachments() -> None:
    document = DocumentReader(Engine(), attachments=True).read(carrier(("scan.pgm", GREY)))
    assert [page.source for page in document.pages] == ["<bytes>"]
    assert [attached.source for attached in document.attachments] == ["<bytes>#scan.pgm"]
    assert document.attachments[0].text == "40 by 40"


def test_a_damaged_attachment_makes_its_document_fail() -> None:
    document = DocumentReader(Engine(), attachments=True).read(carrier(("scan.png", b"\x89PNG\r\n\x1a\n")))
    assert not document.ok
    assert len(document.errors) == 1


def test_a_file_that_can_be_read_once_only_is_read_with_its_attachments() -> None:
    class Once(io.RawIOBase):
        data = io.BytesIO(carrier(("scan.pgm", GREY)))
        name = "piped.pdf"

        def read(self, size: int = -1) -> bytes:
            return self.data.read(size)

    reader = DocumentReader(Engine(), attachments=True)
    assert [page.source for page in reader.iter_pages(Once())] == ["piped.pdf", "piped.pdf#scan.pgm"]


def test_a_real_portfolio_names_its_documents(data: Path) -> None:
    (page,) = DocumentReader(Engine()).iter_pages(data / "wild" / "tika__testPDFPackage.pdf")
    assert page.warnings[0].startswith("2 attachments were not read: ")
