"""The key fields of real receipts, from a model that knows them but answers in all the wrong ways.

Each value is the receipt's own, or the page says that it was not read: a value is never lost in silence.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, TypeAlias

import pytest
from PIL import Image
from pydantic import BaseModel

from vlm_core.catalog.routes import Route
from vlm_core.catalog.schema import Provider
from vlm_core.errors import VLMError
from vlm_core.flow import policy
from vlm_core.jobs.reader import DocumentReader
from vlm_core.testing import Answer, Reply, ScriptedServer, Seen
from vlm_core.types import PageResult, PageState

RECEIPTS = 10
Fields: TypeAlias = dict[str, Any]
Say: TypeAlias = Callable[[Fields], Reply]


class Seller(BaseModel):
    company: str
    address: str


class Receipt(BaseModel):
    seller: Seller
    date: str
    total: float


class Forgiving(BaseModel):
    """All may be missing, so that hardly any answer is against it."""

    seller: Seller | None = None
    company: str | None = None
    date: str | None = None
    total: float | None = None


@dataclass(frozen=True)
class Scan:
    path: Path
    fields: Fields


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "BASE_SECONDS", 0.001)


@pytest.fixture(scope="module")
def scans(data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Scan]:
    """Receipts in a size that is quick to send, each of its own, by which it can be told."""
    folder = tmp_path_factory.mktemp("receipts")
    scans = []
    for path in sorted((data / "receipts").glob("*.jpg"))[:RECEIPTS]:
        with Image.open(path) as image:
            image.convert("L").resize((200, 200 + len(scans))).save(folder / path.name)
        scans.append(Scan(folder / path.name, fields_of(json.loads(path.with_suffix(".json").read_bytes()))))
    assert len(scans) == RECEIPTS
    return scans


def fields_of(truth: dict[str, str]) -> Fields:
    amount = re.search(r"\d+\.\d\d", truth["total"])
    assert amount is not None
    seller = {name: truth[name] for name in ("company", "address")}
    return {"seller": seller, "date": truth["date"], "total": float(amount[0])}


class Model:
    """Knows every receipt; answers badly so many times for each, and then well."""

    def __init__(self, scans: list[Scan], bad: Say, times: int) -> None:
        self._fields = {200 + number: scan.fields for number, scan in enumerate(scans)}
        self._bad = bad
        self._times = times
        self._asked: Counter[int] = Counter()
        self._lock = Lock()

    def __call__(self, seen: Seen) -> Reply:
        height = seen.images[0].height
        assert height is not None
        with self._lock:
            self._asked[height] += 1
            is_bad = self._asked[height] <= self._times
        return self._bad(self._fields[height]) if is_bad else well(self._fields[height])


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


def read(server: ScriptedServer, scans: list[Scan], schema: Any = Receipt) -> list[PageResult]:
    route = Route(Provider(name="stand-in"), "some-vlm", api_key=server.api_key, base_url=server.base_url)
    reader = DocumentReader(route, "json", output_schema=schema)
    return list(reader.iter_pages([scan.path for scan in scans]))


def well(fields: Fields) -> Reply:
    return Answer(json.dumps(fields))


# --- answers that hold all that is wanted


def fenced(fields: Fields) -> Reply:
    return Answer(f"```json\n{json.dumps(fields, indent=2)}\n```")


def in_prose(fields: Fields) -> Reply:
    return Answer(f"Here is what the receipt [scan] says:\n\n{json.dumps(fields)}\n\nShall I go on?")


def fenced_in_prose(fields: Fields) -> Reply:
    return Answer(f"Of course!\n```json\n{json.dumps(fields)}\n```\nThe total is {fields['total']}.")


def after_a_form(fields: Fields) -> Reply:
    form = '{"seller": {...}, "date": "...", "total": <number>}'
    return Answer(f"In the form {form} it is {json.dumps(fields)}")


def after_thinking(fields: Fields) -> Reply:
    return Answer(f'<think>A draft: {{"total": 1.0}}</think>{json.dumps(fields)}')


def total_as_text(fields: Fields) -> Reply:
    return Answer(json.dumps({**fields, "total": f"{fields['total']:.2f}"}))


def more_than_was_asked(fields: Fields) -> Reply:
    return Answer(json.dumps({**fields, "currency": "MYR"}))


REPAIRED = [
    fenced,
    in_prose,
    fenced_in_prose,
    after_a_form,
    after_thinking,
    total_as_text,
    more_than_was_asked,
]


@pytest.mark.parametrize("say", REPAIRED, ids=lambda say: say.__name__)
def test_what_is_all_there_is_taken_at_the_first_answer(
    server: ScriptedServer, scans: list[Scan], say: Say
) -> None:
    server.answer(Model(scans, say, times=RECEIPTS))
    results = read(server, scans)
    assert [result.data for result in results] == [scan.fields for scan in scans]
    assert {(result.state, result.error, result.attempts) for result in results} == {(PageState.OK, None, 1)}


# --- answers that do not


def cut_by_its_limit(fields: Fields) -> Reply:
    text = json.dumps(fields)
    return Answer(text[: len(text) * 2 // 3], finish_reason="length")


def cut_behind_a_part(fields: Fields) -> Reply:
    return Answer(json.dumps(fields).partition('"total"')[0])


def cut_in_a_fence(fields: Fields) -> Reply:
    return Answer(f"```json\n{json.dumps(fields)[:-8]}\n```")


def comma_forgotten(fields: Fields) -> Reply:
    return Answer('{"page": 1 ' + json.dumps(fields)[1:])


def total_in_words(fields: Fields) -> Reply:
    return Answer(json.dumps({**fields, "total": "nine euros"}))


def total_that_is_none(fields: Fields) -> Reply:
    return Answer(json.dumps({**fields, "total": float("nan")}))


def date_that_is_null(fields: Fields) -> Reply:
    return Answer(json.dumps({**fields, "date": None}))


def seller_as_text(fields: Fields) -> Reply:
    return Answer(json.dumps({**fields, "seller": fields["seller"]["company"]}))


def a_key_too_few(fields: Fields) -> Reply:
    return Answer(json.dumps({"seller": fields["seller"], "date": fields["date"]}))


def a_part_alone(fields: Fields) -> Reply:
    return Answer(json.dumps(fields["seller"]))


def null(fields: Fields) -> Reply:
    return Answer("null")


def empty(fields: Fields) -> Reply:
    return Answer("")


def blanks(fields: Fields) -> Reply:
    return Answer(" \n ")


def empty_object(fields: Fields) -> Reply:
    return Answer("{}")


def empty_list(fields: Fields) -> Reply:
    return Answer("[]")


def prose(fields: Fields) -> Reply:
    return Answer(f"It is from {fields['seller']['company']}, and the total is {fields['total']}.")


def refusal(fields: Fields) -> Reply:
    return Answer("I'm sorry, but I can't assist with that.")


def refusal_of_its_own(fields: Fields) -> Reply:
    return Answer("", refusal="No.")


def python(fields: Fields) -> Reply:
    return Answer(str(fields))


LACKING = [
    cut_by_its_limit,
    cut_behind_a_part,
    cut_in_a_fence,
    comma_forgotten,
    total_in_words,
    total_that_is_none,
    date_that_is_null,
    seller_as_text,
    a_key_too_few,
    a_part_alone,
    null,
    empty,
    blanks,
    empty_object,
    empty_list,
    prose,
    refusal,
    refusal_of_its_own,
    python,
]


@pytest.mark.parametrize("say", LACKING, ids=lambda say: say.__name__)
def test_after_an_answer_that_lacks_something_the_page_is_asked_for_again(
    server: ScriptedServer, scans: list[Scan], say: Say
) -> None:
    server.answer(Model(scans, say, times=1))
    results = read(server, scans)
    assert [result.data for result in results] == [scan.fields for scan in scans]
    assert {(result.state, result.error, result.attempts) for result in results} == {(PageState.OK, None, 2)}
    assert server.requests == 2 * RECEIPTS


@pytest.mark.parametrize("say", LACKING, ids=lambda say: say.__name__)
def test_where_no_answer_is_better_the_page_says_so(
    server: ScriptedServer, scans: list[Scan], say: Say
) -> None:
    few = scans[:1]
    server.answer(Model(few, say, times=1000))
    for result in read(server, few):
        assert result.state in (PageState.FAILED, PageState.TRUNCATED, PageState.REFUSED)
        assert isinstance(result.error, VLMError)
        assert result.error.hint
        assert result.attempts > 1


@pytest.mark.parametrize("say", [cut_by_its_limit, cut_behind_a_part, cut_in_a_fence, comma_forgotten, null])
def test_a_schema_that_forgives_all_takes_no_part_of_an_answer_for_the_whole(
    server: ScriptedServer, scans: list[Scan], say: Say
) -> None:
    few = scans[:3]
    server.answer(Model(few, say, times=1))
    results = read(server, few, Forgiving)
    assert [result.data for result in results] == [{**scan.fields, "company": None} for scan in few]
