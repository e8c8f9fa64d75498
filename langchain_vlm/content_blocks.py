"""The blocks of a message's content as the client's parts, whichever API's shape they have.

A block is sent, or refused with an InputError that names its place and never shows what it holds.
A mark for prompt caching (`cache_control`) goes along. What else a block says beside its content (ids,
annotations) is for other APIs, and is left out.
No path that stands in a message is opened, for a message may come from a stranger.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeAlias

from vlm_core import InputError
from vlm_core.integration import base64_as_uri, file_part

__all__ = ["CALLS", "THOUGHTS", "Block", "Part", "is_a", "parts_of"]

Block: TypeAlias = Mapping[str, Any]
Part: TypeAlias = dict[str, Any]

_ADDRESS = re.compile(r"(https?://|data:)", re.IGNORECASE)
_WEB = re.compile(r"https?://", re.IGNORECASE)
_DATA = re.compile(r"data:", re.IGNORECASE)
_BESIDE = ("detail", "pages", "password")
_GIVE = "Give the picture or PDF itself, as image_block(path) makes it."
THOUGHTS = frozenset({"reasoning", "thinking", "redacted_thinking", "reasoning_content"})
"""Types of what a model thought, which is never sent as text."""
CALLS = frozenset({"tool_use", "tool_call", "tool_call_chunk", "invalid_tool_call", "function_call"})
"""Types of tool calls in the content of the assistant."""


def parts_of(
    content: Iterable[object],
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
        for part in marked(_parts(block, f"{where}.content[{number}]", allow_private_urls), block)
    ]


def marked(parts: list[Part], block: object) -> list[Part]:
    """Parts with a block's mark for prompt caching, if it has one, at the last of them.

    Example:
        >>> marked([{"type": "text", "text": "Hi"}], {"cache_control": {"type": "ephemeral"}})
        [{'type': 'text', 'text': 'Hi', 'cache_control': {'type': 'ephemeral'}}]
    """
    mark = _beside(block).get("cache_control") if isinstance(block, Mapping) else None
    return parts if mark is None or not parts else [*parts[:-1], {**parts[-1], "cache_control": mark}]


def _beside(block: Block) -> Block:
    """What a block says beside its content; LangChain's own have `extras` for that."""
    extras = block.get("extras")
    return {**extras, **block} if isinstance(extras, Mapping) else block


def is_a(block: object, kinds: Collection[str]) -> bool:
    """Whether a block is of one of these types.

    Example:
        >>> is_a({"type": "reasoning", "reasoning": "It says 9.00."}, THOUGHTS)
        True
    """
    kind = block.get("type") if isinstance(block, Mapping) else None
    return isinstance(kind, str) and kind in kinds


def _parts(block: object, where: str, allow_private_urls: bool) -> list[Part]:
    if isinstance(block, str):
        return [_text(block)]
    if not isinstance(block, Mapping):
        raise InputError(f"{where} is a {type(block).__name__}", hint="Give a text, or a dict with a type.")
    if held := next((block[name] for name in _GEMINIS if isinstance(block.get(name), Mapping)), None):
        return _document(_of_gemini(held), where, allow_private_urls)
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


def _titled(text: str, block: Block) -> list[Part]:
    """A text file, with its title and what is said of it."""
    lines = (block.get("title"), block.get("context"), text)
    return [_text("\n".join(line for line in lines if isinstance(line, str)))]


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


def _held(block: Block, where: str) -> object:
    """What a block of a picture or document holds: an address, or base64 as a data URI, or an object."""
    source = block.get("source")
    if isinstance(source, Mapping):  # Anthropic's
        return _held(source, where)
    if (image := block.get("image")) is not None:
        return image
    encoded = _first(block, "base64", "data", "file_data")
    if encoded is not None:
        return _as_data_uri(encoded)
    if (address := _first(block, "url", "file_uri", "file_url")) is not None:
        return address
    if _first(block, "file_id", "id") is not None:
        raise InputError(f"{where} names a file in one provider's store", hint=_GIVE)
    raise InputError(f"{where} has the type {block.get('type')} and holds nothing", hint=_GIVE)


def _first(block: Block, *names: str) -> object:
    return next((block[name] for name in names if block.get(name) is not None), None)


