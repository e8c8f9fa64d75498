"""The code fence that models put around JSON, taken off as the answer comes."""

from __future__ import annotations

import re

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
