"""The pictures of figures: cut out, written whole, under names that are safe, through no link."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from langchain_vlm import VLMLoader
from llamaindex_vlm import VLMReader
from vlm_core import ConfigError, DocumentReader, Journal, PageImage, PageResult, Source, TextLine
from vlm_core.jobs.figure_images import MOST_FIGURES
from vlm_core.types import Block, Box

LINE = TextLine(text="A cup of tea", bbox=(0.1, 0.8, 0.9, 0.85))
RED: Box = (0.25, 0.5, 0.75, 0.7)


class Finder:
    """An engine that finds figures in these places."""

    name = "finder"
    model = None

    def __init__(self, *boxes: Box | None, rotation: int = 0) -> None:
        self.found = tuple(Block(kind="figure", bbox=box, origin="ocr") for box in boxes)
        self.rotation = rotation

    def read_page(self, page: PageImage) -> PageResult:
        facts: dict[str, Any] = {"lines": (LINE,), "found": self.found, "rotation": self.rotation}
        return PageResult.of(page, text=LINE.text, engine=self.name, **facts)


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """A white page with a red figure."""
    picture = Image.new("RGB", (40, 100), "white")
    picture.paste("red", (10, 50, 30, 70))
    path = tmp_path / "menu.png"
    picture.save(path)
    return path


def colours(file: str | Path) -> tuple[tuple[int, int], set[Any]]:
    with Image.open(file) as picture:
        return picture.size, {colour for _, colour in picture.getcolors() or []}


def test_a_figure_is_cut_out_of_its_page(scan: Path, tmp_path: Path) -> None:
    page = DocumentReader(Finder(RED), figure_images=tmp_path / "figures").read(scan).pages[0]
    (file,) = page.figure_images
    assert Path(file).parent == tmp_path / "figures"
    assert Path(file).name == f"menu-{page.sha256[:16]}-1-1.png"
    assert colours(file) == ((20, 20), {(255, 0, 0)})


def test_a_page_that_was_turned_is_turned_before(scan: Path, tmp_path: Path) -> None:
    engine = Finder((0.3, 0.25, 0.5, 0.75), rotation=90)
    page = DocumentReader(engine, figure_images=tmp_path / "figures").read(scan).pages[0]
    assert colours(page.figure_images[0]) == ((20, 20), {(255, 0, 0)})


def test_a_figure_without_a_place_is_not_written(scan: Path, tmp_path: Path) -> None:
    page = DocumentReader(Finder(None, RED), figure_images=tmp_path / "figures").read(scan).pages[0]
    assert len(page.figure_images) == 1


def test_without_a_folder_nothing_is_written(scan: Path) -> None:
    assert DocumentReader(Finder(RED)).read(scan).pages[0].figure_images == ()


@pytest.mark.parametrize(
    "box", [(-5.0, -5.0, 1e9, 1e9), (float("nan"),) * 4, (2.0, 2.0, 3.0, 3.0), (0.9, 0.9, 0.1, 0.1)]
)
def test_any_box_gives_a_picture_within_the_page(scan: Path, tmp_path: Path, box: Box) -> None:
    page = DocumentReader(Finder(box), figure_images=tmp_path / "figures").read(scan).pages[0]
    (width, height), _ = colours(page.figure_images[0])
    assert 1 <= width <= 40
    assert 1 <= height <= 100


def test_of_very_many_figures_some_are_written_and_a_warning_tells(scan: Path, tmp_path: Path) -> None:
    engine = Finder(*[RED] * (MOST_FIGURES + 1))
    page = DocumentReader(engine, figure_images=tmp_path / "figures").read(scan).pages[0]
    assert len(page.figure_images) == MOST_FIGURES
    assert any(f"of its {MOST_FIGURES + 1} figures" in warning for warning in page.warnings)


def test_a_hostile_name_stays_in_the_folder(scan: Path, tmp_path: Path) -> None:
    source = Source.from_bytes(scan.read_bytes(), "../../etc/pass\x00wd: CON.png")
    page = DocumentReader(Finder(RED), figure_images=tmp_path / "figures").read(source).pages[0]
    assert [str(path) for path in (tmp_path / "figures").iterdir()] == list(page.figure_images)
    assert Path(page.figure_images[0]).name.startswith("pass_wd_CON-")


def test_a_link_is_replaced_and_not_written_through(scan: Path, tmp_path: Path) -> None:
    folder, outside = tmp_path / "figures", tmp_path / "outside"
    outside.write_text("mine")
    (file,) = DocumentReader(Finder(RED), figure_images=folder).read(scan).pages[0].figure_images
    Path(file).unlink()
    Path(file).symlink_to(outside)
    DocumentReader(Finder(RED), figure_images=folder).read(scan)
    assert outside.read_text() == "mine"
    assert not Path(file).is_symlink()
    assert list(folder.iterdir()) == [Path(file)]


def test_a_folder_that_cannot_be_written_to_costs_no_page(scan: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder can be made in it")
    page = DocumentReader(Finder(RED), figure_images=tmp_path / "file" / "figures").read(scan).pages[0]
    assert (page.text, page.state, page.figure_images) == (LINE.text, "ok", ())
    assert any("could not be written" in warning for warning in page.warnings)


def test_what_is_not_a_folder_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    wrong: list[Any] = [tmp_path / "file", 5]
    for given in wrong:
        with pytest.raises(ConfigError, match="figure_images must be a folder") as caught:
            DocumentReader(Finder(RED), figure_images=given)
        assert caught.value.argument == "figure_images"


def test_figures_of_a_page_that_the_journal_has_are_written(scan: Path, tmp_path: Path) -> None:
    with Journal(tmp_path / "pages.journal") as journal:
        DocumentReader(Finder(RED), journal=journal).read(scan)
        again = DocumentReader(Finder(RED), journal=journal, figure_images=tmp_path / "figures").read(scan)
    assert again.pages[0].attempts == 0
    assert len(list((tmp_path / "figures").iterdir())) == 1


def test_loaders_take_it(scan: Path, tmp_path: Path) -> None:
    VLMLoader(scan, Finder(RED), figure_images=tmp_path / "a").load()
    VLMReader(engine=Finder(RED), figure_images=tmp_path / "b").load_data(scan)
    assert [len(list((tmp_path / name).iterdir())) for name in "ab"] == [1, 1]


def test_a_figure_of_many_pages_has_a_file_a_page(tmp_path: Path) -> None:
    file = io.BytesIO()
    first, *others = (Image.new("L", (40, 40), shade) for shade in (250, 240, 230))
    first.save(file, "TIFF", save_all=True, append_images=others)
    document = DocumentReader(Finder(RED), figure_images=tmp_path).read(file.getvalue())
    assert len({file for page in document.pages for file in page.figure_images}) == 3
