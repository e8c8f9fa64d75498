"""Pictures that became text on their way: a tool returned one, and not as a block in a list.

LangChain turns a tool's mere dict, bytes, or a list of anything else into a string. The model would then
read a hundred thousand characters of base64 and see nothing.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Sequence
from itertools import islice, takewhile

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from vlm_core import ImageWarning, sniff, warn_caller

__all__ = ["warn_of_lost_pictures"]

_HEAD = 64
"""Characters of base64 that tell what it is."""
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{1000,}")
_BYTES = re.compile(r"""b['"](\\x89PNG|\\xff\\xd8\\xff|GIF8|RIFF|%PDF-|II\*|MM\\x00)""")
"""How Python writes the bytes of a picture."""
_LOOKED_AT = 20
"""Long words without a blank; the picture is hardly behind that many."""


def warn_of_lost_pictures(messages: Sequence[BaseMessage]) -> None:
    """Warn where a tool's text holds a picture, of which the model sees nothing.

    Only of results that are new, which no answer stands behind: each is sent again with every turn.

    Args:
        messages: a conversation.

    Warns:
        ImageWarning: a result holds one. It says what the tool is to return.

    Example:
        >>> import warnings
        >>> text = '{"type": "image", "base64": "' + "R0lGODlh" * 200 + '"}'
        >>> with warnings.catch_warnings(record=True, action="always") as caught:
        ...     warn_of_lost_pictures([ToolMessage(text, name="look", tool_call_id="call_1")])
        >>> str(caught[0].message)[:56]
        'The tool look returned a picture that became text, and t'
    """
    for message in takewhile(lambda one: not isinstance(one, AIMessage), reversed(messages)):
        if isinstance(message, ToolMessage) and any(map(_holds_picture, _texts(message))):
            warn_caller(
                f"The tool {message.name or message.tool_call_id} returned a picture that became text, and "
                "the model sees none. Let it return a list of content blocks, each a dict: "
                "[image_block(picture)].",
                ImageWarning,
            )


def _texts(message: ToolMessage) -> Iterator[str]:
    for block in [message.content] if isinstance(message.content, str) else message.content:
        text = block.get("text") if isinstance(block, dict) else block
        if isinstance(text, str):
            yield text


def _holds_picture(text: str) -> bool:
    words = islice(_BASE64.finditer(text), _LOOKED_AT)
    return _BYTES.match(text) is not None or any(_is_picture(word[0][:_HEAD]) for word in words)


def _is_picture(encoded: str) -> bool:
    return sniff(binascii.a2b_base64(encoded)) is not None
