"""What a model thinks aloud, apart from what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OPEN, CLOSE = "<think>", "</think>"
_FIELDS = ("reasoning_content", "reasoning", "reasoning_details")
_WORDS_IN = ("text", "thinking", "reasoning", "summary", "content")
_DEEPEST = 4
_MOST_BLANKS = 64
"""Before the opening tag."""


class ThinkingSplitter:
    """Splits the content of an answer into text and thought, piece by piece.

    A thought stands at the very start, between <think> and </think>. Where only </think> comes, since
    the opening tag was part of the prompt, all before it is thought, unless that stands in a code
    fence, as in an answer about such tags. To find that out the text must be held back, so it is done
    only where `hold` says so.

    Args:
        hold: whether text is held back until it is known to be no thought.

    Example:
        >>> splitter = ThinkingSplitter(hold=False)
        >>> [splitter.feed(piece) for piece in ("<thi", "nk>hm", "m</thin", "k>\\n\\nYes", ".")]
        [('', ''), ('', 'hm'), ('', 'm'), ('Yes', ''), ('.', '')]
        >>> ThinkingSplitter(hold=True).feed("hmm</think>Yes.")
        ('Yes.', 'hmm')
    """

    def __init__(self, *, hold: bool) -> None:
        self._hold = hold
        self._step = self._start
        self._kept: list[str] = []
        self._tail = ""

    @property
    def over(self) -> bool:
        """Whether all that comes now is text, and need not be fed."""
        return self._step == self._text

    def feed(self, piece: str) -> tuple[str, str]:
        """The text and the thought that are certain now."""
        return self._step(piece)

    def end(self) -> tuple[str, str]:
        """What was held back."""
        kept = "".join(self._kept)
        self._kept = []
        thinking = self._step == self._thought
        self._step = self._text
        return ("", kept) if thinking else (kept, "")

    def release(self) -> None:
        """Hold nothing back from here on: thoughts come apart from the text."""
        self._hold = False

    def _start(self, piece: str) -> tuple[str, str]:
        """Until it is known whether the opening tag stands here."""
        seen = "".join(self._kept) + piece
        bare = seen.lstrip()
        may_open = len(seen) - len(bare) <= _MOST_BLANKS
        if may_open and len(bare) < len(OPEN) and OPEN.startswith(bare):
            self._kept = [seen]
            return "", ""
        self._kept = []
        if may_open and bare.startswith(OPEN):
            self._step = self._thought
            return self._thought(bare[len(OPEN) :])
        self._step = self._held if self._hold else self._text
        return self._step(seen)

    def _thought(self, piece: str) -> tuple[str, str]:
        seen = "".join(self._kept) + piece
        thought, tag, text = seen.partition(CLOSE)
        if tag:
            return self._closed(thought, text)
        keep = _cut_tag(seen)
        self._kept = [seen[len(seen) - keep :]]
        return "", seen[: len(seen) - keep]

    def _held(self, piece: str) -> tuple[str, str]:
        if not self._hold:
            self._step = self._text
            return "".join(self._kept) + piece, ""
        self._kept.append(piece)
        near = self._tail + piece
        self._tail = near[-len(CLOSE) :]
        if CLOSE not in near:
            return "", ""
        seen = "".join(self._kept)
        thought, _, text = seen.partition(CLOSE)
        if is_thought(thought):
            return self._closed(thought, text)
        self._kept = []
        self._step = self._text
        return seen, ""

    def _closed(self, thought: str, text: str) -> tuple[str, str]:
        self._kept = []
        self._step = self._blank
        return self._blank(text)[0], thought

    def _blank(self, piece: str) -> tuple[str, str]:
        """The blank lines between a thought and the text."""
        text = piece.lstrip()
        if text:
            self._step = self._text
        return text, ""

    def _text(self, piece: str) -> tuple[str, str]:
        return piece, ""


def is_thought(before: str) -> bool:
    """Whether what stands before a closing tag is a thought, and no text that shows such a tag.

    Example:
        >>> is_thought("The page is blank."), is_thought("It looks so:\\n```\\nhm")
        (True, False)
    """
    return OPEN not in before and before.count("```") % 2 == 0


def _cut_tag(text: str) -> int:
    """How many characters at the end may be the start of the closing tag."""
    return next((size for size in range(len(CLOSE) - 1, 0, -1) if text.endswith(CLOSE[:size])), 0)


def reasoning_in(message: Mapping[str, Any]) -> str:
    """The thought that a message, or a piece of one, has in fields of its own.

    Some servers fill two fields with the same words, which then count once.

    Example:
        >>> reasoning_in({"reasoning": "hm", "reasoning_content": "hm"})
        'hm'
    """
    if not any(map(message.get, _FIELDS)):
        return ""  # as nearly always, so found out first
    *same, details = (words(message.get(name)) for name in _FIELDS)
    return "".join(dict.fromkeys(same)) or details


def words(value: object, deepest: int = _DEEPEST) -> str:
    """The words in a string, in a list of parts, or in a part, by whatever name it keeps them.

    Example:
        >>> words([{"type": "text", "text": "TOTAL "}, {"type": "text", "text": "9.00"}])
        'TOTAL 9.00'
    """
    if isinstance(value, str):
        return value
    if not deepest:
        return ""
    if isinstance(value, list):
        return "".join(words(part, deepest - 1) for part in value)
    if isinstance(value, Mapping):
        return next((words(value[name], deepest - 1) for name in _WORDS_IN if value.get(name)), "")
    return ""
