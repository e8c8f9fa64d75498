"""A vision model as an OCR engine, over real HTTP: what is asked, asked again, and made of the answers."""

from __future__ import annotations

import asyncio
import io
import json
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image, ImageDraw

from vlm_core.catalog.routes import Route
from vlm_core.catalog.schema import Provider
from vlm_core.client import VLMClient
from vlm_core.errors import AuthenticationFailed, ConfigError, EmptyOutput, OutputTruncated, RateLimited
from vlm_core.flow import policy
from vlm_core.images.decode import pages
from vlm_core.jobs.reader import DocumentReader
from vlm_core.ocr.engine import OCREngine
from vlm_core.ocr.remote import RemoteEngine
from vlm_core.testing import Answer, ScriptedServer, Seen
from vlm_core.types import PageImage, PageResult, PageState

LOOP = "Total 9.00 EUR\n" * 300


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "BASE_SECONDS", 0.001)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


def client_of(server: ScriptedServer, model: str = "some-vlm", **options: Any) -> VLMClient:
    return VLMClient(model, base_url=server.base_url, api_key=server.api_key, **options)


def picture(size: tuple[int, int] = (600, 900)) -> bytes:
    """A page with ink in its upper left corner, so that its way up can be told."""
    image = Image.new("L", size, "white")
    ImageDraw.Draw(image).rectangle((10, 10, size[0] // 3, size[1] // 5), fill="black")
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def page(size: tuple[int, int] = (600, 900)) -> PageImage:
    return next(pages(picture(size)))


def white(size: tuple[int, int] = (600, 900)) -> PageImage:
    return PageImage(pixels=b"\xff" * (3 * size[0] * size[1]), width=size[0], height=size[1])


Read = Callable[[RemoteEngine, PageImage], PageResult]


@pytest.fixture(params=["blocking", "async"])
def read(request: pytest.FixtureRequest) -> Read:
    if request.param == "blocking":
        return lambda engine, page: engine.read_page(page)
    return lambda engine, page: asyncio.run(_aread(engine, page))


async def _aread(engine: RemoteEngine, page: PageImage) -> PageResult:
    async with engine.client:
        return await engine.aread_page(page)


def told(engine: RemoteEngine, page: PageImage, read: Read) -> PageResult:
    with engine.client:
        return read(engine, page)


# --- an answer


def test_a_page_is_read(server: ScriptedServer, read: Read) -> None:
    server.say("TOTAL 9.00")
    engine = RemoteEngine(client_of(server))
    result = told(engine, page(), read)
    assert (result.text, result.state, result.attempts) == ("TOTAL 9.00", PageState.OK, 1)
    assert (result.engine, result.model, result.raw) == ("vlm", "some-vlm", "TOTAL 9.00")
    assert (result.width, result.height, result.sha256) == (600, 900, page().sha256)
    assert result.usage is not None
    assert result.usage.output_tokens == 2
    assert result.error is None
    (image,) = server.seen[0].images
    assert (image.width, image.height) == (600, 900)


def test_an_engine_meets_the_protocol(server: ScriptedServer) -> None:
    assert isinstance(RemoteEngine(client_of(server)), OCREngine)


def test_a_fence_around_the_page_is_taken_off(server: ScriptedServer, read: Read) -> None:
    server.say("```markdown\n# Invoice\n\nTotal 9.00\n```")
    assert told(RemoteEngine(client_of(server)), page(), read).text == "# Invoice\n\nTotal 9.00"


def test_the_picture_is_no_larger_than_is_asked_for(server: ScriptedServer, read: Read) -> None:
    server.say("TOTAL")
    options = {"max_side": 300, "temperature": 0.5, "max_tokens": 77, "extra_body": {"top_k": 5}}
    told(RemoteEngine(client_of(server), options=options), page(), read)
    (seen,) = server.seen
    assert (seen.images[0].width, seen.images[0].height) == (200, 300)
    assert (seen.options["temperature"], seen.options["max_tokens"], seen.options["top_k"]) == (0.5, 77, 5)


def test_a_prompt_of_ones_own_takes_the_place_of_the_tasks(server: ScriptedServer, read: Read) -> None:
    server.say("4711")
    told(RemoteEngine(client_of(server), prompt="Which number is on it?"), page(), read)
    assert "Which number is on it?" in server.seen[0].text


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"temprature": 0}, id="misspelt"),
        pytest.param({"max_tokens": -1}, id="senseless"),
    ],
)
def test_an_option_that_cannot_be_sent_is_refused_at_once(
    server: ScriptedServer, options: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError):
        RemoteEngine(client_of(server), options=options)


