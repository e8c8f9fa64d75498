"""The shipped scans are those that the script draws; the demo reads them and finds its answers."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat
from preloaded import Preloaded

from vlm_core.images.sources import expand
from vlm_core.types import PageImage

EXAMPLES = Path(__file__).parents[2] / "examples"
SCANS = EXAMPLES / "scans"
NAMES = ("contract.pdf", "fax.tif", "invoice.png", "noisy.png", "receipt.jpg")

READ = (
    ("contract.pdf", 1, "The rent is 1,150 pounds a month"),
    ("contract.pdf", 1, "and Ines Calderón, potter"),
    ("contract.pdf", 2, "three months' notice in writing"),
    ("fax.tif", 1, "on Tuesday, 19 May 2026, at 06:30, berth 12"),
    ("fax.tif", 1, "Bitte bestätigen Sie den Empfang bis heute Abend"),
    ("fax.tif", 2, "NKSU 481207  Espresso machines  96  4,224"),
    ("invoice.png", 1, "Oak bookshelf, 2.10 m, oiled  6  412.00"),
    ("noisy.png", 1, "Please water the roses tonight"),
    ("receipt.jpg", 1, "TOTAL GBP  38.25"),
    ("receipt.jpg", 1, "à bientôt !"),
)
ANSWERS = (
    "Oak bookshelf, 2.10 m, oiled  6  412.00",
    "gives three months' notice",
    "19 May 2026, at 06:30, berth 12",
)


def run(preloaded: Preloaded, script: str, *arguments: str, folder: Path) -> str:
    ended = preloaded.run(EXAMPLES / script, *arguments, cwd=folder, warnings=("Warning",))
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


# --- the scans -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory, preloaded: Preloaded) -> Path:
    """A folder of scans that were drawn just now."""
    folder = tmp_path_factory.mktemp("drawn")
    run(preloaded, "draw_scans.py", str(folder), folder=folder)
    return folder


def pages(path: Path) -> list[PageImage]:
    (source,) = expand(path)
    with source.open() as opened:
        return [opened.page(number) for number in range(1, opened.total_pages + 1)]


def picture(page: PageImage) -> Image.Image:
    return Image.frombytes("RGB", (page.width, page.height), page.pixels)


def test_the_script_draws_what_is_shipped(drawn: Path) -> None:
    assert sorted(path.name for path in SCANS.iterdir()) == sorted(path.name for path in drawn.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_a_scan_drawn_again_is_the_same(drawn: Path, name: str) -> None:
    shipped, again = pages(SCANS / name), pages(drawn / name)
    assert [(page.width, page.height) for page in shipped] == [(page.width, page.height) for page in again]
    # Another release of Pillow may round a little otherwise.
    for one, other in zip(map(picture, shipped), map(picture, again), strict=True):
        assert max(ImageStat.Stat(ImageChops.difference(one, other)).mean) < 2


def test_the_scans_are_small() -> None:
    assert sum(path.stat().st_size for path in SCANS.iterdir()) < 900_000


def test_the_receipt_lies_on_its_side_for_whoever_ignores_exif() -> None:
    with Image.open(SCANS / "receipt.jpg") as stored:
        assert stored.getexif()[0x0112] == 6
        assert stored.width > stored.height
    (upright,) = pages(SCANS / "receipt.jpg")
    assert upright.height > upright.width


def test_the_contract_lies_on_its_side_and_does_not_say_so() -> None:
    assert b"/Rotate" not in (SCANS / "contract.pdf").read_bytes()
    assert all(page.width > page.height for page in pages(SCANS / "contract.pdf"))


# --- the demo ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, preloaded: Preloaded) -> tuple[str, Path]:
    """What the demo printed, and the folder it wrote to."""
    folder = tmp_path_factory.mktemp("demo")
    return run(preloaded, "demo.py", folder=folder), folder / "demo-output"


@pytest.mark.parametrize(("name", "page", "words"), READ, ids=[f"{name}:{words}" for name, _, words in READ])
def test_the_scans_are_read(demo: tuple[str, Path], name: str, page: int, words: str) -> None:
    with closing(sqlite3.connect(demo[1] / "index.sqlite")) as index:
        query = "SELECT text FROM blocks WHERE source LIKE ? AND page = ?"
        texts = [text for (text,) in index.execute(query, [f"%{name}", page])]
    assert words in " ".join("\n".join(texts).split("\n"))


def test_the_demo_has_a_line_for_every_page(demo: tuple[str, Path]) -> None:
    found = [line for line in demo[0].splitlines() if line.startswith(NAMES) and " ok " in line]
    assert len(found) == 7


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_demo_finds_each_answer_and_draws_it(demo: tuple[str, Path], number: int) -> None:
    printed, output = demo
    assert ANSWERS[number - 1] in printed.partition(f"answer-{number}.png")[2]
    with Image.open(output / f"answer-{number}.png") as drawn:
        assert drawn.height > drawn.width
        pixels = drawn.convert("RGB").get_flattened_data()
        assert any(red > 150 and max(green, blue) < 60 for red, green, blue in pixels)


def test_llamaindex_has_the_ids_of_langchain(demo: tuple[str, Path]) -> None:
    assert "every id is that of a LangChain Document: True" in demo[0]
