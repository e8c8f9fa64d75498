"""A stand-in for a vision model, so that programs of the documentation run without a key.

Its answers come from what the embedded OCR engine reads, by shared words and not by understanding.
"""

from __future__ import annotations

import atexit
import json
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any, TypeAlias

from vlm_core.catalog.registry import register
from vlm_core.catalog.schema import Provider
from vlm_core.completion import ToolCall
from vlm_core.ocr.refusals import NO_TEXT_WORD
from vlm_core.testing.replies import Answer
from vlm_core.testing.seen import Seen, content_parts
from vlm_core.testing.server import ScriptedServer

_PROVIDER = "demo"
_MODEL = "local-ocr"
_LOCK = Lock()


def demo_model() -> str:
    """The route of a stand-in for a vision model, to try programs out without a key and a network.

    It is not a model, and understands nothing. A server on 127.0.0.1 reads the pictures that it is sent
    with the embedded OCR engine, which the extra `local` installs, and answers

    - a question with the line that shares most words with it, of the pictures and of what tools returned;
    - a request without a question with all the text;
    - a request for JSON with values of the right types from such lines;
    - a question that names a file or a page, where tools are offered, with a call of the first tool that it
      can give that to; one that names none with a call of a tool that takes a query.

    The server is started once, and ends with the program. The route works in this process alone.

    Returns:
        A route for ChatVLM, VLM, VLMClient, DocumentReader and whatever else takes one.

    Example:
        >>> demo_model()
        'demo:local-ocr'
    """
    with _LOCK:
        _started()
    return f"{_PROVIDER}:{_MODEL}"


@lru_cache(maxsize=1)
def _started() -> ScriptedServer:
    # Requests hold pictures, which are large, and no test looks at what the demo has seen.
    server = ScriptedServer(api_key="", models=[_MODEL], keep=1).start()
    server.answer(demo_answer)
    atexit.register(server.stop)
    register(
        Provider(
            name=_PROVIDER,
            title="A stand-in on this machine",
            base_url=server.base_url,
            key_required=False,
            tools=True,
            response_formats=frozenset({"json_schema", "json_object", "tool"}),
        )
    )
    return server


# --- its answers ----------------------------------------------------------------------------------

_Schema: TypeAlias = Mapping[str, Any]
_BETWEEN_SENTENCES = re.compile(r"(?<=[.?!:])\s+|\n")
_FILE = re.compile(r"(?<![\w./-])[\w./-]+\.(?:png|jpe?g|tiff?|pdf|webp|gif|bmp)\b", re.IGNORECASE)
_PAGE = re.compile(r"\bpage (\d+)")
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
_ROW = re.compile(r"(\d++) ++(\S.{0,200}?) {1,80}(\d{1,20}\.\d\d)")
_STRINGS = {
    "currency": re.compile(r"\b(?:AUD|CAD|CHF|CNY|CZK|DKK|EUR|GBP|INR|JPY|NOK|PLN|SEK|USD)\b"),
    "date": re.compile(r"\b\d{4}-\d\d-\d\d\b|\b\d\d\.\d\d\.\d{4}\b"),
}
# What stands in the first line of a receipt.
_ON_TOP = frozenset({"shop", "merchant", "vendor", "seller"})
_FILE_NAMES = frozenset({"name", "image", "images", "file", "path", "document", "source"})
_SAYS_LITTLE = frozenset({"what", "which", "when", "where", "this", "that", "does", "there"})
_KEPT = 64
_NO_PICTURE = "This is the demo model. It answers from pictures alone, and was sent none."
_NO_LINE = "This is the demo model. No line that it was sent has a word of the question."


def demo_answer(seen: Seen) -> Answer:
    """The answer to a request.

    Example:
        >>> demo_answer(Seen("POST", "/v1/chat/completions", {}, b"{}")).text
        'This is the demo model. It answers from pictures alone, and was sent none.'
    """
    question = _question(seen)
    lines = list(_lines(seen))
    if call := _forced_call(seen, lines, question) or _call(seen, question):
        return Answer(tool_calls=(call,), finish_reason="tool_calls")
    if (schema := _schema(seen)) is not None:
        return Answer(json.dumps(_Form(schema, lines, question).filled(), ensure_ascii=False))
    if question and lines:
        return Answer(_best(lines, question) or _NO_LINE)
    text = "\n".join(line for image in seen.images for line in _read(image.data))
    return Answer(text or (NO_TEXT_WORD if seen.images else _NO_PICTURE))