# --- bad answers


ONLY_THOUGHT = Answer("<think>It is a receipt.</think>")
CUT = Answer("TOTAL 9", finish_reason="length")
FILTERED = Answer("", finish_reason="content_filter")


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(Answer("TOTAL", finish_reason="length"), id="truncated"),
        pytest.param(Answer(LOOP), id="looped"),
        pytest.param(Answer("", refusal="I cannot help with that."), id="refused"),
        pytest.param(FILTERED, id="filtered"),
        pytest.param(Answer("I'm sorry, but I can't assist with that."), id="refused-in-words"),
        pytest.param(ONLY_THOUGHT, id="only-thought"),
        pytest.param(Answer("There is no text in the image."), id="said-to-be-blank"),
    ],
)
def test_after_a_bad_answer_the_page_is_asked_for_otherwise(
    server: ScriptedServer, read: Read, bad: Answer
) -> None:
    # One without a word is asked for again by the client first, in the same words.
    times = 2 if bad in (ONLY_THOUGHT, FILTERED) else 1
    for _ in range(times):
        server.answer(bad)
    server.say("TOTAL 9.00")
    result = told(RemoteEngine(client_of(server)), page(), read)
    assert (result.text, result.state) == ("TOTAL 9.00", PageState.OK)
    assert result.attempts == server.requests == times + 1
    assert len({str(sorted(seen.options.items())) for seen in server.seen}) > 1
    assert any("asked again" in warning for warning in result.warnings)


@pytest.mark.parametrize(
    ("bad", "state", "text"),
    [
        pytest.param(
            Answer("TOTAL 9", finish_reason="length"), PageState.TRUNCATED, "TOTAL 9", id="truncated"
        ),
        pytest.param(Answer("", refusal="I cannot help with that."), PageState.REFUSED, "", id="refused"),
        pytest.param(Answer(""), PageState.FAILED, "", id="empty"),
    ],
)
def test_a_page_that_is_never_read_ends_in_its_true_state(
    server: ScriptedServer, read: Read, bad: Answer, state: PageState, text: str
) -> None:
    server.answer(bad)
    result = told(RemoteEngine(client_of(server), task="json"), page(), read)
    assert result.state is state
    assert text in result.text
    assert result.error is not None
    assert result.attempts == server.requests


def test_a_loop_is_no_text_of_the_page_that_goes_unnoticed(server: ScriptedServer, read: Read) -> None:
    server.say(LOOP)
    result = told(RemoteEngine(client_of(server)), page(), read)
    assert result.state is PageState.LOOPED
    assert result.text
    assert result.error is not None


def test_an_empty_answer_is_right_for_a_blank_page(server: ScriptedServer, read: Read) -> None:
    server.say("")
    result = told(RemoteEngine(client_of(server)), white(), read)
    assert (result.text, result.state, result.error) == ("", PageState.BLANK, None)


def test_an_empty_answer_for_a_page_with_ink_is_a_failure(server: ScriptedServer, read: Read) -> None:
    server.say("")
    result = told(RemoteEngine(client_of(server)), page(), read)
    assert result.state is PageState.FAILED
    assert isinstance(result.error, EmptyOutput)


def test_a_page_too_long_for_one_answer_is_read_in_two_halves(server: ScriptedServer, read: Read) -> None:
    def by_height(seen: Seen) -> Answer:
        if seen.images[0].height > 600:
            return Answer("the upper", finish_reason="length")
        return Answer(f"half of {seen.images[0].height}")

    server.answer(by_height)
    result = told(RemoteEngine(client_of(server)), page(), read)
    heights = [seen.images[0].height for seen in server.seen]
    assert heights[:2] == [900, 900]
    assert sum(heights[2:]) == 900
    assert result.state is PageState.OK
    assert result.text == "\n\n".join(f"half of {height}" for height in heights[2:])
    assert result.attempts == 4
    assert any("two halves" in warning for warning in result.warnings)


