"""Server-sent events from bytes as they come, however they are cut.

Made by the WHATWG's rules for event streams, but for three things that servers do: a data line that is
blank, or begins with a colon, is a keep-alive; an event at the very end needs no blank line; and JSON on a
line of its own, without "data:", is data, for an error often comes so.
"""

from __future__ import annotations

from typing import TypeAlias

from vlm_core.errors import MalformedResponse

Event: TypeAlias = tuple[str, str]
"""The event's type, "" where it names none, and its data."""

MAX_EVENT_BYTES = 16 * 1024 * 1024
# Those beside data; a comment's name is empty.
_FIELDS = ("", "event", "id", "retry")


class EventDecoder:
    """Bytes in, events out. Lines end at LF, CR or CRLF, and nowhere else.

    Bytes that are not UTF-8 become U+FFFD.

    Args:
        max_event_bytes: more than so many without an end are not kept.

    Example:
        >>> decoder = EventDecoder()
        >>> decoder.feed(b"data: {")
        []
        >>> decoder.feed(b"}\\n\\n: keep-alive\\n\\ndata: [DONE]\\n\\n")
        [('', '{}'), ('', '[DONE]')]
    """

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max_size = max_event_bytes
        self._line: list[bytes] = []  # pieces of the line that has not ended
        self._data: list[str] = []  # lines of the event that has not ended
        self._size = 0  # bytes of both
        self._type = ""
        self._is_bare = False  # the last line was JSON without "data:"
        self.empty_events = 0
        """How many events had nothing in them."""
        self._skip_lf = False
        self._at_start = True

    def feed(self, data: bytes) -> list[Event]:
        """The events that these bytes end.

        Args:
            data: what came, cut anywhere.

        Raises:
            MalformedResponse: an event has more bytes than are kept.
        """
        if self._skip_lf and data:
            data = data.removeprefix(b"\n")
            self._skip_lf = False
        if not (self._size or self._data) and _is_one_event(data):
            self._at_start = False
            kind, self._type = self._type, ""
            return [(kind, data[6:-2].decode(errors="replace"))]
        end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        self._size += len(data)
        if not end:
            self._line.append(data)
            events = []
        else:
            block = b"".join((*self._line, data[:end])) if self._line else data[:end]
            self._line = [data[end:]] if end < len(data) else []
            self._skip_lf = data.endswith(b"\r")
            events = self._events(_lines(block))
        if self._size > self._max_size:
            raise MalformedResponse(f"One event of the stream has more than {self._max_size:,} bytes")
        return events

    def finish(self) -> list[Event]:
        """The event that came last, where nothing ends it."""
        return self.feed(b"\n\n")

    def _events(self, lines: list[str]) -> list[Event]:
        events: list[Event] = []
        open_event = self._data
        if self._at_start:
            lines[0] = lines[0].removeprefix("\ufeff")
            self._at_start = False
        for line in lines:
            if line.startswith("data:"):
                self._is_bare = False
                self._data.append(line[6:] if line.startswith(" ", 5) else line[5:])
            elif line:
                self._other_line(line)
            elif self._data or self._type:
                self._dispatch(events)
        if not self._data or self._data is not open_event:
            self._size = sum(map(len, self._data)) + sum(map(len, self._line))
        return events

    def _other_line(self, line: str) -> None:
        name, _, value = line.partition(":")
        # JSON that is spread over lines goes on until a blank line or a field.
        self._is_bare = line.startswith("{") or (self._is_bare and name not in _FIELDS)
        if self._is_bare:
            self._data.append(line)
        elif name == "event":
            self._type = value.removeprefix(" ")

    def _dispatch(self, events: list[Event]) -> None:
        data = self._data[0] if len(self._data) == 1 else "\n".join(self._data)
        if self._type == "error" or (data and data[0] != ":" and not data.isspace()):
            events.append((self._type, data))
        else:
            self.empty_events += 1
        self._type, self._is_bare = "", False
        self._data = []


def _is_one_event(data: bytes) -> bool:
    """Whether some bytes are one event as nearly all are, which is then read four times as fast."""
    is_framed = data.startswith(b"data: {") and data.endswith(b"}\n\n")
    return is_framed and data.find(b"\n") == len(data) - 2 and b"\r" not in data


def _lines(block: bytes) -> list[str]:
    """The lines of a block that ends with one."""
    text = block.decode(errors="replace")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    lines.pop()
    return lines
