"""JSON: the one value in an answer, values merged, and the body of a request."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Mapping
from itertools import chain, zip_longest
from typing import Any, NamedTuple

from vlm_core.completion import EncodedImage
from vlm_core.errors import ConfigError, InputError, VLMError
from vlm_core.wire.content_decoder import CLOSE, OPEN, is_thought


def merge(fields: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """Fields with others laid over them; dicts are merged key by key.

    Example:
        >>> merge({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 9}})
        {'a': {'b': 9, 'c': 2}, 'd': 3}
    """
    result = dict(fields)
    for name, value in extra.items():
        under = result.get(name)
        both = isinstance(under, Mapping) and isinstance(value, Mapping)
        result[name] = merge(under, value) if both else value  # type: ignore[arg-type]
    return result


def merge_into(fields: dict[str, Any], extra: Mapping[str, Any]) -> None:
    """As `merge`, in the fields themselves, so that many small pieces cost no more than one large one.

    Example:
        >>> fields = {"a": {"b": 1}}
        >>> merge_into(fields, {"a": {"c": 2}})
        >>> fields
        {'a': {'b': 1, 'c': 2}}
    """
    for name, value in extra.items():
        under = fields.get(name)
        if isinstance(under, dict) and isinstance(value, Mapping):
            merge_into(under, value)
        else:
            fields[name] = merge({}, value) if isinstance(value, Mapping) else value


def accumulated(before: object, more: object) -> object:
    """A value that grows piece by piece: texts and lists are joined, dicts merged, others replaced.

    Example:
        >>> accumulated("Look ", "closer."), accumulated([1], [2]), accumulated(None, 3)
        ('Look closer.', [1, 2], 3)
    """
    for kind in (str, list):
        if isinstance(before, kind) and isinstance(more, kind):
            return before + more  # type: ignore[operator]
    if isinstance(before, Mapping) and isinstance(more, Mapping):
        return merge(before, more)
    return more


NO_JSON = "the answer holds no JSON"
SEVERAL = "the answer holds more than one JSON value, and they differ"

# JSON, whether it goes on rightly or not. Any other bracket belongs to the words around it.
_BEGINNING = re.compile(
    r"""\{\s*+["}]"""  # an object
    r"""|\[(?:[\s\d,.eE+-]|true|false|null)*+["\[{\]]"""  # a list, perhaps with plain values first
)
# A bracket, or a string, whose brackets do not count. A string without an end runs to that of the text.
_TOKEN = re.compile(r"""[{\[]|[}\]]|"(?:[^"\\]|\\.)*+"?""", re.DOTALL)
_THOUGHTS = re.compile(rf"(?>\s*+{OPEN}.*?{CLOSE})++", re.DOTALL)
_ESCAPE = re.compile(r'\\(u[0-9a-fA-F]{4}|["\\/bfnrt])?')


class JSONValue(NamedTuple):
    """What `find_json` found."""

    data: Any = None
    problem: str = ""
    """Why there is no value; empty where there is one."""
    has_words_around: bool = False
    source: str = ""
    """The JSON as a decoder takes it."""


class _Region(NamedTuple):
    start: int
    end: int
    is_closed: bool


def find_json(text: str) -> JSONValue:
    """The one JSON value in an answer: an object or a list, or whatever value the whole answer is.

    Words, thoughts and code fences around it are passed over, and so are braces that hold no JSON. The same
    value twice is one; two different ones are a problem, and so is JSON that is cut off: a part of it is
    never taken for the whole. A flat list, such as the [1] of a footnote, counts where nothing else does.
    NaN and Infinity are not JSON. The time taken grows with the length of the text, whatever it holds.

    Args:
        text: the answer of a model.

    Returns:
        The value, or the problem.

    Example:
        >>> find_json('<think>{"total": 7}?</think>Here: {"total": 9}, as printed {see the foot}.').data
        {'total': 9}
        >>> find_json('{"items": [{"name": "Tea"}, {"na').problem
        'the answer holds no JSON'
        >>> find_json('{"total": 9} or {"total": 7}').problem
        'the answer holds more than one JSON value, and they differ'
    """
    text = text.strip()
    answer = _without_thoughts(text).strip()
    for whole in (text, answer):
        value = _decoded(whole)
        if not value.problem:
            return value
    values, is_cut = _values(answer)
    # The [1] of a footnote is JSON too.
    counted = [value for value in values if not _is_flat_list(value.data)] or values
    if not counted:
        return JSONValue(problem=NO_JSON)
    first, *others = counted
    if is_cut or any(not _is_same(value.data, first.data) for value in others):
        return JSONValue(problem=SEVERAL)
    return first._replace(has_words_around=True)


def _without_thoughts(text: str) -> str:
    thoughts = _THOUGHTS.match(text)
    rest = text[thoughts.end() :] if thoughts else text
    if rest.lstrip().startswith(OPEN):
        return ""  # a thought without an end
    before, tag, behind = rest.partition(CLOSE)
    is_opened_in_prompt = bool(tag) and not _BEGINNING.match(before.lstrip()) and is_thought(before)
    return behind if is_opened_in_prompt else rest


def _values(text: str) -> tuple[list[JSONValue], bool]:
    """All values that stand in a text, none of them within another, and whether the last one is cut off."""
    found: list[JSONValue] = []
    for region in _regions(text):
        if not region.is_closed:
            return found, True
        value = _decoded(text[region.start : region.end])
        if not value.problem:
            found.append(value)
    return found, False


def _regions(text: str) -> Iterator[_Region]:
    """Where JSON may stand. What is broken is passed over as a whole: a part of it is not the answer."""
    beginning = _BEGINNING.search(text)
    while beginning is not None:
        region = _region(text, beginning.start())
        yield region
        beginning = _BEGINNING.search(text, region.end)


def _region(text: str, start: int) -> _Region:
    depth = 0
    for token in _TOKEN.finditer(text, start):
        depth += (token[0] in "{[") - (token[0] in "}]")
        if not depth:
            return _Region(start, token.end(), True)
    return _Region(start, len(text), False)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse, strict=False)  # line breaks within strings are accepted


