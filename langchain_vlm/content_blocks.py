"""The blocks of a message's content as the client's parts, whichever API's shape they have.

A block is sent, or refused with an InputError that names its place and never shows what it holds.
What a block says beside its content (`cache_control`, ids, annotations) is for other APIs, and stays.
No path that stands in a message is opened, for a message may come from a stranger.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeAlias

from vlm_core import InputError

__all__ = ["CALLS", "THOUGHTS", "Block", "Part", "is_a", "parts_of"]

Block: TypeAlias = Mapping[str, Any]
Part: TypeAlias = dict[str, Any]

_ADDRESS = re.compile(r"(https?://|data:)", re.IGNORECASE)
_WEB = re.compile(r"https?://", re.IGNORECASE)
_TEXT_TYPE = re.compile(r"text/|application/(json|xml)\b", re.IGNORECASE)
_BESIDE = ("detail", "pages", "password")
_GIVE = "Give the picture or PDF itself, as image_block(path) makes it."
THOUGHTS = frozenset({"reasoning", "thinking", "redacted_thinking", "reasoning_content"})
"""Types of what a model thought, which is never sent as text."""
CALLS = frozenset({"tool_use", "tool_call", "tool_call_chunk", "invalid_tool_call", "function_call"})
"""Types of tool calls in the content of the assistant."""


def parts_of(
    content: Iterable[Any],
    where: str,
    *,
    without: Collection[str] = (),
    allow_private_urls: bool = False,
) -> list[Part]:
    """The parts that the client takes, for the blocks of a message.

    Args:
        content: strings, and blocks in the shapes of LangChain (its v0 and v1), OpenAI's two APIs,
            Anthropic and Gemini.
        where: the message, as in "messages[2]".
        without: types of blocks that are passed over.
        allow_private_urls: whether a PDF's URL may lead to this machine or its network.

    Raises:
        InputError: a block is of a type that is not sent, or does not hold what its type says.

    Example:
        >>> parts_of([{"type": "image", "url": "https://example.com/a.png"}], "messages[0]")
        [{'type': 'image_url', 'image_url': {'url': 'https://example.com/a.png'}}]
    """
    return [
        part
        for number, block in enumerate(content)
        if not is_a(block, without)
        for part in _parts(block, f"{where}.content[{number}]", allow_private_urls)
    ]


def is_a(block: Any, kinds: Collection[str]) -> bool:
    """Whether a block is of one of these types.

    Example:
        >>> is_a({"type": "reasoning", "reasoning": "It says 9.00."}, THOUGHTS)
        True
    """
    kind = block.get("type") if isinstance(block, Mapping) else None
    return isinstance(kind, str) and kind in kinds


def _parts(block: Any, where: str, allow_private_urls: bool) -> list[Part]:
    if isinstance(block, str):
        return [_text(block)]
    if not isinstance(block, Mapping):
        raise InputError(f"{where} is a {type(block).__name__}", hint="Give a text, or a dict with a type.")
    kind = block.get("type", "text" if "text" in block else None)
    if not isinstance(kind, str):
        raise InputError(f"{where} has no type", hint='Write {"type": "text", "text": ...}, for example.')
    if kind == "non_standard":  # in which LangChain wraps what it does not know
        return _parts(block.get("value"), where, allow_private_urls)
    if kind in _DOCUMENTS:
        return _document(block, where, allow_private_urls)
    if kind not in _READERS:
        raise InputError(
            f"{where} has the type {kind[:50]!r}, which is not sent",
            hint=_ADVICE.get(kind, "Turn it into text, an image or a PDF, or leave it out."),
        )
    return _READERS[kind](block, where)


# --- texts ---------------------------------------------------------------------------------------


def _text(text: str) -> Part:
    return {"type": "text", "text": text}


def _of_text(block: Block, where: str) -> list[Part]:
    return [_text(_string(block, "text", where))]


def _of_refusal(block: Block, where: str) -> list[Part]:
    words = _string(block, "refusal", where)
    return [{"type": "refusal", "refusal": words}] if words else []


def _of_json(block: Block, where: str) -> list[Part]:
    """What a tool found, in JSON, as the model would read it."""
    try:
        return [_text(json.dumps(block.get("json", block), ensure_ascii=False))]
    except (TypeError, ValueError):
        raise InputError(f"{where} holds what JSON has no place for", hint="Turn it into text.") from None


def _of_plain_text(block: Block, where: str) -> list[Part]:
    """A text file, with its title and what is said of it."""
    encoded = block.get("base64", block.get("data"))
    text = _decoded(encoded, where) if isinstance(encoded, str) else _string(block, "text", where)
    said = (block.get("title"), block.get("context"), text)
    return [_text("\n".join(line for line in said if isinstance(line, str)))]


def _decoded(encoded: str, where: str) -> str:
    from base64 import b64decode

    try:
        return b64decode(encoded.partition(";base64,")[2] or encoded).decode()
    except ValueError:
        raise InputError(f"{where} is no text in UTF-8 and base64", hint="Give the text itself.") from None


def _string(block: Block, name: str, where: str) -> str:
    value = block.get(name)
    if not isinstance(value, str):
        raise InputError(
            f"{where} has the type {block.get('type')} and no {name}", hint=f"Give {name!r} as a string."
        )
    return value


# --- pictures ------------------------------------------------------------------------------------


def _of_image(block: Block, where: str) -> list[Part]:
    """LangChain's image in both versions, Anthropic's, and the client's own."""
    return [_picture(_held(block, where), block, where)]


