"""The pictures behind Documents: each page once, as it was read, and nothing left out in silence."""

from __future__ import annotations

import asyncio
import io
import threading
from base64 import b64decode
from collections.abc import Iterator
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from langchain_core.documents import Document
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableLambda
from PIL import Image, ImageChops, ImageDraw, ImageStat

from langchain_vlm import ChatVLM, VLMLoader, apage_images, page_images
from vlm_core import ConfigError, ImageWarning, PageImage, PageResult, TextLine
from vlm_core.testing import ScriptedServer

Blocks: TypeAlias = list[dict[str, Any]]


class Engine:
    """Reads two groups of lines on every page, and may find that it lies on its side."""

    name = "engraved"
    model: str | None = None

    def __init__(self, rotation: int = 0) -> None:
        self.rotation = rotation

    def read_page(self, page: PageImage) -> PageResult:
        texts = ("SHOP", "TOTAL 9.00")
        lines = [
            TextLine(text=text, bbox=(0.1, at / 2, 0.9, at / 2 + 0.1), block=at)
            for at, text in enumerate(texts)
        ]
        width, height = (page.width, page.height)[:: -1 if self.rotation % 180 else 1]
        return PageResult(
            text="\n".join(texts),
            lines=tuple(lines),
            rotation=self.rotation,
            width=width,
            height=height,
        )


def drawn(text: str, width: int = 90, height: int = 60) -> Image.Image:
    """White, with a text in a box at its upper left."""
    image = Image.new("RGB", (width, height), "white")
    ImageDraw.Draw(image).rectangle((5, 5, 40, 25), fill="navy")
    ImageDraw.Draw(image).text((8, 8), text, "white")
    return image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """a.png, b.jpg, contract.tiff of three pages and scan.pdf of two."""
    drawn("a").save(tmp_path / "a.png")
    drawn("b").save(tmp_path / "b.jpg", exif=b"Exif\0\0secret-place", quality=95)
    first, *others = [drawn(f"c{number}") for number in (1, 2, 3)]
    first.save(tmp_path / "contract.tiff", save_all=True, append_images=others)
    first.save(tmp_path / "scan.pdf", save_all=True, append_images=others[:1])
    return tmp_path


def documents(*sources: Any, mode: Any = "page", **options: Any) -> list[Document]:
    return VLMLoader(list(sources), options.pop("engine", Engine()), mode=mode, **options).load()


def labels(blocks: Blocks) -> list[str]:
    return [block["text"] for block in blocks if block["type"] == "text"]


def pictures(blocks: Blocks) -> Iterator[Image.Image]:
    for block in blocks:
        if block["type"] == "image_url":
            yield Image.open(io.BytesIO(b64decode(block["image_url"]["url"].partition(",")[2])))


def unlikeness(first: Image.Image, second: Image.Image) -> float:
    """The mean difference of two pictures, of 255; their sizes must be the same."""
    assert first.size == second.size
    return max(ImageStat.Stat(ImageChops.difference(first.convert("RGB"), second.convert("RGB"))).mean)


def test_each_page_has_its_label_and_its_picture(folder: Path) -> None:
    blocks = page_images(documents(folder / "b.jpg", folder / "a.png"))
    assert labels(blocks) == ["b.jpg, page 1:", "a.png, page 1:"]
    assert [block["type"] for block in blocks] == ["text", "image_url"] * 2
    for picture, name in zip(pictures(blocks), ("b.jpg", "a.png"), strict=True):
        assert unlikeness(picture, Image.open(folder / name)) == 0


def test_the_right_page_of_a_file_with_several_is_shown(folder: Path) -> None:
    found = documents(folder / "contract.tiff")[1:]
    blocks = page_images(found)
    assert labels(blocks) == ["contract.tiff, page 2:", "contract.tiff, page 3:"]
    for picture, number in zip(pictures(blocks), (2, 3), strict=True):
        assert unlikeness(picture, drawn(f"c{number}")) == 0


