"""The client's tool calls as servers send them, and turns with providers that want back what they sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from vlm_core import Completion, Provider, ResponseError, Route, ToolCall, VLMClient
from vlm_core.testing import Answer, ScriptedServer

Play: TypeAlias = Callable[..., None]
Ask: TypeAlias = Callable[[VLMClient, list[Any]], Completion]
ROWS = json.loads((Path(__file__).parent / "tool_streams.json").read_text())
STREAMED_ONLY = {8, 0}
USER = {"role": "user", "content": "Look."}
LOOK = {"name": "look", "parameters": {"type": "object", "properties": {"page": {"type": "integer"}}}}
TOOLS = [{"type": "function", "function": LOOK}]
SIGNATURE = {"extra_content": {"google": {"thought_signature": "c2lnbmF0dXJl"}}}
DETAILS = [
    {"type": "reasoning.text", "text": "The first ", "index": 0},
    {"type": "reasoning.text", "text": "page.", "signature": "c2lnbmF0dXJl", "index": 0},
]


def chat(client: VLMClient, messages: list[Any]) -> Completion:
    return client.chat(messages, tools=TOOLS)


def stream(client: VLMClient, messages: list[Any]) -> Completion:
    *_, last = client.stream(messages, tools=TOOLS)
    assert isinstance(last, Completion)
    return last


def achat(client: VLMClient, messages: list[Any]) -> Completion:
    return asyncio.run(client.achat(messages, tools=TOOLS))


def astream(client: VLMClient, messages: list[Any]) -> Completion:
    async def last() -> Any:
        return [step async for step in client.astream(messages, tools=TOOLS)][-1]

    return asyncio.run(last())


WAYS = pytest.mark.parametrize("ask", [chat, stream, achat, astream])


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
@WAYS
def test_each_call_is_in_the_answer_once(row: Any, ask: Ask, play: Play) -> None:
    if ask in (chat, achat) and row["row"] in STREAMED_ONLY:
        pytest.skip("a whole answer has no pieces")
    with ScriptedServer() as server:
        play(server, row["chunks"])
        answer = ask(VLMClient("m", base_url=server.base_url, api_key=server.api_key), [USER])
    assert [call.args for call in answer.tool_calls] == [{"page": page} for page in row["calls"]]
    assert len({call.id for call in answer.tool_calls}) == len(row["calls"])


@WAYS
@pytest.mark.parametrize("finish", ["tool_calls", "stop", "length", "model_length", "max_output_tokens"])
def test_arguments_that_end_too_early_are_never_read(finish: str, ask: Ask, play: Play) -> None:
    with ScriptedServer() as server:
        play(
            server,
            [[{"index": 0, "id": "c", "name": "look", "arguments": '{"page": 1, "why": "the'}]],
            finish,
        )
        (call,) = ask(VLMClient("m", base_url=server.base_url, api_key=server.api_key), [USER]).tool_calls
    assert call.args is None
    assert call.problem


def test_an_ambiguous_stream_is_asked_for_again_whole(play: Play) -> None:
    chunks = [[{"index": 0, "name": "now", "arguments": ""}], [{"index": 0, "name": "now", "arguments": ""}]]
    with ScriptedServer() as server:
        play(server, chunks)
        server.call_tool("now", {})
        client = VLMClient("m", base_url=server.base_url, api_key=server.api_key)
        assert len(stream(client, [USER]).tool_calls) == 1
        assert [seen.stream for seen in server.seen] == [True, False]


def test_an_ambiguous_stream_is_an_error_where_it_is_not_asked_for_again(play: Play) -> None:
    chunks = [[{"index": 0, "name": "now", "arguments": ""}], [{"index": 0, "name": "now", "arguments": ""}]]
    with ScriptedServer() as server:
        play(server, chunks)
        client = VLMClient("m", base_url=server.base_url, api_key=server.api_key, max_attempts=1)
        with pytest.raises(ResponseError, match="once or twice"):
            stream(client, [USER])


CASES = {
    "gemini": ("gemini:gemini-3-flash-preview", {}, SIGNATURE),
    "kimi": ("moonshot:kimi-k2.5", {"fields": {"reasoning_content": "Hm.\n"}}, {}),
    "openrouter": ("openrouter:anthropic/claude-x", {"fields": {"reasoning_details": DETAILS}}, {}),
}


@WAYS
@pytest.mark.parametrize("in_json", [True, False])
@pytest.mark.parametrize(("route", "fields", "of_call"), CASES.values(), ids=CASES)
def test_a_provider_gets_back_what_it_sent(
    route: str, fields: Any, of_call: Any, in_json: bool, ask: Ask
) -> None:
    provider, _, model = route.partition(":")
    row = Provider(name=provider) if provider == "moonshot" else provider
    with ScriptedServer(provider=row) as server, ScriptedServer(strict=True) as other:
        asked = {"base_url": server.base_url, "api_key": server.api_key, "max_attempts": 1}
        lab = Route(Provider(name="lab"), "m", base_url=other.base_url, api_key=other.api_key)
        client = VLMClient(model, provider=provider, fallbacks=[lab], **asked)
        messages: list[Any] = [USER]
        for turn in range(3):
            call = ToolCall(f"c{turn}", "look", '{"page": 1}', of_call)
            server.answer(Answer(tool_calls=(call,), finish_reason="tool_calls", **fields))
            answer = ask(client, messages)
            said = json.loads(json.dumps(answer.message)) if in_json else answer
            messages += [said, {"role": "tool", "tool_call_id": f"c{turn}", "content": "page 1"}]
        server.refuse(503, "over capacity")
        other.say("Seen.")
        assert ask(client, messages).route == "lab:m"
        assert [seen.refusal for seen in (*server.seen, *other.seen) if seen.refusal] == []
        for name in ("extra_content", "reasoning_content", "reasoning_details", "route"):
            assert f'"{name}"' not in other.seen[0].body.decode()
