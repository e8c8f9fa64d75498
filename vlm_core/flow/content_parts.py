"""Parts of OpenAI's two APIs in the few kinds that are sent: a file as an image or as its text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from vlm_core.errors import InputError
from vlm_core.images.files import file_part

Part: TypeAlias = Mapping[str, Any]

_BESIDE = ("detail", "pages", "password", "cache_control")
_OF_TEXT = ("cache_control",)
_ADDRESS = re.compile(r"(https?):|data:", re.IGNORECASE)
_GIVE = 'Give the file itself: {"type": "file", "file": {"file_data": "data:...;base64,..."}}.'


def normalize_parts(
    messages: Sequence[Mapping[str, Any]], *, allow_private_urls: bool = False
) -> list[Mapping[str, Any]]:
    """A conversation without parts of type file, input_file, input_image and input_text.

    Args:
        messages: they stay as they are.
        allow_private_urls: whether a file's URL may lead to this machine or its network.

    Raises:
        InputError: a part holds no file, or one that is neither text nor picture nor PDF.

    Example:
        >>> file = {"type": "file", "file": {"file_data": "data:text/csv;base64,YSxi", "filename": "a.csv"}}
        >>> normalize_parts([{"role": "user", "content": [file]}])
        [{'role': 'user', 'content': [{'type': 'text', 'text': 'a,b'}]}]
    """
    return [_plain(message, f"messages[{at}]", allow_private_urls) for at, message in enumerate(messages)]


def _plain(message: Mapping[str, Any], place: str, allow_private_urls: bool) -> Mapping[str, Any]:
    content = message.get("content") if isinstance(message, Mapping) else None
    if not isinstance(content, (list, tuple)) or not any(_kind(part) in _READERS for part in content):
        return message
    parts = [
        _READERS[_kind(part)](part, f"{place}.content[{number}]", allow_private_urls)
        if _kind(part) in _READERS
        else part
        for number, part in enumerate(content)
    ]
    return {**message, "content": parts}


def _kind(part: object) -> str:
    kind = part.get("type") if isinstance(part, Mapping) else None
    return kind if isinstance(kind, str) else ""


def _of_file(part: Part, place: str, allow_private_urls: bool) -> Part:
    inner = part.get("file")
    file = inner if isinstance(inner, Mapping) else part
    held = next((file[name] for name in ("file_data", "file_url") if file.get(name) is not None), None)
    if not isinstance(held, (str, bytes)):
        problem = "names a file in one provider's store" if file.get("file_id") else "holds no file"
        raise InputError(f"{place} {problem}", hint=_GIVE)
    address = _ADDRESS.match(held) if isinstance(held, str) else None
    if address is not None and address[1]:
        return {"type": "image", "image": _source(str(held), allow_private_urls), **_beside(part, _BESIDE)}
    read = file_part(held if isinstance(held, bytes) or address else f"data:;base64,{held}", place)
    return {**read, **_beside(part, _OF_TEXT if read["type"] == "text" else _BESIDE)}


def _source(url: str, allow_private_urls: bool) -> Any:
    """To be fetched here, for providers fetch images alone."""
    from vlm_core.images.sources import expand

    return next(expand(url, allow_private_urls=allow_private_urls))


def _of_input_image(part: Part, place: str, allow_private_urls: bool) -> Part:
    return {**part, "type": "image_url"}


def _of_input_text(part: Part, place: str, allow_private_urls: bool) -> Part:
    return {**part, "type": "text"}


def _beside(part: Part, names: Sequence[str]) -> dict[str, Any]:
    return {name: part[name] for name in names if part.get(name) is not None}


_READERS: Mapping[str, Callable[[Part, str, bool], Part]] = {
    "file": _of_file,
    "input_file": _of_file,
    "input_image": _of_input_image,
    "input_text": _of_input_text,
}
