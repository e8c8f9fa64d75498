"""Servers whose tool calls come as public reports show them, streamed and whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from vlm_core.testing import Response, ScriptedServer, Seen


def written(piece: dict[str, Any]) -> dict[str, Any]:
    """A piece as it stands on the wire."""
    function = {name: piece[name] for name in ("name", "arguments") if name in piece}
    return {**{name: piece[name] for name in ("index", "id") if name in piece}, "function": function}


def as_events(chunks: list[list[dict[str, Any]]], finish: str | None) -> bytes:
    """A stream of chunks, each with some pieces of tool calls."""
    deltas = [{"tool_calls": [written(piece) for piece in pieces]} for pieces in chunks]
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": finish})
    events = [{"id": "x", "model": "m", "choices": [choice]} for choice in choices]
    return (
        b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events) + b"data: [DONE]\n\n"
    )


def as_answer(chunks: list[list[dict[str, Any]]], finish: str | None) -> bytes:
    """The calls of the same stream in one answer, which begins each with its named piece."""
    calls: list[dict[str, Any]] = []
    for piece in [piece for pieces in chunks for piece in pieces]:
        is_next = piece.get("name") and (not calls or calls[-1]["arguments"] not in ("", {}))
        if is_next:
            calls.append({**piece})
        elif isinstance(piece["arguments"], str):
            calls[-1]["arguments"] += piece["arguments"]
    message = {"role": "assistant", "content": None, "tool_calls": [written(call) for call in calls]}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return json.dumps({"id": "x", "model": "m", "choices": [choice]}).encode()


@pytest.fixture
def play() -> Callable[..., None]:
    """Queues an answer that calls tools: play(server, chunks, finish="tool_calls")."""

    def queue(server: ScriptedServer, chunks: list[Any], finish: str | None = "tool_calls") -> None:
        def answer(seen: Seen) -> Response:
            if seen.stream:
                return Response(200, as_events(chunks, finish), {"Content-Type": "text/event-stream"})
            return Response(200, as_answer(chunks, finish), {"Content-Type": "application/json"})

        server.answer(answer)

    return queue