def test_lines_of_two_halves_stand_where_they_are_on_the_page(server: ScriptedServer, read: Read) -> None:
    def one_line(seen: Seen) -> Answer:
        width, height = seen.images[0].width, seen.images[0].height
        cells = [{"bbox": [0, 0, width // 2, height // 2], "category": "Text", "text": "words"}]
        return Answer(json.dumps(cells), finish_reason="length" if height > 600 else "stop")

    server.answer(one_line)
    engine = RemoteEngine(client_of(server, "rednote-hilab/dots.ocr"))
    upper, lower = (line.bbox for line in told(engine, page(), read).lines)
    assert upper == pytest.approx((0, 0, 0.5, 0.25), abs=0.05)
    assert lower == pytest.approx((0, 0.5, 0.5, 0.75), abs=0.05)


def test_of_a_page_that_is_cut_every_time_the_most_is_kept(server: ScriptedServer, read: Read) -> None:
    for text in ("one two", "one two three", "one", "one two"):
        server.say(text, finish_reason="length")
    result = told(RemoteEngine(client_of(server), task="json"), page(), read)
    assert result.state is PageState.TRUNCATED
    assert result.text == "one two three"
    assert isinstance(result.error, OutputTruncated)
    assert result.error.partial == "one two three"


def test_what_fails_on_the_way_climbs_no_ladder(server: ScriptedServer, read: Read) -> None:
    server.refuse(429, "slow down")
    with pytest.raises(RateLimited):
        told(RemoteEngine(client_of(server, max_attempts=2)), page(), read)
    assert server.requests == 2
    assert server.seen[0].body == server.seen[1].body


def test_a_failure_after_a_cut_answer_costs_no_text(server: ScriptedServer, read: Read) -> None:
    server.say("TOTAL 9", finish_reason="length")
    server.refuse(503, "down")
    result = told(RemoteEngine(client_of(server, max_attempts=1)), page(), read)
    assert (result.text, result.state) == ("TOTAL 9", PageState.TRUNCATED)


@pytest.mark.parametrize(("bills", "is_streamed"), [(False, True), (True, False), (None, False)])
def test_a_loop_is_ended_early_only_where_that_saves_money(
    server: ScriptedServer, read: Read, bills: bool | None, is_streamed: bool
) -> None:
    server.answer(Answer("TOTAL 9.00 EUR again and again\n" * 20_000))
    server.answer(Answer("TOTAL 9.00"))
    lab = Provider(name="lab", bills_abandoned=bills)
    route = Route(lab, "some-vlm", api_key=server.api_key, base_url=server.base_url)
    result = told(RemoteEngine(VLMClient(route)), page(), read)
    assert (result.text, result.state) == ("TOTAL 9.00", PageState.OK)
    assert [seen.stream for seen in server.seen] == [is_streamed] * 2
    assert result.attempts == 2


# --- the way up


OLMOCR = "allenai/olmOCR-2-7B-1025"
FRONT = (
    "---\nprimary_language: en\nis_rotation_valid: {valid}\nrotation_correction: {degrees}\n"
    "is_table: False\nis_diagram: False\n---\n{text}"
)


def test_a_page_that_the_model_finds_turned_is_turned_and_read_again(
    server: ScriptedServer, read: Read
) -> None:
    server.say(FRONT.format(valid=False, degrees=90, text="lTOA"))
    server.say(FRONT.format(valid=True, degrees=0, text="TOTAL 9.00"))
    result = told(RemoteEngine(client_of(server, OLMOCR)), page(), read)
    sizes = [(seen.images[0].width, seen.images[0].height) for seen in server.seen]
    assert sizes == [(600, 900), (900, 600)]
    assert (result.text, result.language) == ("TOTAL 9.00", "en")
    # This model was trained to name the turn counter-clockwise.
    assert (result.width, result.height, result.rotation) == (900, 600, 270)
    assert result.sha256 == page().sha256


def test_a_model_that_always_wants_to_turn_is_followed_once(server: ScriptedServer, read: Read) -> None:
    server.say(FRONT.format(valid=False, degrees=90, text="TOTAL 9.00"))
    result = told(RemoteEngine(client_of(server, OLMOCR)), page(), read)
    assert (result.text, server.requests) == ("TOTAL 9.00", 2)


# --- other routes


def routes(*servers: ScriptedServer) -> list[Route]:
    return [
        Route(Provider(name=f"lab-{number}"), "some-vlm", api_key=each.api_key, base_url=each.base_url)
        for number, each in enumerate(servers)
    ]


def test_where_a_route_fails_another_reads_the_page_in_its_own_dialect(read: Read) -> None:
    with ScriptedServer() as first, ScriptedServer() as second:
        first.refuse(503, "down")
        second.say(FRONT.format(valid=True, degrees=0, text="TOTAL 9.00"))
        one, two = routes(first, second)
        olmocr = Route(two.provider, OLMOCR, api_key=two.api_key, base_url=two.base_url)
        engine = RemoteEngine(VLMClient(one, fallbacks=[olmocr], max_attempts=1))
        result = told(engine, page(), read)
        asked = first.seen[0].text, second.seen[0].text
    assert (result.text, result.provider, result.model) == ("TOTAL 9.00", "lab-1", OLMOCR)
    assert asked[0] != asked[1]
    assert "front matter" in asked[1]


def test_the_embedded_engine_may_be_the_last_resort(server: ScriptedServer, read: Read) -> None:
    server.refuse(503, "down")

    class Local:
        name = "rapidocr"
        model = None

        def read_page(self, page: PageImage) -> PageResult:
            return PageResult(text="read here", engine=self.name)

    engine = RemoteEngine(client_of(server, max_attempts=1), last_resort=Local())
    result = told(engine, page(), read)
    assert (result.text, result.engine) == ("read here", "rapidocr")
    assert "read by rapidocr, since no route answered" in result.warnings[0]


def test_a_refused_key_is_not_hidden_behind_the_last_resort(server: ScriptedServer, read: Read) -> None:
    from vlm_core.ocr.local import LocalEngine

    client = VLMClient("some-vlm", base_url=server.base_url, api_key="wrong")
    with pytest.raises(AuthenticationFailed):
        told(RemoteEngine(client, last_resort=LocalEngine("text")), page(), read)


# --- money


def test_all_answers_that_were_paid_for_are_counted(server: ScriptedServer, read: Read) -> None:
    used = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110, "cost": 0.25}
    server.say("TOTAL", finish_reason="length", usage=used)
    server.say("TOTAL 9.00", usage=used)
    result = told(RemoteEngine(client_of(server)), page(), read)
    assert result.usage is not None
    assert (result.usage.input_tokens, result.usage.output_tokens) == (200, 20)
    assert result.cost_usd == pytest.approx(0.5)


def test_a_job_stops_at_its_budget_and_says_which_pages_were_skipped(server: ScriptedServer) -> None:
    used = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110, "cost": 0.25}
    server.say("TOTAL 9.00", usage=used)
    with client_of(server) as client:
        reader = DocumentReader(client, budget_usd=0.5, max_concurrency=1)
        results = list(reader.iter_pages([picture((60 + number, 90)) for number in range(5)]))
    states = [result.state for result in results]
    assert states == [PageState.OK] * 2 + [PageState.SKIPPED_BUDGET] * 3
    assert server.requests == 2
    assert [result.page_number for result in results] == [1] * 5


def test_without_a_known_price_no_budget_is_overrun_in_silence(server: ScriptedServer) -> None:
    server.say("TOTAL 9.00")
    with client_of(server) as client:
        reader = DocumentReader(client, budget_usd=0.5, max_concurrency=1)
        results = list(reader.iter_pages([picture((60 + number, 90)) for number in range(3)]))
    assert [result.state for result in results] == [PageState.OK, *[PageState.SKIPPED_BUDGET] * 2]
    assert "not known" in str(results[1].error)


# --- a job


def test_a_refused_key_stops_the_job_at_once(server: ScriptedServer) -> None:
    with VLMClient("some-vlm", base_url=server.base_url, api_key="wrong") as client:
        reader = DocumentReader(client, max_concurrency=1)
        results = list(reader.iter_pages([picture((60 + number, 90)) for number in range(5)]))
    assert server.requests == 1
    assert [type(result.error) for result in results] == [AuthenticationFailed] * 5
    assert {result.state for result in results} == {PageState.FAILED}


def test_a_route_is_an_engine(server: ScriptedServer) -> None:
    server.say("TOTAL 9.00")
    (route,) = routes(server)
    reader = DocumentReader(route, fallbacks=["local"], task="text", request_options={"max_side": 128})
    result = reader.read(picture())
    assert result.text == "TOTAL 9.00"
    assert server.seen[0].images[0].height == 128


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param({"prompt": "Read."}, "prompt", id="prompt"),
        pytest.param({"request_options": {"temperature": 0}}, "request_options", id="options"),
        pytest.param({"fallbacks": ["local"]}, "fallbacks", id="itself"),
        pytest.param({"output_schema": {"type": "object"}}, "output_schema", id="schema"),
    ],
)
def test_what_only_a_model_can_meet_is_refused_of_the_local_engine(
    options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        DocumentReader("local", **options)


def test_the_local_engine_stands_last(server: ScriptedServer) -> None:
    with pytest.raises(ConfigError, match="not the last"):
        DocumentReader(*routes(server), fallbacks=["local", *routes(server)])


def test_an_engine_is_pickled_with_its_job() -> None:
    with ScriptedServer(api_key="") as server:
        server.say("TOTAL 9.00")
        engine = RemoteEngine(VLMClient("some-vlm", base_url=server.base_url), task="text")
        copied = pickle.loads(pickle.dumps(engine))
        with copied.client:
            assert copied.read_page(page()).text == "TOTAL 9.00"
