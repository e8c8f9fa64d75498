"""A request as it arrived: what was asked, of which model, with which pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from vlm_core.catalog.routes import Endpoint
from vlm_core.catalog.schema import Provider
from vlm_core.errors import InputError
from vlm_core.secret import Secret
from vlm_core.testing.simulated_provider import Refusal, endpoint_of


@dataclass(frozen=True)
class SeenImage:
    """A picture as a request held it. It is decoded only when its size is asked for.

    Example:
        >>> image = SeenImage("data:image/png;base64,R0lGODlh", "user", "messages[0].content[1]")
        >>> image.declared, image.format, image.data
        ('png', 'gif', b'GIF89a')
    """

    address: str = field(repr=False)
    """The data URI or URL, as it stood there."""
    role: str
    """Of the message that it is in."""
    position: str
    """Where in the request, as in "messages[0].content[1]"."""
    detail: Any = None
    first: bool = True
    """Whether no text stands before it in its message."""

    @property
    def url(self) -> str | None:
        """Its URL; None where the picture itself was sent."""
        return None if self.header else self.address

    @cached_property
    def header(self) -> str:
        """What stands before the comma of a data URI; nothing for a URL."""
        return self.address.partition(",")[0] if self.address[:5].lower() == "data:" else ""

    @property
    def declared(self) -> str | None:
        """The format that the data URI says: the subtype of its media type."""
        kind, _, subtype = self.header[5:].partition(";")[0].lower().partition("/")
        return subtype if kind == "image" else None

    @cached_property
    def data(self) -> bytes | None:
        """The file; None for a URL, and where the base64 is damaged."""
        from vlm_core.images.reading import data_uri_bytes

        if not self.header:
            return None
        try:
            return data_uri_bytes(self.address)
        except ValueError:
            return None

    @cached_property
    def format(self) -> str | None:
        """The format that the bytes are in, as png, jpeg, webp, gif, tiff or pdf; None for no picture."""
        from vlm_core.images.sniff import sniff

        kind = (sniff(self.data or b"") or "").lower()
        return {"heif": "heic"}.get(kind, kind) or None

    @cached_property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the upright picture in pixels; None where it cannot be decoded."""
        from vlm_core.images.decode import open_document

        if not self.data:
            return None
        try:
            with open_document(self.data, trusted=True) as document:
                page = document.page(1)
        except InputError:
            return None
        return page.width, page.height

    @property
    def width(self) -> int | None:
        """In pixels, upright; None where the picture cannot be decoded."""
        return self.size[0] if self.size else None

    @property
    def height(self) -> int | None:
        """In pixels, upright; None where the picture cannot be decoded."""
        return self.size[1] if self.size else None


@dataclass(eq=False)
class Seen:
    """A request that the server got.

    Example:
        >>> seen = Seen("POST", "/v1/chat/completions", {}, b'{"model": "m", "seed": 7}')
        >>> seen.model, seen.options, seen.images, seen.body_bytes
        ('m', {'seed': 7}, (), 25)
    """

    method: str
    path: str
    headers: Mapping[str, str]
    """By names in lower case; the values of Authorization and api-key are masked, see `api_key`."""
    body: bytes = field(default=b"", repr=False)
    api_key: Secret | None = None
    """The key that came with it."""
    provider: Provider = field(default=Provider(name="scripted", key_required=False), repr=False)
    """The provider that the server simulates."""
    connection: int = 0
    """Which of the server's TCP connections it came by, counted from 1."""
    number: int = 0
    """Which of the server's requests it is, counted from 1."""
    refusal: Refusal | None = None
    """Why it was refused; None where it got a scripted answer."""

    @cached_property
    def fields(self) -> Any:
        """The body, parsed; None where it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def _object(self) -> Mapping[str, Any]:
        return self.fields if isinstance(self.fields, dict) else {}

    @property
    def is_chat(self) -> bool:
        """Whether it is a question to a model, and not one for the list of models."""
        return self.method == "POST" and self._route.endswith("/chat/completions")

    @property
    def is_list(self) -> bool:
        """Whether it asks for the list of models."""
        return self.method == "GET" and self._route.endswith("/models")

    @property
    def _route(self) -> str:
        return self.path.partition("?")[0]

    @property
    def body_bytes(self) -> int:
        """How long the body was."""
        return len(self.body)

    @property
    def model(self) -> str:
        """The model that was asked; "" where none was named."""
        model = self._object.get("model")
        return model if isinstance(model, str) else ""

    @property
    def stream(self) -> bool:
        """Whether the answer is to be streamed."""
        return self._object.get("stream") is True

    @property
    def options(self) -> dict[str, Any]:
        """All fields but model, messages and stream."""
        return {
            name: value for name, value in self._object.items() if name not in ("model", "messages", "stream")
        }

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The conversation, as it was sent."""
        messages = self._object.get("messages")
        return [m for m in messages if isinstance(m, dict)] if isinstance(messages, list) else []

    @property
    def text(self) -> str:
        """All text of the conversation, a line for each part."""
        return "\n".join(
            text
            for message in self.messages
            for part in content_parts(message)
            if isinstance(text := part.get("text"), str)
        )

    @cached_property
    def images(self) -> tuple[SeenImage, ...]:
        """All pictures of the conversation, in order."""
        return tuple(
            image for number, message in enumerate(self.messages) for image in _images(message, number)
        )

    @cached_property
    def endpoint(self) -> Endpoint:
        """What the catalog knows of the model and which provider the server simulates."""
        return endpoint_of(self.provider, self.model)


def calls_in(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The tool calls of a message.

    Example:
        >>> calls_in({"role": "assistant", "content": None})
        []
    """
    calls = message.get("tool_calls")
    return [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []


def content_parts(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The parts of a message's content, a plain string being one part.

    Example:
        >>> content_parts({"role": "user", "content": "hello"})
        [{'type': 'text', 'text': 'hello'}]
    """
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def _images(message: Mapping[str, Any], number: int) -> Iterator[SeenImage]:
    first = True
    for index, part in enumerate(content_parts(message)):
        first = first and part.get("type") != "text"
        if part.get("type") != "image_url":
            continue
        image = part.get("image_url")
        source = image if isinstance(image, dict) else {"url": image}
        yield SeenImage(
            address=str(source.get("url") or ""),
            role=str(message.get("role")),
            position=f"messages[{number}].content[{index}]",
            detail=source.get("detail"),
            first=first,
        )
