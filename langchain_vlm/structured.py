"""Answers that have a structure: how they are asked for, and how they are read.

They are read after the model answered, so that `include_raw=True` keeps the answer whatever is wrong
with it, and what is wrong is said: cut, declined, no JSON, not of the schema, or no tool call.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import is_dataclass
from inspect import isfunction
from operator import itemgetter
from typing import Any, Literal, NamedTuple, TypeAlias, TypeGuard, cast

from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.output_parsers.transform import BaseTransformOutputParser
from langchain_core.outputs import ChatGeneration, Generation
from langchain_core.runnables import Runnable, RunnableMap, RunnablePassthrough
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_json_schema
from langchain_core.utils.json import parse_partial_json
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import PydanticUserError, TypeAdapter
from typing_extensions import is_typeddict

from langchain_vlm.tool_binding import as_choice, as_tools
from vlm_core import ConfigError, find_json
from vlm_core.integration import strict_schema

__all__ = [
    "Method",
    "StructureParser",
    "StructuredRequest",
    "as_response_format",
    "json_schema_of",
    "parsed",
    "request_for",
]

Method: TypeAlias = Literal["json_schema", "function_calling", "json_mode"]
# Characters of an answer that an error shows.
_SHOWN = 500


class StructuredRequest(NamedTuple):
    """How a model is asked for a structure."""

    bound: dict[str, Any]
    """Options of the calls."""
    wanted: object
    """What the answer becomes: a class, or by a JSON schema a dict."""
    tool_name: str | None = None
    """The tool whose arguments are the answer; None where the text is."""


def request_for(schema: object, method: str, strict: bool | None = None) -> StructuredRequest:
    """How to ask for a structure.

    Args:
        schema: a pydantic class, a dataclass, a TypedDict, or a JSON schema; None for any JSON in
            `json_mode`.
        method: "json_schema", "function_calling" or "json_mode".
        strict: whether the model must keep to the schema exactly; None leaves it unsaid.

    Raises:
        ConfigError: the method is not known, or the schema is not valid.

    Example:
        >>> request_for({"type": "object", "properties": {}}, "json_mode").bound["response_format"]
        {'type': 'json_object'}
    """
    if method not in _METHODS:
        raise ConfigError(f"method={method!r} is not known", hint=f"It is one of {', '.join(_METHODS)}.")
    if schema is None and method != "json_mode":
        raise ConfigError("there is no schema", hint='Give one, or method="json_mode" for any JSON.')
    if strict is not None and method == "json_mode":
        raise ConfigError("strict has no meaning in json_mode", hint="Leave it out, or use json_schema.")
    asked = _as_langchain_takes_it(schema)
    request = _METHODS[method](asked, strict)
    if schema is None:
        return request
    wanted = schema if _is_dataclass(schema) else asked
    # LangChain's traces show it.
    shown = {"kwargs": {"method": method, "strict": strict}, "schema": asked}
    return request._replace(wanted=wanted, bound={**request.bound, "ls_structured_output_format": shown})


def _by_schema(wanted: object, strict: bool | None) -> StructuredRequest:
    json_schema = _json_schema(wanted)
    json_schema = strict_schema(json_schema, json_schema["title"]) if strict else json_schema
    named: dict[str, Any] = {"name": json_schema["title"], "schema": json_schema}
    if strict is not None:
        named["strict"] = strict
    return StructuredRequest({"response_format": {"type": "json_schema", "json_schema": named}}, wanted)


def _by_tool(wanted: object, strict: bool | None) -> StructuredRequest:
    (tool,) = as_tools([wanted], strict)
    name = tool["function"]["name"]
    return StructuredRequest({"tools": [tool], "tool_choice": as_choice(name, [tool])}, wanted, name)


_ANY_JSON = {"response_format": {"type": "json_object"}}
_METHODS: Mapping[str, Callable[[object, bool | None], StructuredRequest]] = {
    "json_schema": _by_schema,
    "function_calling": _by_tool,
    "json_mode": lambda wanted, strict: StructuredRequest(_ANY_JSON, wanted),
}


def as_response_format(given: object) -> object:
    """A `response_format` as the client takes it; a class that it does not know as its JSON schema.

    Example:
        >>> as_response_format({"type": "json_object"})
        {'type': 'json_object'}
    """
    if given is None or isinstance(given, Mapping) or hasattr(given, "model_json_schema"):
        return given
    return _by_schema(_as_langchain_takes_it(given), None).bound["response_format"]


def _as_langchain_takes_it(schema: object) -> object:
    """A schema that LangChain converts rightly: a dataclass as its JSON schema, and that with a title.

    Raises:
        ConfigError: it is something else, such as an Enum, which LangChain would take for a function.
    """
    if _is_dataclass(schema):
        return {"title": schema.__name__, **_schema_of_dataclass(schema)}
    if isinstance(schema, Mapping):
        return _with_name(schema)
    is_class = isinstance(schema, type) and (is_basemodel_subclass(schema) or is_typeddict(schema))
    if is_class or schema is None or isfunction(schema) or isinstance(schema, BaseTool):
        return schema
    name = getattr(schema, "__name__", type(schema).__name__)
    raise ConfigError(
        f"the schema is {name}, which is not a class of objects",
        hint="Give a pydantic class with it as a field, a dataclass, a TypedDict or a JSON schema.",
    )


def _schema_of_dataclass(schema: type) -> dict[str, Any]:
    try:
        return TypeAdapter(schema).json_schema()
    except PydanticUserError as error:
        problem = str(error).partition("\n")[0][:200]
    raise ConfigError(
        f"the dataclass {schema.__name__} has no JSON schema: {problem}",
        hint="Define it, and the classes of its fields, in a module.",
    )


def _is_dataclass(schema: object) -> TypeGuard[type]:
    return isinstance(schema, type) and is_dataclass(schema)


def _with_name(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON schema with a title, which LangChain needs to have."""
    inner = schema.get("json_schema")
    if isinstance(inner, Mapping) and isinstance(inner.get("schema"), Mapping):  # OpenAI's response_format
        return {**inner["schema"], "title": inner.get("name") or "answer"}
    has_name = any(name in schema for name in ("title", "name", "function", "toolSpec"))
    return dict(schema) if has_name else {"title": "answer", **schema}


