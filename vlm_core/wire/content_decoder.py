"""The content of an answer as it is to be read: whole characters, no thoughts, no fence around JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from vlm_core.errors import MalformedResponse


class SurrogateJoiner:
    """Joins the halves of characters beyond U+FFFF; a half without its other becomes U+FFFD.

    Example:
        >>> joiner = SurrogateJoiner()
        >>> [joiner.feed(piece) for piece in ("a\\ud83d", "\\ude00b", "\\ude00c")]
        ['a', '😀b', '\ufffdc']
    """

    def __init__(self) -> None:
        self.kept = ""

    def feed(self, piece: str) -> str:
        """What is whole now."""
        seen = self.kept + piece
        self.kept = seen[-1] if "\ud800" <= seen[-1:] <= "\udbff" else ""
        return joined(seen[:-1] if self.kept else seen)

    def end(self) -> str:
        """What stands for a half that was left over."""
        kept, self.kept = self.kept, ""
        return joined(kept)


def joined(text: str) -> str:
    """A text that UTF-8 can hold.

    Example:
        >>> joined("\\ud83d\\ude00 \\ud83d")
        '😀 \ufffd'
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


OPEN, CLOSE = "<think>", "</think>"
_FIELDS = ("reasoning_content", "reasoning", "reasoning_details")
_WORDS_IN = ("text", "thinking", "reasoning", "summary", "content")
_DEEPEST = 4
# Before the opening tag.
_MOST_BLANKS = 64


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


# Bounded, so that what is held back is short.
_LANGUAGE = r"[ \t]{0,8}[A-Za-z0-9_-]{0,32}[ \t]{0,8}\r?"
_OPENING = re.compile(rf"\s{{0,16}}```{_LANGUAGE}\n")
_PART_OF_OPENING = re.compile(rf"\s{{0,16}}(?:`{{0,2}}|```{_LANGUAGE})\Z")
_CLOSING = re.compile(r"\s*```\s*\Z")
_PART_OF_CLOSING = re.compile(r"\s*(?:`{1,3}\s*)?\Z")
_LONGEST_CLOSING = 64


class FenceStripper:
    """Takes off a fence that opens at the start of a text and closes at its very end.

    JSON cannot begin with a fence, so nothing else is ever lost.

    Example:
        >>> stripper = FenceStripper()
        >>> [stripper.feed(piece) for piece in ("``", "`json\\n", '{"a": 1}', "\\n``", "`\\n")]
        ['', '', '{"a": 1}', '', '']
        >>> stripper.end()
        ''
    """

    def __init__(self) -> None:
        self._kept = ""
        self._is_fenced: bool | None = None

    def feed(self, piece: str) -> str:
        """What of the text is certain now to stand inside the fence, or in no fence."""
        if self._is_fenced is False:
            return piece
        seen = self._kept + piece
        if self._is_fenced is None:
            if _PART_OF_OPENING.match(seen):
                self._kept = seen
                return ""
            opening = _OPENING.match(seen)
            self._is_fenced = opening is not None
            seen = seen[opening.end() :] if opening else seen
        return self._before_closing(seen) if self._is_fenced else seen

    def end(self) -> str:
        """What was held back and is not a fence."""
        kept, self._kept = self._kept, ""
        return _CLOSING.sub("", kept) if self._is_fenced else kept

    def _before_closing(self, seen: str) -> str:
        tail = seen[-_LONGEST_CLOSING:]
        found = _PART_OF_CLOSING.search(tail)
        self._kept = tail[found.start() :] if found else ""
        return seen[: len(seen) - len(self._kept)]


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
        # Both checks spare the usual piece, which is ASCII and behind the thoughts.
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
