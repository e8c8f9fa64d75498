"""Pictures that became text on their way: a tool returned one, and not as a block in a list.

LangChain turns a tool's mere dict, bytes, or a list of anything else into a string. The model would then
read a hundred thousand characters of base64 and see nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import PurePath

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.runnables.config import var_child_runnable_config

from vlm_core import ImageWarning
from vlm_core.integration import holds_picture, warn_caller

__all__ = ["warn_of_lost_pictures", "warn_of_unsaved_pictures"]

_CHECKPOINTER = "__pregel_checkpointer"
"""Where LangGraph tells a node of the checkpointer of its graph."""
_SAVED = (str, bytes, bytearray, PurePath)
"""What LangGraph's checkpointers can save of what may stand for a picture."""


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
        if isinstance(message, ToolMessage) and any(map(holds_picture, _texts(message))):
            warn_caller(
                f"The tool {message.name or message.tool_call_id} returned a picture that became text, and "
                "the model sees none. Let it return a list of content blocks, each a dict: "
                "[image_block(picture)].",
                ImageWarning,
            )


def warn_of_unsaved_pictures(messages: Sequence[BaseMessage]) -> None:
    """Warn, within a graph with a checkpointer, where a block holds a decoded picture or an open file.

    It is sent all the same. If the message is part of the graph's state, LangGraph fails to save that,
    with a TypeError that says nothing of the picture.

    Args:
        messages: a conversation.

    Warns:
        ImageWarning: it names the block, and what to write instead.
    """
    config = var_child_runnable_config.get()
    if not config or (config.get("configurable") or {}).get(_CHECKPOINTER) in (None, False):
        return
    for number, message in enumerate(messages):
        for at, block in enumerate(message.content if isinstance(message.content, list) else ()):
            held = block.get("image") if isinstance(block, dict) and block.get("type") == "image" else None
            if held is not None and not isinstance(held, _SAVED):
                warn_caller(
                    f"messages[{number}].content[{at}] holds a {type(held).__name__}, which a checkpointer "
                    "cannot save. Write image_block(picture) in its place: that is plain JSON.",
                    ImageWarning,
                )


def _texts(message: ToolMessage) -> Iterator[str]:
    for block in [message.content] if isinstance(message.content, str) else message.content:
        text = block.get("text") if isinstance(block, dict) else block
        if isinstance(text, str):
            yield text
