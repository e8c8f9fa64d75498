"""Answers that run in circles, whatever stands before the loop: none is taken for a page, and none is lost.

Sixty loops behind each prefix, from rows where a broken-off answer costs nothing (the answer is streamed,
and ended early) and from those where it is paid for (the answer comes whole).
"""

from __future__ import annotations

import asyncio
import io
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image, ImageDraw

from vlm_core import (
    DocumentReader,
    ModelProfile,
    OutputLooped,
    PageImage,
    PageResult,
    PageState,
    Price,
    Provider,
    Route,
    VLMClient,
    register,
)
from vlm_core.catalog import registry
from vlm_core.catalog.model_rows import FAMILIES
from vlm_core.catalog.offer_rows import OFFERS
from vlm_core.catalog.provider_rows import PROVIDERS
from vlm_core.catalog.resolve_route import resolve
from vlm_core.completion import Completion, Delta
from vlm_core.ocr.loops import LOOPED, LoopGuard
from vlm_core.ocr.prompts import PagePrompter
from vlm_core.testing import Answer, ScriptedServer, Seen

CHARS = 40_000
PIECE = 40
"""Characters of an answer that are sent at once; word by word takes long."""
MODEL = "loopy-vl"
TEXT = (
    "invoice total amount due payment within thirty days of receipt please remit balance to account "
    "number listed above thank you for your business"
)
WORDS = TEXT.split()


def phrase(count: int) -> str:
    chooser = random.Random(count)
    return " ".join(chooser.choice(WORDS) for _ in range(count))


