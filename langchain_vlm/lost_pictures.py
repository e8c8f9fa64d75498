"""Pictures that became text on their way: a tool returned one, and not as a block in a list.

LangChain turns a tool's mere dict, bytes, or a list of anything else into a string. The model would then
read a hundred thousand characters of base64 and see nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from itertools import takewhile

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from vlm_core import ImageWarning, holds_picture

__all__ = ["warn_of_lost_pictures"]


def warn_of_lost_pictures(messages: Sequence[BaseMessage]) -> None:
    """Warn where a tool's text holds a picture, of which the model sees nothing.

    Only of results that are new, which no answer stands behind: each is sent again with every turn.

    Args:
        messages: a conversation.

    Warns:
        ImageWarning: a result holds one. It says what the tool is to return.

    Example:
        >>> text = '{"type": "image", "base64": "' + "R0lGODlh" * 200 + '"}'
        >>> with warnings.catch_warnings(record=True, action="always") as caught:
        ...     warn_of_lost_pictures([ToolMessage(text, name="look", tool_call_id="call_1")])
        >>> str(caught[0].message)[:56]
        'The tool look returned a picture that became text, and t'
    """
    for message in takewhile(lambda one: not isinstance(one, AIMessage), reversed(messages)):
        if isinstance(message, ToolMessage) and any(map(holds_picture, _texts(message))):
            warnings.warn(
                f"The tool {message.name or message.tool_call_id} returned a picture that became text, and "
                "the model sees none. Let it return a list of content blocks, each a dict: "
                "[image_block(picture)].",
                ImageWarning,
                stacklevel=2,
            )


def _texts(message: ToolMessage) -> Iterator[str]:
    for block in [message.content] if isinstance(message.content, str) else message.content:
        text = block.get("text") if isinstance(block, dict) else block
        if isinstance(text, str):
            yield text