def _decoded(source: str) -> JSONValue:
    """The value of a text that is JSON from its first character to its last."""
    for version in (source, mended(source)) if "\\" in source else (source,):
        try:
            return JSONValue(_DECODER.decode(version), source=version)
        except (ValueError, RecursionError):  # ValueError: broken, or a number of thousands of digits
            continue
    return JSONValue(problem=NO_JSON)


def _is_flat_list(value: object) -> bool:
    return isinstance(value, list) and not any(isinstance(item, (dict, list)) for item in value)


def _is_same(one: object, other: object) -> bool:
    try:
        return bool(one == other)
    except RecursionError:
        return False


def mended(text: str) -> str:
    """JSON in which backslashes that escape nothing, as LaTeX has them, are themselves escaped.

    Example:
        >>> len(mended(chr(92) + "alpha")), len(mended(chr(92) + "n"))
        (7, 2)
    """
    return _ESCAPE.sub(lambda found: found[0] if found[1] else r"\\", text)


def serialize(fields: Mapping[str, Any]) -> bytes:
    """The fields as JSON in UTF-8, each EncodedImage in them as its data URI.

    Args:
        fields: the body, messages included.

    Raises:
        InputError: a message holds what JSON or UTF-8 cannot.
        ConfigError: an option does.

    Example:
        >>> serialize({"url": EncodedImage(b"GIF89a", "gif", 1, 1), "text": "Größe"}).decode()
        '{"url":"data:image/gif;base64,R0lGODlh","text":"Größe"}'
    """
    images: list[bytes] = []
    mark = secrets.token_hex(16)  # drawn afresh each time, so that no text can hold it
    try:
        skeleton = _dumped(fields, images, mark)
    except (TypeError, ValueError, RecursionError):
        skeleton = None
    if skeleton is None:  # raised out here, for the exception in there holds the whole body
        raise _fault(fields)
    return b"".join(chain.from_iterable(zip_longest(skeleton.split(mark.encode()), images, fillvalue=b"")))


def _dumped(value: object, images: list[bytes], mark: str) -> bytes:
    def stand_in(other: object) -> object:
        if isinstance(other, Mapping):
            return dict(other)
        if not isinstance(other, EncodedImage):
            raise TypeError(type(other).__name__)
        images.append(other.data_uri)  # called in the order in which the marks are written
        return mark

    text = json.dumps(value, default=stand_in, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode()


def _fault(fields: Mapping[str, Any]) -> VLMError:
    """The error for what cannot be encoded, naming the smallest part of the request that holds it."""
    for place, value in _places(fields):
        if problem := _problem(value):
            kind = InputError if place.startswith("messages") else ConfigError
            return kind(f"{place} cannot be sent: {problem}", hint="Take that out of it.")
    return ConfigError("The request cannot be written as JSON", hint="Give plain values only.")


def _places(fields: Mapping[str, Any]) -> chain[tuple[str, Any]]:
    options = [(str(name), value) for name, value in fields.items() if name != "messages"]
    messages = [(f"messages[{index}]", message) for index, message in enumerate(fields.get("messages", ()))]
    parts = [
        (f"{place}.content[{index}]", part)
        for place, message in messages
        if isinstance(message.get("content"), list)
        for index, part in enumerate(message["content"])
    ]
    return chain(parts, messages, options)


def _problem(value: object) -> str:
    try:
        _dumped(value, [], "")
    except UnicodeEncodeError as error:
        return f"it holds half a character, U+{ord(error.object[error.start]):04X}"
    except TypeError as error:
        return f"JSON has no place for {error}"
    except ValueError:
        return "it holds a number that is not finite, or itself"
    except RecursionError:
        return "it is nested too deeply"
    return ""