LENGTHS = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89)
UNITS = [
    *(f"{phrase(count)} " for count in LENGTHS),
    *(f"{phrase(count)}.\n" for count in LENGTHS),
    *("|" + "".join(f" {word} {count}.00 |" for word in WORDS[:count]) + "\n" for count in range(1, 9)),
    *("<tr>" + "".join(f"<td>{word}</td>" for word in WORDS[:count]) + "</tr>" for count in range(1, 7)),
    *("<fcel>0" * count + "<nl>" for count in range(1, 5)),
    *("0.00 ", "0", "1234567890", "12/11/2026 ", "0.00\n", "9 9 9 9\n", "1. ", "100,000.00 | ", "- 0\n"),
    *("本发明涉及一种装置，", "合計 ", "合計\n", "المجموع ", "итого ", "Ünïcödé ", "ก็", "🙂", "नमस्ते\n"),
    *("...", "_", "+49 30 1234567\n", "e\u0301 "),
]
LOOPS = [unit * (CHARS // len(unit) + 1) for unit in UNITS]
PREFIXES: dict[str, Callable[[str], str]] = {
    "plain": "{}".format,
    "behind-good-text": "# SHOP\n\nA page begins in good order.\n\n{}".format,
    "fence": "```\n{}".format,
    "markdown-fence": "```markdown\n{}".format,
    "closed-fence": "```markdown\n{}\n```".format,
    "behind-a-thought": "<think>It is a receipt.</think>\n{}".format,
    "within-a-thought": "<think>{}".format,
    "thought-and-fence": "<think>Well.</think>\n```markdown\n{}".format,
    "blank-lines": "\n\n \n\n{}".format,
    "html": "<html><body><table>{}".format,
    "answer-tag": "<answer>{}".format,
    "remark": "Here is the text of the image:\n\n{}".format,
    "json": lambda loop: '{"text": ' + json.dumps(loop)[:-1],
}
prefixed = pytest.mark.parametrize("prefix", PREFIXES.values(), ids=PREFIXES)


def test_there_are_sixty_loops() -> None:
    assert len(set(LOOPS)) == 60


# --- the verdict


@pytest.fixture(scope="module")
def asker() -> PagePrompter:
    lab = Provider(name="lab", base_url="http://127.0.0.1:9/v1")
    return PagePrompter([resolve(MODEL, provider=lab)])


PAGE = PageImage(pixels=bytes([255, 255, 255, 0, 0, 0]) * 50, width=10, height=10)


def state_of(asker: PagePrompter, completion: Completion) -> PageState:
    return asker.check(PAGE, asker.parse(PAGE, completion), completion).state


@prefixed
def test_a_streamed_loop_is_broken_off_and_stays_one(
    asker: PagePrompter, prefix: Callable[[str], str]
) -> None:
    states = []
    for loop in LOOPS:
        answer, watch = prefix(loop), LoopGuard()
        sizes = range(7, len(answer), 7)
        end = next(size for size in sizes if watch(Delta(answer[size - 7 : size])))
        states.append(state_of(asker, Completion(answer[:end], LOOPED)))
    assert states == [PageState.LOOPED] * 60


@prefixed
@pytest.mark.parametrize("finish_reason", ["stop", "length"])
def test_a_whole_answer_with_a_loop_is_one(
    asker: PagePrompter, prefix: Callable[[str], str], finish_reason: str
) -> None:
    states = [state_of(asker, Completion(prefix(loop), finish_reason)) for loop in LOOPS]
    assert states == [PageState.LOOPED] * 60


@pytest.mark.parametrize(
    "page",
    [
        pytest.param("| COCA COLA 330ML | 1.50 |\n" * 60, id="equal-rows"),
        pytest.param(("| 0.00 " * 12 + "|\n") * 60, id="zeros"),
        pytest.param("".join(f"Chapter {n} {'.' * 120} {n * 7}\n" for n in range(90)), id="dotted-leaders"),
        pytest.param(("_" * 100 + "\n") * 60, id="lines-to-write-on"),
    ],
)
@prefixed
def test_a_page_that_repeats_itself_is_no_loop(page: str, prefix: Callable[[str], str]) -> None:
    watch = LoopGuard()
    assert watch(Delta(prefix(page))) is None


# --- over a real socket


@pytest.fixture(autouse=True)
def fresh_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_REGISTRY", registry.Registry((*PROVIDERS, *FAMILIES, *OFFERS)))


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


def route_of(server: ScriptedServer, bills: bool) -> Route:
    register(ModelProfile(prefix=MODEL, image_tokens="qwen2-vl", price=Price(input_usd=0.2, output_usd=0.6)))
    lab = Provider(name="lab", base_url=server.base_url, api_key_env=(), bills_abandoned=bills)
    return Route(lab, MODEL, api_key=server.api_key)


def book(pages: int) -> bytes:
    """Pages with ink, each 28 pixels wider than its number says."""
    frames = []
    for number in range(pages):
        frame = Image.new("L", (56 + 28 * number, 56), "white")
        ImageDraw.Draw(frame).rectangle((5, 5, 30, 30), fill="black")
        frames.append(frame)
    file = io.BytesIO()
    frames[0].save(file, "TIFF", save_all=True, append_images=frames[1:])
    return file.getvalue()


def looped_page(seen: Seen) -> Answer:
    """Each page loops in its own way, behind one of the prefixes."""
    (image,) = seen.images
    assert image.width is not None
    number = (image.width - 56) // 28
    prefix = list(PREFIXES.values())[number % len(PREFIXES)]
    text = prefix(LOOPS[number])
    pieces = tuple(text[start : start + PIECE] for start in range(0, len(text), PIECE))
    return Answer(pieces=pieces, finish_reason="length")


ReadBook = Callable[[Route], tuple[PageResult, ...]]


@pytest.fixture(params=["blocking", "async"])
def read_book(request: pytest.FixtureRequest) -> ReadBook:
    """Reads pages of every loop; on an event loop of six of them, as what is found is the same."""

    async def aread(route: Route) -> tuple[PageResult, ...]:
        async with VLMClient(route) as client:
            return (await DocumentReader(client).aread(book(6))).pages

    def read(route: Route) -> tuple[PageResult, ...]:
        with VLMClient(route) as client:
            return DocumentReader(client).read(book(60)).pages

    return read if request.param == "blocking" else lambda route: asyncio.run(aread(route))


@pytest.mark.parametrize("bills", [False, True], ids=["free", "billed"])
def test_no_looped_page_is_ok_and_each_says_what_it_took(
    server: ScriptedServer, read_book: ReadBook, bills: bool
) -> None:
    server.answer(looped_page)
    pages = read_book(route_of(server, bills))
    assert {page.state for page in pages} == {PageState.LOOPED}
    assert {(page.engine, page.provider, page.model) for page in pages} == {("vlm", "lab", MODEL)}
    assert all(page.usage and page.usage.input_tokens and page.usage.output_tokens for page in pages)
    assert all(page.cost_usd for page in pages)
    assert sum(page.attempts for page in pages) == server.requests
    assert {type(page.error) for page in pages} == {OutputLooped}
    assert {seen.stream for seen in server.seen} == {not bills}


def test_an_estimate_is_called_one(server: ScriptedServer) -> None:
    server.say(LOOPS[0])
    for bills, estimated in ((False, True), (True, False)):
        with VLMClient(route_of(server, bills)) as client:
            (page,) = DocumentReader(client).read(book(1)).pages
        assert any("an estimate" in warning for warning in page.warnings) is estimated


def test_the_error_says_what_to_do_about_a_loop(server: ScriptedServer) -> None:
    server.say(LOOPS[0])
    with VLMClient(route_of(server, bills=False)) as client:
        (page,) = DocumentReader(client).read(book(1)).pages
    error: Any = page.error
    assert isinstance(error, OutputLooped)
    assert error.route == f"lab:{MODEL}"
    assert error.partial == page.text != ""
    assert "base_url" not in error.hint
    assert "frequency_penalty" in error.hint


def test_a_loop_that_is_broken_off_keeps_the_attempts_before_it(server: ScriptedServer) -> None:
    server.refuse(503, "busy")
    server.say(LOOPS[0])
    server.say("TOTAL 9.00")
    with VLMClient(route_of(server, bills=False)) as client:
        (page,) = DocumentReader(client).read(book(1)).pages
    assert (page.text, page.state) == ("TOTAL 9.00", PageState.OK)
    assert page.attempts == server.requests == 3
    assert page.usage is not None
    assert page.usage.output_tokens is not None
    assert page.usage.output_tokens > 100  # those of the loop are counted too