def _as_data_uri(encoded: object) -> object:
    # The bytes tell which kind of file it is. Some put a whole data URI here, or a web address.
    if isinstance(encoded, str) and not _ADDRESS.match(encoded):
        return "data:;base64," + encoded
    return encoded


def _of_image_url(block: Block, where: str) -> list[Part]:
    """OpenAI's two: `image_url` holds an object or the address itself."""
    inner = block.get("image_url")
    inner = inner if isinstance(inner, Mapping) else {"url": inner}
    if inner.get("url") is None:
        return _of_image({"type": block.get("type"), "file_id": block.get("file_id")}, where)
    return [_picture(inner["url"], {**block, **inner}, where)]


def _picture(image: object, block: Block, where: str) -> Part:
    fields = _beside(block)
    beside = {name: fields[name] for name in _BESIDE if fields.get(name) is not None}
    if not isinstance(image, str):
        return {"type": "image", "image": image, **beside}
    image = image if _ADDRESS.match(image) else base64_as_uri(image, where)
    if image is None:
        raise InputError(
            f"{where} holds neither a web address nor a data URI nor base64",
            hint="A path in a message is not opened. Give the file with image_block(path).",
        )
    detail = {"detail": beside.pop("detail")} if "detail" in beside else {}
    return {"type": "image_url", "image_url": {"url": image, **detail}, **beside}


# --- documents -----------------------------------------------------------------------------------


def _document(block: Block, where: str, allow_private_urls: bool) -> list[Part]:
    """A file: a PDF becomes its pages, a picture stays one, and text is text, as its bytes say."""
    inner = block.get("file")
    if isinstance(inner, Mapping):  # OpenAI's
        return _document({**block, **inner, "file": None}, where, allow_private_urls)
    source = block.get("source")
    source_block = source if isinstance(source, Mapping) else block
    if isinstance(source_block.get("content"), (str, list)):
        content = source_block["content"]
        return parts_of([content] if isinstance(content, str) else content, where)
    text = _written_text(source_block, where)
    if text is not None:
        return _titled(text, {**source_block, **block})
    file = _held(block, where)
    if isinstance(file, str) and not _WEB.match(file) and not _ADDRESS.match(file):
        file = base64_as_uri(file, where) or file
    if isinstance(file, bytes) or (isinstance(file, str) and _DATA.match(file)):
        part = file_part(file, where)
        if part["type"] == "text":
            return _titled(part["text"], {**source_block, **block})
    return [_picture(_downloadable(file, source_block, allow_private_urls), block, where)]


def _written_text(block: Block, where: str) -> str | None:
    """The text of a document that is written out in it; None where it is a file."""
    if isinstance(text := block.get("text"), str):
        return text
    if block.get("source_type") == "text":  # where LangChain's v0 had the text in its URL
        return _string(block, "url", where)
    if block.get("type") == "text":  # Anthropic's, which has it as `data`
        return _string(block, "data", where)
    return None


def _of_gemini(part: Block) -> Block:
    """Gemini's inline_data or file_data, in either spelling, as a document."""
    return {
        "mime_type": _first(part, "mime_type", "mimeType"),
        "data": part.get("data"),
        "file_uri": _first(part, "file_uri", "fileUri"),
    }


def _downloadable(file: object, block: Block, allow_private_urls: bool) -> object:
    """A document's address as a source to be fetched here, for providers fetch nothing but images."""
    is_image = str(_first(block, "mime_type", "media_type") or "").startswith("image/")
    if isinstance(file, str) and _WEB.match(file) and not is_image:
        from vlm_core.integration import expand

        return next(expand(file, allow_private_urls=allow_private_urls))
    return file


_DOCUMENTS = frozenset({"file", "document", "input_file", "media", "text-plain"})
# Names under which Gemini's own parts hold a file.
_GEMINIS = ("inline_data", "inlineData", "file_data", "fileData")
_READERS: Mapping[str, Callable[[Block, str], list[Part]]] = {
    "text": _of_text,
    "input_text": _of_text,
    "output_text": _of_text,
    "refusal": _of_refusal,
    "json": _of_json,
    "search_result": _of_json,
    "image": _of_image,
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