def _held(block: Block, where: str) -> Any:
    """What a block of a picture or document holds: an address, or base64 as a data URI, or an object."""
    source = block.get("source")
    if isinstance(source, Mapping):  # Anthropic's
        return _held(source, where)
    if (given := block.get("image")) is not None:
        return given
    encoded = _first(block, "base64", "data")
    if encoded is not None:
        return _as_data_uri(encoded)
    if (address := _first(block, "url", "file_uri")) is not None:
        return address
    if _first(block, "file_id", "id") is not None:
        raise InputError(f"{where} names a file in one provider's store", hint=_GIVE)
    raise InputError(f"{where} has the type {block.get('type')} and holds nothing", hint=_GIVE)


def _first(block: Block, *names: str) -> Any:
    return next((block[name] for name in names if block.get(name) is not None), None)


def _as_data_uri(encoded: Any) -> Any:
    # What kind of file it is is told by its bytes; some put the whole data URI here.
    if isinstance(encoded, str) and encoded[:5] != "data:":
        return "data:;base64," + encoded
    return encoded


def _of_image_url(block: Block, where: str) -> list[Part]:
    """OpenAI's two: `image_url` holds an object or the address itself."""
    inner = block.get("image_url")
    inner = inner if isinstance(inner, Mapping) else {"url": inner}
    if inner.get("url") is None:
        return _of_image({"type": block.get("type"), "file_id": block.get("file_id")}, where)
    return [_picture(inner["url"], {**block, **inner}, where)]


def _picture(held: Any, block: Block, where: str) -> Part:
    extras = block.get("extras")
    found = {**(extras if isinstance(extras, Mapping) else {}), **block}
    beside = {name: found[name] for name in _BESIDE if found.get(name) is not None}
    if not isinstance(held, str):
        return {"type": "image", "image": held, **beside}
    if not _ADDRESS.match(held):
        raise InputError(
            f"{where} holds neither a web address nor a data URI nor base64",
            hint="A path in a message is not opened. Give the file with image_block(path).",
        )
    detail = {"detail": beside.pop("detail")} if "detail" in beside else {}
    return {"type": "image_url", "image_url": {"url": held, **detail}, **beside}


# --- documents -----------------------------------------------------------------------------------


def _document(block: Block, where: str, allow_private_urls: bool) -> list[Part]:
    """A file: a PDF becomes its pages, a picture stays one, and text is text."""
    inner = block.get("file")
    if isinstance(inner, Mapping):  # OpenAI's
        return _document({**block, **_opened(inner), "file": None}, where, allow_private_urls)
    source = block.get("source")
    found = source if isinstance(source, Mapping) else block
    kind = str(_first(found, "mime_type", "media_type") or "")
    if found.get("type") == "content" or isinstance(found.get("content"), (str, list)):
        content = found["content"]
        return parts_of([content] if isinstance(content, str) else content, where)
    if found.get("source_type") == "text":  # where LangChain's v0 had the text in its URL
        return [_text(_string(found, "url", where))]
    if _TEXT_TYPE.match(kind) and _first(found, "text", "base64", "data") is not None:
        return _of_plain_text({**found, "text": _first(found, "text", "data")} | _no_data(found), where)
    return [_picture(_downloadable(_held(block, where), allow_private_urls), block, where)]


def _no_data(found: Block) -> dict[str, None]:
    """Anthropic has a text as `data`, where others have base64."""
    return {"data": None} if found.get("type") == "text" else {}


def _opened(file: Block) -> dict[str, Any]:
    return {"base64": file.get("file_data"), "file_id": file.get("file_id")}


def _downloadable(held: Any, allow_private_urls: bool) -> Any:
    """A document's address as a source to be fetched here, for providers fetch nothing but images."""
    if isinstance(held, str) and _WEB.match(held):
        from vlm_core import expand

        return next(expand(held, allow_private_urls=allow_private_urls))
    return held


_DOCUMENTS = frozenset({"file", "document", "input_file"})
_READERS: Mapping[str, Callable[[Block, str], list[Part]]] = {
    "text": _of_text,
    "input_text": _of_text,
    "output_text": _of_text,
    "text-plain": _of_plain_text,
    "refusal": _of_refusal,
    "json": _of_json,
    "search_result": _of_json,
    "image": _of_image,
    "media": _of_image,
    "image_url": _of_image_url,
    "input_image": _of_image_url,
}
_ADVICE = {
    **dict.fromkeys(("audio", "input_audio"), "Transcribe it first, and send the text."),
    "video": "Send single pictures of it.",
    **dict.fromkeys(
        CALLS,
        "A tool call stands in a message of the assistant.",
    ),
    "tool_result": "A tool's result stands in a ToolMessage, or among the blocks of a HumanMessage.",
    "image_generation_call": "Give the picture that was made as an image.",
}
