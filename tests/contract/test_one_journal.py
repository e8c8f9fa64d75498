"""One journal for both frameworks: what one has paid for, the other has for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from langchain_vlm import VLMLoader
from llamaindex_vlm import VLMReader
from vlm_core import Provider, Route
from vlm_core.testing import ScriptedServer, Seen

SCANS = 5


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    def width(seen: Seen) -> str:
        return f"a scan {seen.images[0].width} pixels wide"

    with ScriptedServer() as server:
        server.answer(width)
        yield server


@pytest.fixture
def reading(server: ScriptedServer, tmp_path: Path) -> dict[str, Any]:
    """How all of them read, with one journal."""
    route = Route(Provider(name="stand-in"), "some-vlm", api_key=server.api_key, base_url=server.base_url)
    return {"engine": route, "journal": tmp_path / "pages.journal", "request_options": {"temperature": 0}}


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    folder.mkdir()
    for number in range(SCANS):
        Image.new("L", (40 + number, 60), 30).save(folder / f"{number}.png")
    return folder


TEXTS = [f"a scan {40 + number} pixels wide" for number in range(SCANS)]


def loaded(scans: Path, reading: dict[str, Any]) -> list[Any]:
    return VLMLoader(scans, **reading).load()


def read(scans: Path, reading: dict[str, Any]) -> list[Any]:
    return VLMReader(**reading).load_data(scans)


@pytest.mark.parametrize(
    ("first", "then", "texts"),
    [
        pytest.param(loaded, read, lambda node: node.text, id="langchain-first"),
        pytest.param(read, loaded, lambda document: document.page_content, id="llamaindex-first"),
    ],
)
def test_the_second_framework_asks_nothing(
    server: ScriptedServer, scans: Path, reading: dict[str, Any], first: Any, then: Any, texts: Any
) -> None:
    first(scans, reading)
    assert server.requests == SCANS
    assert [texts(document) for document in then(scans, reading)] == TEXTS
    assert server.requests == SCANS


@pytest.mark.parametrize(
    "read_all", [pytest.param(loaded, id="langchain"), pytest.param(read, id="llamaindex")]
)
def test_documents_of_a_second_run_are_equal_in_all_that_is_indexed(
    server: ScriptedServer, scans: Path, reading: dict[str, Any], read_all: Any
) -> None:
    first, second = read_all(scans, reading), read_all(scans, reading)
    assert [document.model_dump() for document in first] == [document.model_dump() for document in second]
    assert server.requests == SCANS
