"""Where a JSON object ends that comes piece by piece, told without reading anything twice."""

from __future__ import annotations

import re

_MARK = re.compile(r'\\.|["\\{}\[\]]', re.DOTALL)


class ObjectEnd:
    """Counts brackets outside strings.

    Example:
        >>> end = ObjectEnd()
        >>> [end.feed(piece) for piece in ('{"a": "}', '"', "}", " ")], end.has_more
        ([False, False, True, False], False)
    """

    def __init__(self) -> None:
        self.has_more = False
        """Whether anything but blanks stands behind the end."""
        self._has_ended = False
        self._depth = 0
        self._in_string = False
        self._is_escaped = False

    def feed(self, piece: str) -> bool:
        """Whether the object ends in this piece."""
        if self._has_ended:
            self.has_more = self.has_more or bool(piece.strip())
            return False
        start = 1 if self._is_escaped and piece else 0
        self._is_escaped = self._is_escaped and not piece
        for mark in _MARK.finditer(piece, start):
            if self._ends_with(mark[0]):
                self._has_ended = True
                self.has_more = bool(piece[mark.end() :].strip())
                return True
        return False

    def _ends_with(self, mark: str) -> bool:
        if mark == '"':
            self._in_string = not self._in_string
        elif mark == "\\":  # the last character of a piece
            self._is_escaped = True
        elif not self._in_string and mark[0] != "\\":
            self._depth += 1 if mark in "{[" else -1
            return self._depth <= 0
        return False
