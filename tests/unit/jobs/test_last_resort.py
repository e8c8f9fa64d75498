"""A vision model that reads what the local engine left unread: those pages alone, within the budget."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont

from vlm_core import DocumentReader, PageState, Provider, Route
from vlm_core.testing import ScriptedServer


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


def strange_page() -> Image.Image:
    """Four lines of signs that are no script's."""
    strokes = random.Random(1)
    image = Image.new("RGB", (900, 280), "white")
    pen = ImageDraw.Draw(image)
    for row in range(4):
        for place in range(18):
            left, top = 40 + 40 * place, 30 + 60 * row
            points = [(left + strokes.randrange(26), top + strokes.randrange(34)) for _ in range(5)]
            pen.line(points, fill="black", width=4, joint="curve")
    return image


def plain_page() -> Image.Image:
    image = Image.new("RGB", (900, 100), "white")
    ImageDraw.Draw(image).text((40, 20), "Total 12.50", fill="black", font=ImageFont.load_default(size=32))
    return image


def reader_with(server: ScriptedServer, **options: Any) -> DocumentReader:
    provider = Provider(name="lab", base_url=server.base_url, api_key_env=())
    route = Route(provider, "some-vlm", api_key=server.api_key)
    return DocumentReader(fallbacks=[route], task="text", **options)


def test_only_what_is_still_unread_is_read_by_the_route(server: ScriptedServer) -> None:
    server.say("It was read.")
    documents = list(reader_with(server).iter([plain_page(), strange_page()]))
    assert [page.text for document in documents for page in document.pages] == ["Total 12.50", "It was read."]
    assert [document.pages[0].engine for document in documents] == ["rapidocr", "vlm"]
    assert "of the writing unread" in documents[1].pages[0].warnings[-1]
    assert server.requests == 1


def test_it_is_read_so_on_an_event_loop_too(server: ScriptedServer) -> None:
    server.say("It was read.")
    assert asyncio.run(reader_with(server).aread(strange_page())).text == "It was read."


def test_where_the_route_fails_the_local_text_stays(server: ScriptedServer) -> None:
    server.refuse(400, "no such thing")
    page = reader_with(server).read(strange_page()).pages[0]
    assert (page.state, page.engine) == (PageState.PARTIAL, "rapidocr")
    assert "did not read it" in page.warnings[-1]


def test_once_the_budget_ends_pages_stay_as_the_local_engine_read_them(server: ScriptedServer) -> None:
    server.say("It was read.")
    reader = reader_with(server, budget_usd=1e-9, max_concurrency=1)
    pages = list(reader.iter_pages([strange_page(), strange_page().rotate(180), plain_page()]))
    assert [page.state for page in pages] == [PageState.OK, PageState.PARTIAL, PageState.OK]
    assert "no budget can be kept" in pages[1].warnings[-1]


def test_a_page_that_was_paid_for_is_not_paid_for_again(server: ScriptedServer, tmp_path: Path) -> None:
    server.say("It was read.")
    for _ in range(2):
        result = reader_with(server, journal=tmp_path / "pages.journal").read(strange_page())
        assert result.text == "It was read."
    assert server.requests == 1


def test_a_page_that_was_left_unread_is_read_once_there_is_a_route(
    server: ScriptedServer, tmp_path: Path
) -> None:
    server.say("It was read.")
    journal = tmp_path / "pages.journal"
    assert (
        DocumentReader(task="text", journal=journal).read(strange_page()).pages[0].state is PageState.PARTIAL
    )
    assert reader_with(server, journal=journal).read(strange_page()).text == "It was read."