def test_a_page_of_a_pdf_is_shown_as_it_was_read(folder: Path) -> None:
    found = documents(folder / "scan.pdf")[1:]
    (picture,) = pictures(page_images(found))
    assert picture.size == (found[0].metadata["width"], found[0].metadata["height"])
    assert unlikeness(picture, drawn("c2").resize(picture.size)) < 10


def test_a_page_is_shown_once_whatever_was_found_of_it(folder: Path) -> None:
    found = documents(folder / "a.png", folder / "b.jpg", mode="block")
    assert len(found) == 4
    assert labels(page_images([found[3], found[0], found[2], found[1]])) == [
        "b.jpg, page 1:",
        "a.png, page 1:",
    ]


def test_a_page_is_as_upright_as_it_was_read(folder: Path) -> None:
    (picture,) = pictures(page_images(documents(folder / "a.png", engine=Engine(rotation=90))))
    assert unlikeness(picture, drawn("a").rotate(-90, expand=True)) == 0


def test_what_a_camera_notes_is_left_out(folder: Path) -> None:
    (block,) = [one for one in page_images(documents(folder / "b.jpg")) if one["type"] == "image_url"]
    assert b"secret-place" in (folder / "b.jpg").read_bytes()
    assert b"secret-place" not in b64decode(block["image_url"]["url"].partition(",")[2])


def test_files_of_one_name_are_told_apart_by_their_paths(folder: Path) -> None:
    (folder / "deep").mkdir()
    drawn("z").save(folder / "deep" / "a.png")
    sources = [folder / "a.png", folder / "deep" / "a.png"]
    assert labels(page_images(documents(*sources))) == [f"{source}, page 1:" for source in sources]


def test_a_picture_may_be_made_smaller(folder: Path) -> None:
    assert [one.size for one in pictures(page_images(documents(folder / "a.png"), max_side=45))] == [(45, 30)]


def test_a_pdf_behind_a_password_is_opened(data: Path) -> None:
    scan = next((data / "pdfs").glob("password_*.pdf"))
    found = documents(scan, password="1234", max_pages=1)
    with pytest.warns(ImageWarning, match="password"):
        assert page_images(found) == []
    assert len(list(pictures(page_images(found, password="1234")))) == 1


def test_a_name_is_no_pattern(folder: Path) -> None:
    drawn("q").save(folder / "[ab].png")
    found = documents(folder / "a.png")
    found[0].metadata["source"] = str(folder / "[ab].png")
    with pytest.warns(ImageWarning, match="changed since page 1 was read"):
        assert page_images(found) == []


def test_documents_that_were_no_pictures_are_passed_over(folder: Path) -> None:
    notes = Document("TOTAL 9.00", metadata={"source": str(folder / "a.png"), "page": 0})
    assert labels(page_images([notes, *documents(folder / "b.jpg")])) == ["b.jpg, page 1:"]


# --- what is left out is told


def test_pages_beyond_the_cap_are_named(folder: Path) -> None:
    found = documents(folder / "contract.tiff")
    with pytest.warns(ImageWarning, match=r"max_images=1 .*: contract.tiff, page 2; contract.tiff, page 3$"):
        blocks = page_images(found, max_images=1)
    assert labels(blocks) == ["contract.tiff, page 1:"]


def test_a_cap_that_is_not_reached_is_no_matter(folder: Path) -> None:
    assert len(page_images(documents(folder / "contract.tiff"), max_images=3)) == 6


@pytest.mark.parametrize("change", ["gone", "another"])
def test_a_page_that_cannot_be_shown_is_named_and_takes_no_place(folder: Path, change: str) -> None:
    found = documents(folder / "a.png", folder / "b.jpg")
    (folder / "a.png").unlink() if change == "gone" else drawn("z").save(folder / "a.png")
    with pytest.warns(ImageWarning, match=r"a\.png, page 1 is not shown: .*(not exist|changed)"):
        blocks = page_images(found, max_images=1)
    assert labels(blocks) == ["b.jpg, page 1:"]


