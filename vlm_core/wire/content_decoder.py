"""The content of an answer as it is to be read: whole characters, no thoughts, no fence around JSON."""

from __future__ import annotations

from vlm_core.errors import MalformedResponse
from vlm_core.wire.fence import FenceStripper
from vlm_core.wire.surrogates import SurrogateJoiner
from vlm_core.wire.thinking import ThinkingSplitter, words

_TYPES_OF_THOUGHT = ("thinking", "reasoning")


class ContentDecoder:
    """Turns pieces of content into text and thought.

    Args:
        hold: whether text is held back until it is known to be no thought.
        strip_fence: whether a code fence around all of the text goes.

    Example:
        >>> speech = ContentDecoder(hold=False, strip_fence=False)
        >>> speech.feed("<think>a sum"), speech.feed("</think>9.00"), speech.end()
        (('', 'a sum'), ('9.00', ''), ('', ''))
    """

    def __init__(self, *, hold: bool, strip_fence: bool) -> None:
        self._halves = SurrogateJoiner()
        self._thinking = ThinkingSplitter(hold=hold)
        self._fence = FenceStripper() if strip_fence else None

    def release(self) -> None:
        """Hold no text back from here on, since thoughts come apart from it."""
        self._thinking.release()

    def feed(self, content: object) -> tuple[str, str]:
        """The text and the thought that are certain now.

        Args:
            content: of a message or a piece of one: a string, or a list of parts.

        Raises:
            MalformedResponse: it is of another type.
        """
        thought = ""
        if not isinstance(content, str):
            content, thought = _split_parts(content)
        if not content.isascii() or self._halves.kept:
            content = self._halves.feed(content)
        if not self._thinking.over:
            content, tagged = self._thinking.feed(content)
            thought += tagged
        return (self._fence.feed(content) if self._fence else content), thought

    def end(self) -> tuple[str, str]:
        """What was held back, once nothing more comes."""
        text, thought = self._thinking.feed(self._halves.end())
        kept_text, kept_thought = self._thinking.end()
        text += kept_text
        if self._fence:
            text = self._fence.feed(text) + self._fence.end()
        return text, thought + kept_thought


def _split_parts(content: object) -> tuple[str, str]:
    """Text and thought of a content in parts."""
    if content is None:
        return "", ""
    if not isinstance(content, list):
        raise MalformedResponse(f"The content of the answer is of type {type(content).__name__}")
    spoken = [part for part in content if not _is_thought(part)]
    return words(spoken), words([part for part in content if _is_thought(part)])


def _is_thought(part: object) -> bool:
    return isinstance(part, dict) and part.get("type") in _TYPES_OF_THOUGHT
