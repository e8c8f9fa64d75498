"""The review page as a file: its data, its pictures, its order."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from vlm_core import ConfigError, DocumentResult, Evidence, Finding, PageResult, read, review
from vlm_core.export.review_data import by_severity, place_of_missing
from vlm_core.export.shown_text import shown_blocks
from vlm_core.images.page_images import page_again

RECEIPT = Path(__file__).parents[3] / "examples" / "scans" / "receipt.jpg"
WHITE = b"P5 40 40 255 " + bytes([255]) * 1600


def data_in(path: Path) -> Any:
    found = re.search(
        r'<script type="application/json" id="data">(.*?)</script>', path.read_text("utf-8"), re.DOTALL
    )
    assert found is not None
    return json.loads(found[1])


@pytest.fixture(scope="module")
def page() -> PageResult:
    picture = page_again(RECEIPT, PageResult(source=str(RECEIPT)))
    return PageResult(text="Total 17.90", source=str(RECEIPT), total_pages=1, sha256=picture.sha256)


def document_of(*pages: PageResult) -> DocumentResult:
    return DocumentResult(source=pages[0].source, pages=pages)


def test_pictures_stand_in_a_folder_beside_the_page(page: PageResult, tmp_path: Path) -> None:
    written = review(document_of(page), tmp_path / "a page.html")
    (picture,) = (tmp_path / "a page_files").iterdir()
    assert data_in(written.path)["pages"][0]["picture"] == f"a%20page_files/{picture.name}"


def test_pictures_of_an_earlier_page_go(page: PageResult, tmp_path: Path) -> None:
    folder = tmp_path / "review_files"
    folder.mkdir()
    (folder / "0009-0123456789ab.png").touch()
    (folder / "my notes.txt").touch()
    review(document_of(page), tmp_path / "review.html")
    assert len(list(folder.glob("*.png")) + list(folder.glob("*.jpeg"))) == 1
    assert (folder / "my notes.txt").exists()


def test_a_page_without_a_picture_says_why(tmp_path: Path) -> None:
    written = review(read(WHITE), tmp_path / "review.html")
    assert written.without_picture == (
        "<bytes>, page 1: <bytes> was not read from a file or a URL: its picture is not known. "
        "Give what it was read from, as in page_png(document, page).",
    )


def test_a_page_that_is_known_by_no_picture_shows_none(page: PageResult, tmp_path: Path) -> None:
    written = review(document_of(page.model_copy(update={"sha256": ""})), tmp_path / "review.html")
    assert "picture" not in data_in(written.path)["pages"][0]
    assert "the picture of page 1 is not known" in written.without_picture[0]


def test_attachments_are_shown_too(page: PageResult, tmp_path: Path) -> None:
    document = document_of(page).model_copy(update={"attachments": (document_of(page),)})
    assert review(document, tmp_path / "review.html").pages == 2


@pytest.mark.parametrize(
    ("documents", "path", "told"),
    [
        pytest.param([], "review.html", "The documents have no pages", id="nothing"),
        pytest.param([document_of(PageResult(source="a"))], "", "is a folder", id="a folder"),
        pytest.param(
            [document_of(PageResult(source=str(RECEIPT)))], RECEIPT, "one of the documents", id="a document"
        ),
    ],
)
def test_what_cannot_be_written_is_refused(documents: Any, path: Any, told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=told):
        review(documents, tmp_path / path)


def test_the_policy_names_the_program_and_the_style_that_are_there(page: PageResult, tmp_path: Path) -> None:
    text = review(document_of(page), tmp_path / "review.html").path.read_text("utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy is not None
    assert re.fullmatch(
        r"default-src 'none'; script-src 'sha256-\S{44}'; style-src 'sha256-\S{44}'; "
        r"img-src 'self' file: data:; "
        r"base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        policy[1],
    )


@pytest.mark.parametrize("said", ["</script>", "<!--", "&lt;", "{{data}}", "\u2028", "\ud800", "\x00"])
def test_what_a_page_says_stands_in_the_data_alone(said: str, page: PageResult, tmp_path: Path) -> None:
    plain = review(document_of(page), tmp_path / "plain.html").path.read_text("utf-8")
    written = review(
        document_of(page.model_copy(update={"text": f"a {said} b"})), tmp_path / "said.html"
    ).path
    assert data_in(written)["pages"][0]["text"] == f"a {said} b"
    without = re.compile(r'(id="data">).*?(</script>)', re.DOTALL)
    assert without.sub(r"\1\2", written.read_text("utf-8")) == without.sub(r"\1\2", plain)


def test_findings_come_in_the_order_of_severity() -> None:
    weak, strong = Finding(kind="number_changed", score=-2), Finding(kind="number_changed", score=-8)
    note = Finding(kind="number_changed", score=-9, severity="note")
    assert by_severity([PageResult(findings=(note, weak)), PageResult(findings=(strong, weak))]) == [
        (1, 0),
        (0, 1),
        (1, 1),
        (0, 0),
    ]


def evidence(start: int, end: int, top: float) -> Evidence:
    return Evidence(start=start, end=end, bboxes=((0, top, 1, top + 0.1),), status="exact", agreement=1)


@pytest.mark.parametrize(
    ("top", "place"), [pytest.param(0.0, 0, id="first"), pytest.param(0.35, 3, id="between"), (0.8, 8)]
)
def test_a_missing_line_belongs_behind_the_one_above(top: float, place: int) -> None:
    page = PageResult(text="Tea\nCake", evidence=(evidence(0, 3, 0.2), evidence(4, 8, 0.5)))
    assert place_of_missing((0, top, 1, top + 0.05), page) == place


def finding_at(text: str, part: str) -> Finding:
    start = text.index(part)
    return Finding(kind="text_changed", text=part, start=start, end=start + len(part))


def test_a_finding_is_marked_in_the_cell_of_a_table() -> None:
    text = "# Bill\n\n| Tea | **17.90** |\n|---|---|\n| Cake | 17.90 |"
    finding = finding_at(text, "17.90 |").model_copy(update={"text": "17.90"})
    (_, table) = shown_blocks(PageResult(text=text, findings=(finding,)))
    assert [[cell["parts"] for cell in row] for row in table["rows"]] == [
        [[("Tea", -1)], [("17.90", -1)]],
        [[("Cake", -1)], [("17.90", 0)]],
    ]


def test_a_finding_over_several_words_is_one_part() -> None:
    page = PageResult(
        text="to Mr. A. Finch, Esq", findings=(finding_at("to Mr. A. Finch, Esq", "Mr. A. Finch"),)
    )
    assert shown_blocks(page)[0]["parts"] == [("to ", -1), ("Mr. A. Finch", 0), (", Esq", -1)]
