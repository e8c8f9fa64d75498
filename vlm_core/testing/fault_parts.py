"""What faults are made of: the row of one, and a sound answer in its parts for it to spoil."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from vlm_core.errors import ConfigError
from vlm_core.option_names import did_you_mean
from vlm_core.testing.connection import Connection
from vlm_core.testing.replies import Answer, as_json, asks_for_usage
from vlm_core.testing.seen import Seen

TEXT = "This is a scripted answer."
UNICODE = "Übertrag: 9,00 € für 收据"
JSON = "application/json"
EVENTS = "text/event-stream"
DONE = b"data: [DONE]\n\n"

Value: TypeAlias = dict[str, Any]
"""A whole answer, or one chunk of a streamed one."""
Change: TypeAlias = Callable[[Value], Value]


@dataclass(frozen=True)
class ValidResponse(Answer):
    """An answer that can be taken apart before it is sent.

    Example:
        >>> question = Seen("POST", "/", {}, b'{"model": "m", "stream": true}')
        >>> [chunk["choices"][0]["delta"] for chunk in ValidResponse("TOTAL 9.00").chunks(question)]
        [{'role': 'assistant', 'content': ''}, {'content': 'TOTAL '}, {'content': '9.00'}, {}]
    """

    def chunks(self, seen: Seen) -> list[Value]:
        """Its chunks: the role, a word each, the end, and the usage where that was asked for."""
        envelope = self._envelope(seen, "chat.completion.chunk")
        deltas = [(delta, None) for delta in self._plain_deltas() if isinstance(delta, dict)]
        choices = [
            {"index": 0, "delta": delta, "finish_reason": reason}
            for delta, reason in [*deltas, ({}, self.finish_reason)]
        ]
        tail = [{**envelope, "choices": [], **self._usage(seen)}] if asks_for_usage(seen) else []
        return [{**envelope, "choices": [choice]} for choice in choices] + tail


@dataclass(frozen=True)
class Payload:
    """The body of an answer with status 200."""

    kind: str
    """Its media type."""
    pieces: tuple[bytes, ...]
    """One for each event; a whole answer is cut in two."""

    @property
    def body(self) -> bytes:
        """All of it."""
        return b"".join(self.pieces)

    def start(self, after: int) -> bytes:
        """What comes before a break: the role and so many pieces of text; of a whole one, its first half."""
        return b"".join(self.pieces[: 1 + after] if self.kind == EVENTS else self.pieces[:1])


def payload(seen: Seen, text: str, change: Change = dict) -> Payload:
    """What a sound answer would send, streamed or whole as the request wants it.

    Args:
        seen: the request.
        text: what the model says.
        change: is given the answer, or each of its chunks, and returns what is sent instead.

    Example:
        >>> payload(Seen("POST", "/", {}, b'{"stream": true}'), "TOTAL").pieces[-1]
        b'data: [DONE]\\n\\n'
    """
    answer = ValidResponse(text)
    if seen.stream:
        return Payload(EVENTS, (*(event(change(chunk)) for chunk in answer.chunks(seen)), DONE))
    body = as_json(change(answer.completion(seen)))
    middle = len(body) // 2
    return Payload(JSON, (body[:middle], body[middle:]))


def event(value: object) -> bytes:
    """An event of a stream.

    Example:
        >>> event({"choices": []})
        b'data: {"choices":[]}\\n\\n'
    """
    return b"data: " + as_json(value) + b"\n\n"


def head(seen: Seen, kind: str, **more: str) -> Mapping[str, str]:
    """The headers of an answer.

    Args:
        seen: the request.
        kind: media type of the body.
        more: headers, with _ in place of -.
    """
    others = {name.replace("_", "-"): value for name, value in more.items()}
    return {"Content-Type": kind, "X-Request-Id": f"req-{seen.number}", **others}


# --- the row of a fault ---------------------------------------------------------------------------

Act: TypeAlias = Callable[..., None]
"""Gets the request, the connection, and the settings by name."""


@dataclass(frozen=True)
class Fault:
    """One way in which a provider, or what lies before it, goes wrong. It is a reply like any other.

    Example:
        >>> def hang_up(seen, connection, seconds):
        ...     connection.wait(seconds)
        ...     connection.reset()
        >>> fault = Fault(2, "Breaks off after a while.", hang_up, {"seconds": 1.0})
        >>> fault.but(seconds=0.2).settings
        {'seconds': 0.2}
    """

    number: int
    """Which of the catalogue it is; one that has several forms goes by several names."""
    does: str
    """What the server does, in a sentence."""
    act: Act = field(repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What may be set, with its defaults."""

    def but(self, **settings: object) -> Fault:
        """The same fault with other settings.

        Raises:
            ConfigError: it has none of this name.
        """
        for name in settings:
            if name not in self.settings:
                raise unknown("This fault has no setting", name, self.settings)
        return replace(self, settings={**self.settings, **settings})

    def send(self, seen: Seen, connection: Connection) -> None:
        """Do it."""
        self.act(seen, connection, **self.settings)


def fault(number: int, does: str, act: Act, **settings: object) -> Fault:
    """A row of the table.

    Args:
        number: which of the catalogue it is.
        does: what the server does.
        act: the function that does it.
        settings: what may be set, with its defaults.
    """
    return Fault(number, does, act, settings)


def spoiled(number: int, does: str, act: Act, text: str = TEXT, **settings: object) -> Fault:
    """A row whose answer would be sound, were it not for the fault; its text may be set.

    Args:
        number: as for `fault`, as are the others.
        text: what the model says.
    """
    return Fault(number, does, act, {"text": text, **settings})


def unknown(what: str, name: str, known: Collection[str]) -> ConfigError:
    """The error for a name that is not among the known ones.

    Example:
        >>> print(unknown("Unknown fault", "refusl", ["refusal", "stalls"]))
        Unknown fault refusl. Did you mean refusal?
    """
    hint = did_you_mean(name, known, most=3) or f"There are: {', '.join(known) or 'none'}."
    return ConfigError(f"{what} {name}", hint=hint)