def _json_schema(schema: object) -> dict[str, Any]:
    try:
        return convert_to_json_schema(cast("Any", schema))
    except (TypeError, ValueError, KeyError) as error:
        problem = str(error)[:200]
    raise ConfigError(
        f"the schema is not valid: {problem}", hint="Give a pydantic class, a TypedDict or a JSON schema."
    )


def json_schema_of(request: StructuredRequest) -> Mapping[str, Any] | None:
    """The JSON schema of what is asked for; None for any JSON.

    Example:
        >>> json_schema_of(request_for(None, "json_mode")) is None
        True
    """
    if request.wanted is None:
        return None
    wanted = request.wanted
    return wanted if isinstance(wanted, Mapping) else _json_schema(_as_langchain_takes_it(wanted))


def parsed(
    model: Runnable[Any, AIMessage], parser: StructureParser, *, include_raw: bool
) -> Runnable[Any, Any]:
    """A model whose answers are read; with the answer itself, and what was wrong with it, where wanted."""
    if not include_raw:
        return model | parser
    reads = RunnablePassthrough.assign(parsed=itemgetter("raw") | parser, parsing_error=lambda _: None)
    fails = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=model) | reads.with_fallbacks([fails], exception_key="parsing_error")


class StructureParser(BaseTransformOutputParser[Any]):
    """Reads an answer as JSON, and as an object of a class where the schema is one.

    A stream gives what is there so far, where the schema is not a class, and in any case the whole.

    Example:
        >>> StructureParser(schema={"type": "object"}).invoke(AIMessage('{"total": 9.0}'))
        {'total': 9.0}
    """

    wanted: Any = None
    """The class, or the JSON schema."""
    tool_name: str | None = None
    """The tool whose arguments are the answer; None where the text is."""

    def __init__(self, schema: object = None, **fields: Any) -> None:
        super().__init__(**{"wanted": schema, **fields})

    @property
    def _type(self) -> str:
        return "vlm-structure"

    def parse(self, text: str) -> object:
        """An answer's text, read.

        Raises:
            OutputParserException: it cannot be read.
        """
        return self._read(AIMessage(content=text))

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> object:
        """An answer, read; of a part of one what is there, or None.

        Raises:
            OutputParserException: it cannot be read.
        """
        first = result[0]
        message = first.message if isinstance(first, ChatGeneration) else AIMessage(content=first.text)
        return self._so_far(message) if partial else self._read(message)

    def _transform(self, input: Iterator[str | BaseMessage]) -> Iterator[Any]:  # noqa: A002
        answer = _GrowingAnswer(self)
        for piece in input:
            yield from answer.with_piece(piece)
        yield from answer.end()

    async def _atransform(self, input: AsyncIterator[str | BaseMessage]) -> AsyncIterator[Any]:  # noqa: A002
        answer = _GrowingAnswer(self)
        async for piece in input:
            for value in answer.with_piece(piece):
                yield value
        for value in answer.end():
            yield value

    def _so_far(self, message: BaseMessage) -> dict[str, Any] | None:
        """What can be read of an answer that is not whole; of a class there is nothing in part."""
        wanted = self.wanted
        if isinstance(wanted, type) and (is_basemodel_subclass(wanted) or is_dataclass(wanted)):
            return None
        written: str = message.text
        if self.tool_name and isinstance(message, AIMessageChunk) and message.tool_call_chunks:
            written = message.tool_call_chunks[0]["args"] or written
        if not written.lstrip().startswith("{"):  # words; LangChain's parser would take long to see it
            return None
        try:
            partial = parse_partial_json(written)
        except (ValueError, TypeError, RecursionError):
            return None
        return partial if isinstance(partial, dict) and partial else None

    def _read(self, message: BaseMessage) -> object:
        if problem := _missing(message) or self._calls_others(message):
            raise _failure(problem, message)
        value = self._of_tool(message) if self.tool_name else _of_text(message)
        try:
            return self._as_wanted(value)
        except (TypeError, ValueError, RecursionError) as error:
            raise _failure(f"it does not match the schema: {str(error)[:_SHOWN]}", message) from None

    def _calls_others(self, message: BaseMessage) -> str:
        calls = message.tool_calls if isinstance(message, AIMessage) and not self.tool_name else []
        names = ", ".join(call["name"] for call in calls)
        return f"it calls {names} and gives no answer yet" if names and not message.text else ""

    def _of_tool(self, message: BaseMessage) -> object:
        if not isinstance(message, AIMessage):
            raise _failure("it is not an answer of a model", message)
        for call in message.tool_calls:
            if call["name"] == self.tool_name:
                return call["args"]
        broken = next((call["error"] for call in message.invalid_tool_calls), None)
        raise _failure(broken or f"it does not call {self.tool_name}", message)

    def _as_wanted(self, value: object) -> object:
        wanted = self.wanted
        if isinstance(wanted, type) and is_basemodel_subclass(wanted):
            # As JSON, for a strict class takes a date's string from there and from nowhere else.
            read = getattr(wanted, "model_validate_json", None) or wanted.parse_raw  # type: ignore[attr-defined]
            return read(json.dumps(value))
        if _is_dataclass(wanted):
            return TypeAdapter(wanted).validate_json(json.dumps(value))
        asks_for = wanted.get("type", "object") if isinstance(wanted, Mapping) else "object"
        if asks_for != "array" and not isinstance(value, dict):
            raise TypeError(f"it is a {type(value).__name__}, not an object")
        return value


