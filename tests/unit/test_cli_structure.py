"""`vlm read --format html` and `--format csv`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from vlm_core.cli import main
from vlm_core.cli.formats import render
from vlm_core.cli.outputs import destination
from vlm_core.cli.tally import Tally
from vlm_core.images.sources import Source
from vlm_core.types import PageResult

MENU = "# Menu <1>\n\n| Item | Price |\n|---|---|\n| =1+1 | 2.00 |\n\n| Name |\n|---|\n| Ann |"


def pages(*sources: str) -> list[PageResult]:
    return [
        PageResult(text=MENU, source=source, total_pages=1, document=number)
        for number, source in enumerate(sources)
    ]


def test_html_is_one_page_with_everything_escaped() -> None:
    (page,) = render("html", pages("a.png"), many=False)
    assert page.startswith("<!DOCTYPE html>\n")
    assert "<title>a.png</title>" in page
    assert "<h1>Menu &lt;1&gt;</h1>" in page


def test_html_of_several_documents_is_one_page_with_their_names() -> None:
    (page,) = render("html", pages("a.png", "b.png"), many=True)
    assert page.count("<!DOCTYPE") == 1
    assert "<em>a.png</em>" in page
    assert "<em>b.png</em>" in page


def test_csv_has_the_tables_with_a_blank_line_between() -> None:
    written = "".join(render("csv", pages("a.png"), many=False))
    assert written == "Item,Price\r\n'=1+1,2.00\r\n\nName\r\nAnn\r\n"


def test_a_document_without_tables_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert "".join(render("csv", [PageResult(text="Tea", source="a.png", total_pages=1)], many=False)) == ""
    assert "a.png: no tables were found" in capsys.readouterr().err


def test_csv_in_a_folder_is_a_file_a_table(tmp_path: Path) -> None:
    documents = [Source.from_bytes(b"", "menu.png")]
    tally = Tally(lambda total: total)
    target = destination(f"{tmp_path}/out/", "csv", ["menu.png"], documents, tally)

    def counted() -> Iterator[tuple[int, PageResult]]:
        yield from ((0, page) for page in pages("menu.png"))

    target.write(tally.counted(counted()))
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == {
        "menu-1.csv": b"Item,Price\r\n'=1+1,2.00\r\n",
        "menu-2.csv": b"Name\r\nAnn\r\n",
    }


@pytest.mark.data
def test_furniture_is_left_out_where_it_is_to_be_dropped(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(data / "tables" / "icdar2013-eu" / "eu-013.pdf")
    texts = []
    for furniture in ("mark", "drop"):
        with pytest.raises(SystemExit, match="0"):
            main(["read", path, "--pages", "1-3", "--format", "text", "--furniture", furniture, "-q"])
        texts.append(capsys.readouterr().out.split())
    assert len(texts[0]) - len(texts[1]) == 3  # three page numbers
