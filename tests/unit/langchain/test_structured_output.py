"""Answers with a structure: asked for as the provider takes it, read after the model answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Any, NamedTuple, TypedDict

import pydantic.v1
import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.exceptions import OutputParserException
from pydantic import BaseModel, ConfigDict

from langchain_vlm import ChatVLM
from vlm_core import ConfigError, Provider
from vlm_core.completion import ToolCall
from vlm_core.testing import Answer, ScriptedServer

Make = Callable[..., ChatVLM]


class Receipt(BaseModel):
    """What a receipt says."""

    total: float


class OldReceipt(pydantic.v1.BaseModel):
    """What a receipt says."""

    total: float


class ReceiptDict(TypedDict):
    """What a receipt says."""

    total: float


@dataclass
class ReceiptData:
    """What a receipt says."""

    total: float


SCHEMA = {
    "title": "Receipt",
    "type": "object",
    "properties": {"total": {"type": "number"}},
    "required": ["total"],
}
UNTITLED = {name: value for name, value in SCHEMA.items() if name != "title"}
OPENAI = {"type": "json_schema", "json_schema": {"name": "Receipt", "schema": UNTITLED}}
FUNCTION = {"name": "Receipt", "description": "A receipt.", "parameters": UNTITLED}

SHAPES = [
    pytest.param(Receipt, Receipt(total=9.0), id="pydantic"),
    pytest.param(OldReceipt, OldReceipt(total=9.0), id="pydantic-1"),
    pytest.param(ReceiptDict, {"total": 9.0}, id="typed-dict"),
    pytest.param(ReceiptData, ReceiptData(total=9.0), id="dataclass"),
    pytest.param(SCHEMA, {"total": 9.0}, id="schema"),
    pytest.param(UNTITLED, {"total": 9.0}, id="untitled"),
    pytest.param(OPENAI, {"total": 9.0}, id="response-format"),
    pytest.param(FUNCTION, {"total": 9.0}, id="function"),
]


def answer(server: ScriptedServer, method: str, arguments: str = '{"total": 9.0}', **settings: Any) -> None:
    """Let the server answer in the way that a method asks for."""
    if method == "function_calling":
        server.answer(
            lambda seen: _called(seen.options["tools"][0]["function"]["name"], arguments, **settings)
        )
    else:
        server.say(arguments, **settings)


def _called(name: str, arguments: str, **settings: Any) -> Any:
    settings = {"finish_reason": "tool_calls", **settings}
    return Answer(tool_calls=(ToolCall("1", name, arguments),), **settings)


@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode"])
@pytest.mark.parametrize(("schema", "expected"), SHAPES)
def test_an_answer_becomes_what_was_wanted(
    server: ScriptedServer, model: ChatVLM, method: Any, schema: Any, expected: Any
) -> None:
    answer(server, method)
    reader = model.with_structured_output(schema, method=method)
    assert reader.invoke("?") == expected
    assert asyncio.run(reader.ainvoke("?")) == expected
    assert list(reader.stream("?"))[-1] == expected


@pytest.mark.parametrize(("schema", "expected"), SHAPES)
def test_a_schema_is_asked_for(server: ScriptedServer, model: ChatVLM, schema: Any, expected: Any) -> None:
    answer(server, "json_schema")
    model.with_structured_output(schema, strict=True).invoke("?")
    asked = server.seen[0].options["response_format"]["json_schema"]
    assert "total" in asked["schema"]["properties"]
    assert asked["strict"] is True
    assert asked["schema"]["additionalProperties"] is False


def invoked(reader: Any) -> Any:
    return reader.invoke("?")


def ainvoked(reader: Any) -> Any:
    return asyncio.run(reader.ainvoke("?"))


def streamed(reader: Any) -> Any:
    return list(reader.stream("?"))[-1]


def astreamed(reader: Any) -> Any:
    async def ask() -> Any:
        return [step async for step in reader.astream("?")][-1]

    return asyncio.run(ask())


EVERY_WAY = pytest.mark.parametrize("way", [invoked, ainvoked, streamed, astreamed])
AMONG_WORDS = [
    pytest.param('Here you are:\n\n```json\n{"total": 9.0}\n```\nAnything else?', id="fence-among-words"),
    pytest.param('{"total": 9.0}, as the foot {see below} says.', id="words-behind"),
    pytest.param('<think>Is it {"total": 7}?</think>It is {"total": 9.0}', id="thought-and-words"),
    pytest.param('```\n{"total": 9.0}\n```\nOnce more:\n```\n{"total": 9.0}\n```', id="two-fences"),
    pytest.param('See [1]: {"total": 9.0}', id="footnote"),
]


@EVERY_WAY
@pytest.mark.parametrize("text", AMONG_WORDS)
@pytest.mark.parametrize("schema", [Receipt, SCHEMA], ids=["class", "dict"])
def test_json_is_read_among_words(
    server: ScriptedServer, model: ChatVLM, text: str, schema: Any, way: Callable[[Any], Any]
) -> None:
    server.say(text)
    assert dict(way(model.with_structured_output(schema))) == {"total": 9.0}
    assert server.requests == 1


@EVERY_WAY
def test_json_is_read_among_words_where_it_was_asked_for_in_words(
    server: ScriptedServer, make: Make, way: Callable[[Any], Any]
) -> None:
    server.say('Of course! {"total": 9.0}')
    plain = Provider(name="plain", response_formats=frozenset())
    assert way(make(provider=plain).with_structured_output(Receipt)) == Receipt(total=9.0)


@EVERY_WAY
@pytest.mark.parametrize("schema", [Receipt, SCHEMA], ids=["class", "dict"])
def test_two_answers_that_differ_are_an_error(
    server: ScriptedServer, model: ChatVLM, schema: Any, way: Callable[[Any], Any]
) -> None:
    server.say('{"total": 9.0} or {"total": 7}')
    with pytest.raises(OutputParserException, match="more than one JSON value"):
        way(model.with_structured_output(schema))


@EVERY_WAY
def test_a_part_of_a_cut_answer_is_not_the_answer(
    server: ScriptedServer, model: ChatVLM, way: Callable[[Any], Any]
) -> None:
    server.say('The receipts: [{"total": 9.0}, {"to')
    with pytest.raises(OutputParserException, match="no JSON"):
        way(model.with_structured_output(Receipt))


@dataclass
class Item:
    name: str
    paid_on: date


@dataclass
class Bill:
    items: list[Item]
    notes: list[str] = field(default_factory=list)


@dataclass
class Endless:
    what: Callable[[int], int]


def test_a_dataclass_without_a_schema_is_refused(model: ChatVLM) -> None:
    with pytest.raises(ConfigError, match="Endless"):
        model.with_structured_output(Endless)


def test_a_dataclass_is_filled_to_its_depths(server: ScriptedServer, model: ChatVLM) -> None:
    server.say('{"items": [{"name": "Tea", "paid_on": "2026-01-05"}]}')
    found = model.with_structured_output(Bill).invoke("?")
    assert found == Bill([Item("Tea", date(2026, 1, 5))])
    server.say('{"items": [{"name": "Tea"}]}')
    with pytest.raises(OutputParserException, match="does not match"):
        model.with_structured_output(Bill).invoke("?")


class Prices(BaseModel):
    """What things cost."""

    prices: dict[str, float]


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_strict_refuses_keys_of_any_name(model: ChatVLM, method: Any) -> None:
    with pytest.raises(ConfigError, match="prices") as caught:
        model.with_structured_output(Prices, method=method, strict=True)
    assert "list of objects" in caught.value.hint
    assert model.with_structured_output(Prices, method=method)


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_a_strict_schema_has_no_defaults_and_requires_all(
    server: ScriptedServer, model: ChatVLM, method: Any
) -> None:
    class Shop(BaseModel):
        name: str = "?"

    class ShopBill(BaseModel):
        shop: Shop
        default: str = "a field of that name stays"

    answer(server, method, '{"shop": {"name": "Kiosk"}, "default": "x"}')
    model.with_structured_output(ShopBill, method=method, strict=True).invoke("?")
    options = server.seen[0].options
    asked = (
        options["tools"][0]["function"]["parameters"]
        if method == "function_calling"
        else options["response_format"]["json_schema"]["schema"]
    )
    assert asked["required"] == ["shop", "default"]
    shop = asked["properties"]["shop"]
    assert (shop["required"], shop["additionalProperties"]) == (["name"], False)
    assert "default" not in shop["properties"]["name"]
    assert "default" not in asked["properties"]["default"]


class Colour(Enum):
    RED = "red"


class Pair(NamedTuple):
    one: int
    two: int


@pytest.mark.parametrize("schema", [Colour, Pair, int, list[Receipt]], ids=["enum", "tuple", "int", "list"])
@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode"])
def test_a_class_without_fields_is_refused_before_anything_is_sent(
    server: ScriptedServer, model: ChatVLM, schema: Any, method: Any
) -> None:
    with pytest.raises(ConfigError, match="not a class of objects") as caught:
        model.with_structured_output(schema, method=method)
    assert "pydantic" in caught.value.hint
    assert server.requests == 0


def test_json_mode_needs_no_schema(server: ScriptedServer, model: ChatVLM) -> None:
    server.say('{"a": 1}')
    assert model.with_structured_output(method="json_mode").invoke("?") == {"a": 1}
    assert server.seen[0].options["response_format"] == {"type": "json_object"}


def test_a_provider_without_schemas_is_asked_in_words(server: ScriptedServer, make: Make) -> None:
    server.say('```json\n{"total": 9.0}\n```')
    plain = Provider(name="plain", response_formats=frozenset())
    assert make(provider=plain).with_structured_output(Receipt).invoke("?") == Receipt(total=9.0)
    assert "response_format" not in server.seen[0].options
    assert "total" in server.seen[0].text


def test_a_stream_of_a_dict_grows(server: ScriptedServer, model: ChatVLM) -> None:
    server.stream('{"total": 9', ", ", '"tax": 1', "}")
    assert list(model.with_structured_output(SCHEMA).stream("?")) == [
        {"total": 9},
        {"total": 9, "tax": 1},
    ]


def test_a_strict_class_reads_json(server: ScriptedServer, model: ChatVLM) -> None:
    class Dated(BaseModel):
        model_config = ConfigDict(strict=True)
        day: date

    server.say('{"day": "2026-01-05"}')
    assert model.with_structured_output(Dated).invoke("?").day == date(2026, 1, 5)


FAILURES = [
    pytest.param("json_schema", {"arguments": "The total is 9."}, "no JSON", id="prose"),
    pytest.param("json_schema", {"arguments": "[9]"}, "does not match", id="no-object"),
    pytest.param(
        "json_schema",
        {"arguments": '{"total": ', "finish_reason": "length"},
        "finish_reason length",
        id="cut",
    ),
    pytest.param("json_schema", {"arguments": "", "refusal": "I will not."}, "I will not", id="declined"),
    pytest.param(
        "json_schema", {"arguments": "", "finish_reason": "content_filter"}, "content_filter", id="filtered"
    ),
    pytest.param("function_calling", {"arguments": '{"total": '}, "not JSON", id="broken-arguments"),
    pytest.param(
        "function_calling",
        {"arguments": '{"total": ', "finish_reason": "length"},
        "finish_reason length",
        id="cut-arguments",
    ),
]


@pytest.mark.parametrize(("method", "said", "problem"), FAILURES)
@pytest.mark.parametrize("schema", [Receipt, SCHEMA], ids=["class", "dict"])
def test_what_cannot_be_read_is_said(
    server: ScriptedServer, model: ChatVLM, schema: Any, method: Any, said: Any, problem: str
) -> None:
    answer(server, method, **said)
    with pytest.raises(OutputParserException, match=problem):
        model.with_structured_output(schema, method=method).invoke("?")
    kept = model.with_structured_output(schema, method=method, include_raw=True).invoke("?")
    assert kept["parsed"] is None
    assert problem in str(kept["parsing_error"])
    assert kept["raw"].response_metadata["route"]


def test_what_is_not_of_the_class_is_said(server: ScriptedServer, model: ChatVLM) -> None:
    server.say('{"total": "nine"}')
    with pytest.raises(OutputParserException, match="does not match the schema"):
        model.with_structured_output(Receipt).invoke("?")


def test_no_call_of_the_tool_is_an_error(server: ScriptedServer, model: ChatVLM) -> None:
    server.say("The total is 9.")
    reader = model.with_structured_output(Receipt, method="function_calling")
    with pytest.raises(OutputParserException, match="does not call Receipt"):
        reader.invoke("?")
    with pytest.raises(OutputParserException, match="does not call Receipt"):
        list(reader.stream("?"))


def test_a_stream_that_cannot_be_read_ends_with_an_error(server: ScriptedServer, model: ChatVLM) -> None:
    server.say('{"total": 9.0', finish_reason="length")
    pieces = model.with_structured_output(SCHEMA).stream("?")
    assert next(pieces) == {"total": 9.0}
    with pytest.raises(OutputParserException, match="finish_reason length"):
        list(pieces)


def test_an_error_shows_only_the_beginning_of_a_long_answer(server: ScriptedServer, model: ChatVLM) -> None:
    server.say("word " * 5000)
    with pytest.raises(OutputParserException) as caught:
        model.with_structured_output(Receipt).invoke("?")
    assert len(str(caught.value)) < 2000


def test_the_whole_answer_is_kept_beside_what_was_read(server: ScriptedServer, model: ChatVLM) -> None:
    answer(server, "json_schema")
    kept = model.with_structured_output(Receipt, include_raw=True).invoke("?")
    assert (kept["parsed"], kept["parsing_error"]) == (Receipt(total=9.0), None)
    assert kept["raw"].content == '{"total": 9.0}'


def test_tools_may_come_along(server: ScriptedServer, model: ChatVLM) -> None:
    def look(page: int) -> str:
        """Look at a page."""
        return str(page)

    server.call_tool("look", {"page": 1})
    server.say('{"total": 9.0}')
    reader = model.with_structured_output(Receipt, tools=[look], include_raw=True)
    first = reader.invoke("?")
    assert first["raw"].tool_calls[0]["name"] == "look"
    assert "calls look" in str(first["parsing_error"])
    assert reader.invoke("?")["parsed"] == Receipt(total=9.0)
    assert server.seen[0].options["tools"][0]["function"]["name"] == "look"


def test_traces_show_the_schema(server: ScriptedServer, model: ChatVLM) -> None:
    class Watch(BaseCallbackHandler):
        options: Any = None

        def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
            self.options = kwargs["options"]

    answer(server, "json_schema")
    watch = Watch()
    model.with_structured_output(Receipt).invoke("?", config={"callbacks": [watch]})
    shown = watch.options["ls_structured_output_format"]
    assert shown["kwargs"]["method"] == "json_schema"
    assert shown["schema"]["title"] == "Receipt"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param({"schema": Receipt, "method": "yaml"}, "yaml", id="method"),
        pytest.param({"schema": None}, "no schema", id="none"),
        pytest.param({"schema": 5}, "schema", id="number"),
        pytest.param({"schema": Receipt, "method": "json_mode", "strict": True}, "strict", id="strict"),
        pytest.param({"schema": Receipt, "temprature": 1}, "temprature", id="option"),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(model: ChatVLM, arguments: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        model.with_structured_output(**arguments)