class _GrowingAnswer:
    """A streamed answer: what can be read of it, each time that there is more."""

    def __init__(self, parser: StructureParser) -> None:
        self._parser = parser
        self._message: BaseMessage | None = None
        self._last: object = None

    def with_piece(self, piece: str | BaseMessage) -> Iterator[object]:
        chunk = AIMessageChunk(content=piece) if isinstance(piece, str) else piece
        self._message = chunk if self._message is None else cast("BaseMessage", self._message + chunk)
        partial = self._parser._so_far(self._message)
        if partial is not None and partial != self._last:
            self._last = partial
            yield partial

    def end(self) -> Iterator[object]:
        whole = self._parser._read(self._message or AIMessage(content=""))
        if whole != self._last:
            yield whole


def _missing(message: BaseMessage) -> str:
    """Why there is nothing to be read, where the provider says so."""
    if refusal := message.additional_kwargs.get("refusal"):
        return f"the model declined: {str(refusal)[:_SHOWN]}"
    is_filtered = message.response_metadata.get("finish_reason") == "content_filter"
    return "the provider's filter stopped it (finish_reason content_filter)" if is_filtered else ""


def _of_text(message: BaseMessage) -> object:
    json_value = find_json(message.text)
    if json_value.problem:
        raise _failure(json_value.problem, message)
    return json_value.data


def _failure(problem: str, message: BaseMessage) -> OutputParserException:
    if message.response_metadata.get("finish_reason") == "length":
        problem = f"it was cut at the limit of tokens (finish_reason length), raise max_tokens; {problem}"
    text = message.text
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"
    message_text = f"The answer cannot be used: {problem}. It says: {shown!r}"
    return OutputParserException(message_text, llm_output=shown)
