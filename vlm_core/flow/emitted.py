"""What the caller of a stream has been given, and what of a new answer is still to be given.

A stream that broke can be continued by another answer only where that begins with what was given.
Two different answers are never put together.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from vlm_core.completion import Completion, Delta, ToolCall, ToolCallDelta


@dataclass
class _Call:
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass
class EmittedText:
    """The pieces of an answer that were handed on.

    Example:
        >>> given = EmittedText()
        >>> given.add(Delta("TOT"))
        >>> given.rest_of(Completion("TOTAL 9.00"))
        [Delta(text='AL 9.00', reasoning='', tool_calls=())]
        >>> given.rest_of(Completion("The total is 9.00")) is None
        True
    """

    pieces: list[str] = field(default_factory=list)
    """Of text; joined only where they are compared, for an answer may have a million."""
    calls: dict[int, _Call] = field(default_factory=dict)
    is_begun: bool = False
    """Whether anything of the answer was given; thoughts are none of it."""

    @property
    def text(self) -> str:
        """All text that was handed on."""
        return "".join(self.pieces)

    def add(self, delta: Delta) -> None:
        """A piece was handed on."""
        self.pieces.append(delta.text)
        for piece in delta.tool_calls:
            call = self.calls.setdefault(piece.index, _Call())
            call.id, call.name = call.id or piece.id or "", call.name + (piece.name or "")
            call.arguments += piece.arguments
        self.is_begun = self.is_begun or bool(delta.text or delta.tool_calls)

    def rest_of(self, completion: Completion) -> list[Delta] | None:
        """The pieces that make a whole of what was given; None where the answer is another one."""
        given = self.text
        if not completion.text.startswith(given) or len(self.calls) > len(completion.tool_calls):
            return None
        rests = [self._rest_of_call(number, call) for number, call in enumerate(completion.tool_calls)]
        if None in rests:
            return None
        pieces = tuple(rest for rest in rests if rest and (rest.id or rest.name or rest.arguments))
        rest = Delta(completion.text[len(given) :], tool_calls=pieces)
        return [rest] if rest.text or rest.tool_calls else []

    def whole(self, completion: Completion) -> Completion:
        """An answer, its tool calls under the ids that were given before."""
        calls = (
            replace(call, id=self.calls[number].id or call.id) if number in self.calls else call
            for number, call in enumerate(completion.tool_calls)
        )
        return replace(completion, tool_calls=tuple(calls))

    def _rest_of_call(self, number: int, call: ToolCall) -> ToolCallDelta | None:
        given = self.calls.get(number)
        if given is None:
            return ToolCallDelta(number, call.id, call.name, call.arguments)
        if given.name not in ("", call.name) or not call.arguments.startswith(given.arguments):
            return None
        return ToolCallDelta(
            number,
            None if given.id else call.id,
            None if given.name else call.name,
            call.arguments[len(given.arguments) :],
        )
