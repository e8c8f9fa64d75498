"""Conversations as they stand in the key of LangChain's cache: with a digest in place of each file.

LangChain writes all messages into the key, and keeps it. A picture would be there with a megabyte.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import BaseMessage

__all__ = ["Shortened", "in_full"]

_LONGEST = 1000
"""Characters that stay as they are; a digest is shorter."""


class Shortened(list[BaseMessage]):
    """Messages with digests in place of files, and those that are to be sent.

    Example:
        >>> from langchain_core.messages import HumanMessage
        >>> picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + 5000 * "A"}}
        >>> messages = [HumanMessage([picture])]
        >>> Shortened(messages)[0].content[0]["image_url"]["url"][:14]
        'sha256:55d53b7'
        >>> in_full(Shortened(messages)) is messages
        True
    """

    def __init__(self, messages: Sequence[BaseMessage]) -> None:
        super().__init__(_shortened(message) for message in messages)
        self.full = messages


def in_full(messages: Sequence[BaseMessage]) -> Sequence[BaseMessage]:
    """The messages that are to be sent, for those of a key."""
    return messages.full if isinstance(messages, Shortened) else messages


def _shortened(message: BaseMessage) -> BaseMessage:
    if isinstance(message.content, str):
        return message
    content = [_without_files(block) if isinstance(block, dict) else block for block in message.content]
    return message.model_copy(update={"content": content})


def _without_files(value: Any, name: object = None) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_files(held, key) for key, held in value.items()}
    if isinstance(value, list):
        return [_without_files(held) for held in value]
    if isinstance(value, str) and len(value) > _LONGEST and name != "text":
        return "sha256:" + hashlib.sha256(value.encode(errors="surrogatepass")).hexdigest()
    if isinstance(value, bytes):
        return "sha256:" + hashlib.sha256(value).hexdigest()
    return value
