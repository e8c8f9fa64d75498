"""extract(): what a model gives, with the place of each value; what does not hold of it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from vlm_core import (
    ConfigError,
    ExtractionResult,
    InputError,
    MalformedResponse,
    MissingExtraError,
    PageImage,
    TextLine,
    TooManyImagesError,
    VLMClient,
    aextract,
    extract,
)
from vlm_core.assistant import proof
from vlm_core.testing import ScriptedServer
from vlm_core.types import TextLayer

SCANS = Path(__file__).parents[3] / "examples" / "scans"
RECEIPT, FAX, CONTRACT = SCANS / "receipt.jpg", SCANS / "fax.tif", SCANS / "contract.pdf"
SCHEMA = {"type": "object", "properties": {"total": {"type": "number"}}}


class Item(BaseModel):
    what: str
    price: float


class Receipt(BaseModel):
    shop: str
    total: float
    items: list[Item] = []


GOOD = {
    "shop": "The Quayside Kitchen",
    "total": 38.25,
    "items": [{"what": "Crab salad", "price": 17.8}, {"what": "Fish soup", "price": 6.4}],
}
Extract = Callable[..., ExtractionResult]


def blocking(*arguments: Any, **options: Any) -> ExtractionResult:
    return extract(*arguments, **options)


def on_loop(*arguments: Any, **options: Any) -> ExtractionResult:
    return asyncio.run(aextract(*arguments, **options))


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as scripted:
        yield scripted


@pytest.fixture
def client(server: ScriptedServer) -> Iterator[VLMClient]:
    with VLMClient("some-vlm", base_url=server.base_url, api_key=server.api_key, max_attempts=1) as made:
        yield made


@pytest.mark.parametrize("call", [blocking, on_loop])
def test_each_value_has_its_place(server: ScriptedServer, client: VLMClient, call: Extract) -> None:
    server.say(json.dumps(GOOD))
    result = call(RECEIPT, Receipt, client)
    assert result.data == Receipt.model_validate(GOOD)
    assert result.fields["total"].text == "38.25"
    assert [field.status for field in result.leaves()] == ["exact"] * 6
    assert all(field.page == 1 and field.bbox for field in result.leaves())
    assert (result.ok, result.findings, server.requests) == (True, (), 1)


def test_a_wrong_value_says_what_stands_there(server: ScriptedServer, client: VLMClient) -> None:
    server.say('{"total": 88.25}')
    result = extract(RECEIPT, SCHEMA, client)
    (finding,) = result.findings
    assert (finding.kind, finding.text, finding.expected, finding.path) == (
        "number_changed",
        "88.25",
        "38.25",
        "/total",
    )
    assert (result.data, result.ok, result.fields["total"].needs_review) == ({"total": 88.25}, False, True)


def test_the_page_of_a_value_is_found(server: ScriptedServer, client: VLMClient) -> None:
    server.say('{"area": "84 square metres"}')
    schema = {"type": "object", "properties": {"area": {"type": "string"}}}
    result = extract(CONTRACT, schema, client)
    assert (result.fields["area"].status, result.fields["area"].page) == ("exact", 1)


def test_a_born_digital_page_is_checked_by_its_own_text(server: ScriptedServer, client: VLMClient) -> None:
    server.say('{"total": 9}')
    layer = TextLayer(lines=(TextLine(text="TOTAL 9.00", bbox=(0.1, 0.1, 0.5, 0.2)),))
    page = PageImage(pixels=b"\xff" * 30_000, width=100, height=100, text_layer=layer)
    result = extract(page, SCHEMA, client)
    assert (result.fields["total"].status, result.checked_by) == ("exact", "pdf")


def test_only_the_named_page_is_shown(server: ScriptedServer, client: VLMClient) -> None:
    server.say("{}")
    result = extract(FAX, SCHEMA, client, page=2)
    assert (len(server.seen[0].images), result.pages) == (1, (2,))


def test_of_many_pages_those_are_shown_that_have_the_words(server: ScriptedServer, client: VLMClient) -> None:
    server.say('{"landlord": "Marlow Weir Estates"}')
    schema = {"type": "object", "properties": {"landlord": {"description": "lets the workshop"}}}
    result = extract(CONTRACT, schema, client, max_images=1)
    assert result.pages == (1,)
    assert "chosen by the text" in result.notes[0]


def test_without_verify_nothing_is_read(server: ScriptedServer, client: VLMClient) -> None:
    server.say('{"total": 88.25}')
    result = extract(RECEIPT, SCHEMA, client, verify=False)
    assert (result.fields["total"].status, result.findings, result.checked_by) == ("not_checked", (), "")


@pytest.mark.parametrize(
    ("checks", "paths"),
    [
        pytest.param(["sum(items.price) == total"], ["/total"], id="a sum"),
        pytest.param(["sum(items.price) < total", "len(items) == 2"], [], id="what holds"),
        pytest.param([lambda data: data.total == 1], [""], id="a function"),
        pytest.param([lambda data: "too little" if data.total < 99 else None], [""], id="its own words"),
        pytest.param([lambda data: 1 / 0 > 0], [""], id="a function that fails"),
    ],
)
def test_a_check_that_fails_is_a_finding(
    server: ScriptedServer, client: VLMClient, checks: list[Any], paths: list[str]
) -> None:
    server.say(json.dumps(GOOD))
    found = extract(RECEIPT, Receipt, client, verify=False, checks=checks).findings
    assert [(finding.kind, finding.path) for finding in found] == [("check_failed", path) for path in paths]


def test_a_check_marks_its_field(server: ScriptedServer, client: VLMClient) -> None:
    server.say(json.dumps(GOOD))
    result = extract(RECEIPT, Receipt, client, checks=["sum(items.price) == total"])
    assert (result.fields["total"].status, result.fields["total"].ok) == ("exact", False)


def test_a_value_that_a_check_lacks_is_a_note(server: ScriptedServer, client: VLMClient) -> None:
    server.say('{"total": 38.25}')
    (finding,) = extract(RECEIPT, SCHEMA, client, verify=False, checks=["net + tax == total"]).findings
    assert (finding.severity, finding.text) == (
        "note",
        "net + tax == total cannot be computed: net is missing",
    )


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"checks": ["total"]}, id="not a comparison"),
        pytest.param({"checks": ["__import__('os').system('ls') == 1"]}, id="not a sum"),
        pytest.param({"checks": ["total ** 9 == 1"]}, id="a power"),
        pytest.param({"checks": ["(" * 300]}, id="not closed"),
        pytest.param({"checks": [17]}, id="a number"),
        pytest.param({"verify": "always"}, id="verify"),
        pytest.param({"page": 0}, id="page"),
        pytest.param({"max_images": 0}, id="max_images"),
        pytest.param({"request_options": {"max_token": 5}}, id="an option"),
    ],
)
def test_what_cannot_be_used_is_refused_before_a_model_is_asked(
    server: ScriptedServer, client: VLMClient, options: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError):
        extract(RECEIPT, SCHEMA, client, **options)
    assert server.requests == 0


@pytest.mark.parametrize(
    ("source", "options", "error"),
    [
        pytest.param([RECEIPT, FAX], {}, InputError, id="two documents"),
        pytest.param(FAX, {"page": 9}, InputError, id="a page that is not there"),
        pytest.param(FAX, {"page": [1, 2], "max_images": 1}, TooManyImagesError, id="too many pages"),
    ],
)
def test_what_cannot_be_shown_is_refused(
    server: ScriptedServer, client: VLMClient, source: Any, options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        extract(source, SCHEMA, client, **options)
    assert server.requests == 0


def test_without_the_local_engine_nothing_is_paid(
    server: ScriptedServer, client: VLMClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="local OCR engine"):
        extract(RECEIPT, SCHEMA, client)
    assert server.requests == 0


def test_what_does_not_fit_is_an_error(server: ScriptedServer, client: VLMClient) -> None:
    server.say('{"total": "much"}')
    with pytest.raises(MalformedResponse, match="total"):
        extract(RECEIPT, Receipt, client)


def test_a_result_is_plain_json(server: ScriptedServer, client: VLMClient) -> None:
    server.say('{"total": 88.25}')
    plain = json.loads(extract(RECEIPT, SCHEMA, client).model_dump_json())
    assert (plain["fields"]["total"]["text"], plain["findings"][0]["expected"]) == ("38.25", "38.25")
