"""A request's body: JSON, into which the images are laid without going through the JSON encoder.

A page of one MiB is a string of 1.4 million characters, and json.dumps would look at each of them.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from itertools import chain, zip_longest
from typing import Any

from vlm_core.completion import EncodedImage
from vlm_core.errors import ConfigError, InputError, VLMError


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