# --- what it was asked -----------------------------------------------------------------------------


def _question(seen: Seen) -> str:
    """The last question of the user; "" where nothing was asked."""
    sentences = [part for message in _of_user(seen) for part in _BETWEEN_SENTENCES.split(_text(message))]
    return next((sentence.strip() for sentence in reversed(sentences) if sentence.rstrip().endswith("?")), "")


def _of_user(seen: Seen) -> list[Mapping[str, Any]]:
    return [message for message in seen.messages if message.get("role") == "user"]


def _text(message: Mapping[str, Any]) -> str:
    return "\n".join(str(part.get("text", "")) for part in content_parts(message))


def _lines(seen: Seen) -> Iterator[str]:
    """All lines of the pictures, the last picture first, then of what tools returned and the user wrote."""
    for image in reversed(seen.images):
        yield from _read(image.data)
    for message in reversed(seen.messages):
        if message.get("role") == "tool":
            yield from (line for line in _text(message).splitlines() if line and "⟦" not in line)
    for message in _of_user(seen):
        yield from (line for line in _text(message).splitlines() if not line.rstrip().endswith(("?", ":")))


@lru_cache(maxsize=_KEPT)
def _read(data: bytes | None) -> tuple[str, ...]:
    from vlm_core.jobs.reader import DocumentReader

    text = DocumentReader(task="text").read(data).text if data else ""
    return tuple(line for line in text.splitlines() if line.strip())


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w{4,}", text.lower())) - _SAYS_LITTLE


def _score(line: str, words: set[str]) -> int:
    return sum(word in line.lower() for word in words)


def _best(lines: Sequence[str], question: str) -> str:
    """The line that has most words of a question; "" where none has any."""
    words = _words(question)
    best = max(lines, key=lambda line: _score(line, words), default="")
    return best if _score(best, words) else ""


# --- tools -----------------------------------------------------------------------------------------


def _tools(seen: Seen) -> list[_Schema]:
    offered = seen.options.get("tools")
    return [tool["function"] for tool in offered] if isinstance(offered, list) else []


def _forced_call(seen: Seen, lines: list[str], question: str) -> ToolCall | None:
    """A call of the tool that must be called: its arguments are the answer."""
    choice = seen.options.get("tool_choice")
    name = choice["function"]["name"] if isinstance(choice, dict) else None
    if name is None and not (choice == "required" and len(_tools(seen)) == 1):
        return None
    tool = next(tool for tool in _tools(seen) if name in (None, tool["name"]))
    return _called(tool, _Form(tool.get("parameters", {}), lines, question).filled())


def _call(seen: Seen, question: str) -> ToolCall | None:
    """A call of a tool that can be given the file that the question is about; once for a question."""
    asked = max((n for n, message in enumerate(seen.messages) if question in _text(message)), default=0)
    if not question or any(message.get("role") == "tool" for message in seen.messages[asked:]):
        return None
    words = _text(seen.messages[asked])
    for tool in sorted(_tools(seen), key=lambda tool: "question" not in _properties(tool)):
        arguments = _arguments(tool, words, question)
        if arguments is not None:
            return _called(tool, arguments)
    return None


def _called(tool: _Schema, arguments: object) -> ToolCall:
    return ToolCall(f"call_{secrets.token_hex(4)}", tool["name"], json.dumps(arguments))


def _properties(tool: _Schema) -> _Schema:
    properties: _Schema = tool.get("parameters", {}).get("properties", {})
    return properties


def _arguments(tool: _Schema, words: str, question: str) -> dict[str, Any] | None:
    """What a tool is to be given; None where it needs what is not known."""
    page = _PAGE.search(words)
    known: dict[str, Any] = {"question": question, "query": question, "page": int(page[1]) if page else 1}
    arguments: dict[str, Any] = {}
    for name in tool.get("parameters", {}).get("required", []):
        value = known.get(name) or _file_for(name, _properties(tool)[name], words)
        if value is None:
            return None
        arguments[name] = value
    known_names = _FILE_NAMES | {"query"} | ({"page"} if page else set())
    return arguments if arguments.keys() & known_names else None