def test_a_document_of_all_pages_is_named(folder: Path) -> None:
    found = documents(folder / "contract.tiff", mode="document")
    with pytest.warns(ImageWarning, match='contract.tiff is not shown: .* mode="page"'):
        assert page_images(found) == []


def test_what_was_read_from_memory_is_named(folder: Path) -> None:
    found = documents((folder / "a.png").read_bytes())
    with pytest.warns(ImageWarning, match="<bytes>, page 1 is not shown"):
        assert page_images(found) == []


def test_a_private_address_is_not_fetched_unless_allowed(server: ScriptedServer, folder: Path) -> None:
    (page,) = documents(folder / "a.png")
    page.metadata["source"] = f"{server.base_url}/a.png"
    with pytest.warns(ImageWarning, match="is not shown"):
        assert page_images([page]) == []
    assert server.connections == 0


def test_a_document_of_the_web_is_fetched_once_for_all_its_pages(folder: Path) -> None:
    requested: list[str] = []

    class Files(SimpleHTTPRequestHandler):
        def log_message(self, *said: Any) -> None:
            requested.append(self.path)

    with HTTPServer(("127.0.0.1", 0), partial(Files, directory=folder)) as web:
        threading.Thread(target=web.serve_forever).start()
        address = f"http://127.0.0.1:{web.server_port}/scan.pdf"
        found = documents(address, allow_private_urls=True)
        requested.clear()
        blocks = page_images(found, allow_private_urls=True)
        web.shutdown()
    assert labels(blocks) == ["scan.pdf, page 1:", "scan.pdf, page 2:"]
    assert requested == ["/scan.pdf"]


@pytest.mark.parametrize("limits", [{"max_images": -1}, {"max_images": True}, {"max_side": 0}])
def test_a_limit_that_is_none_is_refused(limits: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(limits))):
        page_images([], **limits)


# --- on their way to a model


def test_the_model_sees_them_with_the_question_behind(
    server: ScriptedServer, model: ChatVLM, folder: Path
) -> None:
    found = documents(folder / "contract.tiff")
    model.invoke([HumanMessage([*page_images(found), "Which is the last?"])])
    (seen,) = server.seen
    shown = [Image.open(io.BytesIO(image.data or b"")) for image in seen.images]
    assert [unlikeness(image, drawn(f"c{number}")) for number, image in enumerate(shown, 1)] == [0, 0, 0]
    texts = [part["text"] for part in seen.messages[0]["content"] if part["type"] == "text"]
    assert texts == [*(f"contract.tiff, page {number}:" for number in (1, 2, 3)), "Which is the last?"]


async def test_it_gives_the_same_on_an_event_loop_which_goes_on_meanwhile(folder: Path) -> None:
    found = documents(folder / "contract.tiff", folder / "b.jpg", folder / "scan.pdf")
    turns, is_done = 0, asyncio.Event()

    async def count() -> None:
        nonlocal turns
        while not is_done.is_set():
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    blocks = await apage_images(found, max_side=45)
    is_done.set()
    await counting
    assert blocks == page_images(found, max_side=45)
    assert turns > 1


async def test_on_an_event_loop_the_warning_names_the_line_of_the_caller(folder: Path) -> None:
    found = documents(folder / "a.png", folder / "b.jpg")
    (folder / "a.png").unlink()
    with pytest.warns(ImageWarning) as caught:
        assert labels(await apage_images(found)) == ["b.jpg, page 1:"]
    assert [warning.filename for warning in caught] == [__file__]


async def test_a_limit_that_is_none_is_refused_on_an_event_loop_too() -> None:
    with pytest.raises(ConfigError, match="max_images"):
        await apage_images([], max_images=-1)


def test_it_may_stand_in_a_chain(folder: Path) -> None:
    chain = RunnableLambda(page_images)
    found = documents(folder / "a.png")
    assert asyncio.run(chain.ainvoke(found)) == chain.invoke(found) == page_images(found)