def _file_for(name: str, schema: _Schema, words: str) -> str | list[str] | None:
    file = _FILE.search(words)
    if name not in _FILE_NAMES or not file:
        return None
    takes_many = name == "images" or schema.get("type") == "array"
    return [file[0]] if takes_many else file[0]


# --- JSON ------------------------------------------------------------------------------------------


def _schema(seen: Seen) -> _Schema | None:
    """The JSON schema that the answer is to fit; {} for any JSON."""
    response_format = seen.options.get("response_format")
    if not isinstance(response_format, dict):
        return None
    schema: _Schema = response_format.get("json_schema", {}).get("schema", {})
    return schema


@dataclass(frozen=True)
class _Form:
    """Fills a JSON schema in, from lines of text."""

    schema: _Schema
    lines: Sequence[str]
    question: str

    def filled(self, schema: _Schema | None = None, name: str = "") -> Any:
        """A value of a schema, for what is called by a name."""
        schema = self._resolved(self.schema if schema is None else schema)
        if "enum" in schema or "const" in schema:
            return schema.get("const", next(iter(schema.get("enum", [None]))))
        if "properties" in schema:
            return {key: self.filled(part, key) for key, part in schema["properties"].items()}
        filler = _FILLERS.get(str(schema.get("type")), _Form._string)
        return filler(self, schema, name)

    def _resolved(self, schema: _Schema) -> _Schema:
        """What a reference leads to, and of several the first that is not null."""
        while "$ref" in schema or "anyOf" in schema:
            if "$ref" in schema:
                schema = self.schema["$defs"][schema["$ref"].rpartition("/")[2]]
            else:
                schema = next(part for part in schema["anyOf"] if part.get("type") != "null")
        return schema

    def _line(self, pattern: re.Pattern[str], name: str) -> str:
        """The line with what fits a pattern that has most words of a name and of the question; or ""."""
        fitting = [line for line in self.lines if pattern.search(line)]
        asked, named = _words(self.question), set(name.lower().split("_"))
        return max(fitting, key=lambda line: 2 * _score(line, named) + _score(line, asked), default="")

    def _number(self, schema: _Schema, name: str) -> float:
        numbers = _NUMBER.findall(self._line(_NUMBER, name))
        return float(numbers[-1].replace(",", "")) if numbers else 0.0

    def _string(self, schema: _Schema, name: str) -> str:
        if name in _ON_TOP:
            return next(iter(self.lines), "")
        pattern = _STRINGS.get(name)
        if pattern is None:
            return _best(self.lines, f"{name} {self.question}")
        match = pattern.search(self._line(pattern, name))
        return _in_iso(match[0]) if match else ""

    def _array(self, schema: _Schema, name: str) -> list[Any]:
        """The rows of the text that have a number, words and an amount, where such are wanted."""
        parts = self._resolved(schema.get("items", {})).get("properties", {})
        kinds = [str(self._resolved(part).get("type")) for part in parts.values()]
        if sorted(kinds) != ["integer", "number", "string"]:
            return []
        readers: dict[str, tuple[int, Callable[[str], Any]]] = {
            "integer": (1, int),
            "string": (2, str),
            "number": (3, float),
        }
        rows = [row for line in self.lines if (row := _ROW.fullmatch(line.strip()))]
        return [
            {key: readers[kind][1](row[readers[kind][0]]) for key, kind in zip(parts, kinds, strict=True)}
            for row in rows
        ]


_FILLERS: dict[str, Callable[[_Form, _Schema, str], Any]] = {
    "number": _Form._number,
    "integer": lambda form, schema, name: round(form._number(schema, name)),
    "array": _Form._array,
    "boolean": lambda form, schema, name: False,
    "object": lambda form, schema, name: {},
    "null": lambda form, schema, name: None,
}


def _in_iso(date: str) -> str:
    """A date as YYYY-MM-DD; anything else as it is."""
    parts = date.split(".")
    return "-".join(reversed(parts)) if len(parts) == 3 else date
