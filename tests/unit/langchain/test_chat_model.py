"""ChatVLM over real sockets: what goes out, what comes back, from threads, event loops and forks."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.chat_history import InMemoryChatMessageHistory
from langchain_core.exceptions import ModelAPIError
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage, trim_messages
from langchain_core.messages.content import KNOWN_BLOCK_TYPES
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables.history import RunnableWithMessageHistory

from langchain_vlm import ChatVLM, image_block
from vlm_core import (
    AllRoutesFailed,
    AuthenticationFailed,
    ConfigError,
    MissingKeyError,
    Provider,
    Route,
    VLMError,
)
from vlm_core.completion import ToolCall
from vlm_core.testing import Response, ScriptedServer

QUESTION = "What is the total?"
Make = Callable[..., ChatVLM]


def whole(model: Any, *args: Any, **kwargs: Any) -> AIMessage:
    return model.invoke(*args, **kwargs)  # type: ignore[no-any-return]


def awaited(model: Any, *args: Any, **kwargs: Any) -> AIMessage:
    return asyncio.run(model.ainvoke(*args, **kwargs))


def streamed(model: Any, *args: Any, **kwargs: Any) -> AIMessage:
    chunks = list(model.stream(*args, **kwargs))
    return sum(chunks[1:], chunks[0])  # type: ignore[no-any-return]


def astreamed(model: Any, *args: Any, **kwargs: Any) -> AIMessage:
    async def all_of_it() -> AIMessage:
        chunks = [chunk async for chunk in model.astream(*args, **kwargs)]
        return sum(chunks[1:], chunks[0])  # type: ignore[no-any-return]

    return asyncio.run(all_of_it())


ways = pytest.mark.parametrize("ask", [whole, awaited, streamed, astreamed])


# --- answers


@ways
def test_an_answer_tells_all_that_is_known_of_it(server: ScriptedServer, make: Make, ask: Any) -> None:
    details = {
        "prompt_tokens": 70,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 60},
        "completion_tokens_details": {"reasoning_tokens": 3},
        "estimated_cost": 0.001,
    }
    server.say(
        "TOTAL 9.00", usage=details, reasoning="The last line says it.", id="answer-1", model="some-vlm-2"
    )
    model = make(stream_usage=True)
    message = ask(model, QUESTION)
    assert message.content == "TOTAL 9.00"
    assert message.usage_metadata == {
        "input_tokens": 70,
        "output_tokens": 5,
        "total_tokens": 75,
        "input_token_details": {"cache_read": 60},
        "output_token_details": {"reasoning": 3},
    }
    known = message.response_metadata
    assert known["model_provider"] == model._get_ls_params()["ls_provider"]
    assert known["model_name"] == "some-vlm-2"
    assert (known["finish_reason"], known["id"], known["cost_usd"]) == ("stop", "answer-1", 0.001)
    assert [attempt["outcome"] for attempt in known["attempts"]] == ["ok"]
    assert known["route"].endswith(":some-vlm")


@ways
def test_what_the_model_thought_is_beside_the_text(server: ScriptedServer, model: ChatVLM, ask: Any) -> None:
    server.say("TOTAL 9.00", reasoning="The last line says it.")
    message = ask(model, QUESTION)
    assert message.additional_kwargs["reasoning_content"] == "The last line says it."
    assert [block["type"] for block in message.content_blocks] == ["reasoning", "text"]


@pytest.mark.parametrize("name", ["openai", "groq"])
@ways
def test_thoughts_show_where_langchain_has_a_reader_of_its_own(
    server: ScriptedServer, make: Make, ask: Any, name: str
) -> None:
    server.say("TOTAL 9.00", reasoning="Hm.")
    message = ask(make(provider=name), QUESTION)
    assert message.response_metadata["model_provider"] == f"vlm-{name}"
    assert message.content_blocks[0]["type"] == "reasoning"


@ways
def test_a_refusal_is_told(server: ScriptedServer, model: ChatVLM, ask: Any) -> None:
    server.say("", refusal="I cannot help with that.")
    message = ask(model, QUESTION)
    assert message.additional_kwargs["refusal"] == "I cannot help with that."
    assert message.content == ""


@pytest.mark.skipif("refusal" not in KNOWN_BLOCK_TYPES, reason="this LangChain has no block for it")
@ways
def test_a_refusal_is_a_block(server: ScriptedServer, make: Make, ask: Any) -> None:
    server.say("", refusal="I cannot help with that.")
    message = ask(make(output_version="v1"), QUESTION)
    assert [block["type"] for block in message.content] == ["refusal"]
    assert message.content[0]["refusal"] == "I cannot help with that."


@ways
def test_tokens_that_nobody_counted_are_not_invented(
    server: ScriptedServer, model: ChatVLM, ask: Any
) -> None:
    server.say("TOTAL 9.00", usage={})
    assert ask(model, QUESTION).usage_metadata is None


def test_a_stream_leaves_tokens_out_where_they_are_not_wanted(server: ScriptedServer, make: Make) -> None:
    server.say("TOTAL 9.00")
    assert streamed(make(stream_usage=False), QUESTION).usage_metadata is None
    assert streamed(make(), QUESTION, stream_usage=False).usage_metadata is None


@ways
def test_logprobs_are_given_where_they_were_asked_for(server: ScriptedServer, make: Make, ask: Any) -> None:
    logprobs = {"content": [{"token": "9", "logprob": -0.1, "bytes": None, "top_logprobs": []}]}
    body = {"choices": [{"message": {"content": "9"}, "finish_reason": "stop", "logprobs": logprobs}]}
    chunk = {"choices": [{"delta": {"content": "9"}, "finish_reason": "stop", "logprobs": logprobs}]}
    events = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n"
    in_events = Response(200, events, {"Content-Type": "text/event-stream"})
    server.answer(lambda seen: in_events if seen.stream else Response().with_json(body))
    message = ask(make(logprobs=True), QUESTION)
    assert server.seen[0].options["logprobs"] is True
    assert message.response_metadata["logprobs"]["content"] == logprobs["content"]


def test_pieces_have_no_other_id_than_the_message(server: ScriptedServer, model: ChatVLM) -> None:
    server.say("TOTAL 9.00", id="answer-1")
    ids = {chunk.id for chunk in model.stream(QUESTION)}
    assert len(ids) == 1
    assert whole(model, QUESTION).id not in ids  # a server may give all its answers the same


def test_the_first_piece_comes_before_the_last_is_sent(server: ScriptedServer, model: ChatVLM) -> None:
    release = threading.Event()

    def hold(connection: Any) -> None:
        connection.begin(200, {"Content-Type": "text/event-stream"})
        connection.piece(b'data: {"choices":[{"index":0,"delta":{"content":"TOTAL"}}]}\n\n')
        release.wait(10)
        connection.piece(
            b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
        )
        connection.end()

    server.raw(hold)
    pieces = model.stream(QUESTION)
    assert next(pieces).content == "TOTAL"
    release.set()
    assert [piece.content for piece in pieces] == [""]


def test_a_stream_that_is_left_gives_its_place_back(server: ScriptedServer, make: Make) -> None:
    model = make(max_concurrency=1)
    server.say("one two three four")
    pieces = model.stream(QUESTION)
    next(pieces)
    pieces.close()
    assert whole(model, QUESTION).content == "one two three four"


# --- tool calls


@ways
def test_tool_calls_are_read(server: ScriptedServer, model: ChatVLM, ask: Any) -> None:
    server.say(
        "",
        tool_calls=(ToolCall("1", "look", '{"page": 1}'), ToolCall("2", "look", "")),
        finish_reason="tool_calls",
    )
    message = ask(model.bind_tools([look]), QUESTION)
    assert [(call["id"], call["name"], call["args"]) for call in message.tool_calls] == [
        ("1", "look", {"page": 1}),
        ("2", "look", {}),
    ]
    assert message.invalid_tool_calls == []


@pytest.mark.parametrize("arguments", ['{"page": ', "[1]", "look"])
def test_arguments_that_cannot_be_read_are_told(
    server: ScriptedServer, model: ChatVLM, arguments: str
) -> None:
    server.say("", tool_calls=(ToolCall("1", "look", arguments),), finish_reason="tool_calls")
    message = model.bind_tools([look]).invoke(QUESTION)
    assert message.tool_calls == []
    assert message.invalid_tool_calls[0]["args"] == arguments
    assert re.search("not (a )?JSON", message.invalid_tool_calls[0]["error"] or "")


@pytest.mark.parametrize("ask", [streamed, astreamed])
def test_a_stream_cut_within_arguments_is_an_error(server: ScriptedServer, model: ChatVLM, ask: Any) -> None:
    server.say("", tool_calls=(ToolCall("1", "pay", '{"amount": 1'),), finish_reason="length")
    with pytest.raises(VLMError, match="cut within the arguments of the tool pay"):
        ask(model, QUESTION)


def look(page: int) -> str:
    """Look at a page."""
    return str(page)


NOTHING: dict[str, Any] = {"type": "object", "properties": {}}
OPENAI_TOOL = {"type": "function", "function": {"name": "look", "parameters": NOTHING}}
ANTHROPIC_TOOL = {"name": "look", "description": "Look.", "input_schema": NOTHING}


@pytest.mark.parametrize("tool", [look, OPENAI_TOOL, ANTHROPIC_TOOL], ids=["function", "openai", "anthropic"])
@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (None, None),
        ("auto", "auto"),
        ("any", "required"),
        (True, "required"),
        ("look", {"type": "function", "function": {"name": "look"}}),
        ({"type": "tool", "name": "look"}, {"type": "function", "function": {"name": "look"}}),
        ({"type": "any"}, "required"),
    ],
    ids=str,
)
def test_a_tool_is_offered(server: ScriptedServer, model: ChatVLM, tool: Any, choice: Any, sent: Any) -> None:
    model.bind_tools([tool], tool_choice=choice).invoke(QUESTION)
    options = server.seen[0].options
    assert options["tools"][0]["function"]["name"] == "look"
    assert options.get("tool_choice") == sent


def test_no_tools_are_not_sent(server: ScriptedServer, model: ChatVLM) -> None:
    model.bind_tools([], tool_choice="any", strict=True).invoke(QUESTION)
    assert server.seen[0].options == {}


def test_tools_that_are_bound_as_they_are_count_too(server: ScriptedServer, model: ChatVLM) -> None:
    model.bind(tools=[look], tool_choice="any").invoke(QUESTION)
    assert server.seen[0].options["tool_choice"] == "required"


@pytest.mark.parametrize(
    ("tools", "choice"), [([look], "lock"), ([object()], None), ([5], None)], ids=["name", "object", "number"]
)
def test_what_is_no_tool_is_refused_when_it_is_bound(model: ChatVLM, tools: Any, choice: Any) -> None:
    with pytest.raises(ConfigError, match="not a tool"):
        model.bind_tools(tools, tool_choice=choice)


# --- settings and options


def test_options_are_sent_by_the_clients_names(server: ScriptedServer, make: Make) -> None:
    model = make(
        temperature=0,
        max_completion_tokens=9,
        stop_sequences=["END"],
        seed=7,
        extra_body={"top_k": 1},
        model_kwargs={"presence_penalty": 0.5},
        verbosity="low",
    )
    model.invoke(QUESTION, max_tokens=5, extra_body={"min_p": 0.1})
    assert server.seen[0].options == {
        "temperature": 0,
        "max_tokens": 5,
        "stop": ["END"],
        "seed": 7,
        "top_k": 1,
        "min_p": 0.1,
        "presence_penalty": 0.5,
        "verbosity": "low",
    }


def test_words_to_stop_at_are_this_calls(server: ScriptedServer, make: Make) -> None:
    make(stop=["A"]).invoke(QUESTION, stop=["B"])
    assert server.seen[0].options == {"stop": ["B"]}


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        pytest.param({"temprature": 0}, "Did you mean temperature", id="name"),
        pytest.param({"model_kwargs": {"temprature": 0}}, "Did you mean temperature", id="kwargs-name"),
        pytest.param({"temperature": "hot"}, "temperature", id="no-number"),
        pytest.param({"top_p": 2}, "top_p", id="range"),
        pytest.param({"timeout": -1}, "timeout", id="seconds"),
        pytest.param({"max_retries": -1}, "max_attempts", id="retries"),
        pytest.param({"model": "novitta:some-vlm", "base_url": None}, "novita", id="provider"),
        pytest.param({"model_name": "other"}, "the same setting", id="twice"),
        pytest.param({"tool_images": "elsewhere"}, "tool_images", id="tool-images"),
        pytest.param({"api_key": 5}, "api_key", id="key"),
        pytest.param({"default_headers": {"Host": "x"}}, "Host", id="header"),
        pytest.param({"fallbacks": ["nowhere"]}, "nowhere", id="fallback"),
        pytest.param({"fallbacks": [{"model": "m"}]}, "fallback", id="no-route"),
        pytest.param({"provider": {"nome": "lab"}}, "provider", id="no-row"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_at_once(
    make: Make, settings: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        make(**settings)
    assert caught.value.hint


def test_a_missing_model_is_said() -> None:
    with pytest.raises(ConfigError, match="model"):
        ChatVLM(api_key="k")  # type: ignore[call-arg]


def test_a_wrong_value_is_not_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        ChatVLM(model="novita:m", api_key=["canary-key"])  # type: ignore[arg-type]
    assert "canary" not in repr(caught.value) + str(caught.value) + repr(caught.value.__context__)


@pytest.mark.parametrize("option", ["temprature", "top_pp"])
def test_an_option_of_a_call_that_is_not_known_is_refused(
    server: ScriptedServer, model: ChatVLM, option: str
) -> None:
    with pytest.raises(ConfigError, match="Did you mean"):
        model.invoke(QUESTION, **{option: 1})
    assert server.requests == 0


def test_another_model_of_the_same_provider_can_be_asked(server: ScriptedServer, model: ChatVLM) -> None:
    message = model.invoke(QUESTION, model="other-vlm")
    assert server.seen[0].model == message.response_metadata["model_name"] == "other-vlm"
    assert server.seen[0].api_key is not None
    assert server.seen[0].api_key.reveal() == server.api_key


def test_a_row_and_a_variable_are_enough(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_KEY", server.api_key)
    row = Provider(name="lab", base_url=server.base_url, api_key_env=("LAB_KEY",))
    assert ChatVLM(model="some-vlm", provider=row).invoke(QUESTION).content


def test_a_missing_key_is_said_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOVITA_API_KEY", raising=False)
    model = ChatVLM(model="novita:some-vlm")
    with pytest.raises(MissingKeyError, match="NOVITA_API_KEY"):
        model.invoke(QUESTION)


def test_a_setting_that_is_changed_counts(server: ScriptedServer, model: ChatVLM) -> None:
    model.invoke(QUESTION)
    model.model = "other-vlm"
    model.invoke(QUESTION)
    copied = model.model_copy(update={"model_name": "third-vlm", "temperature": 0.5})
    copied.invoke(QUESTION)
    assert [seen.model for seen in server.seen] == ["some-vlm", "other-vlm", "third-vlm"]
    assert server.seen[2].options == {"temperature": 0.5}
    with pytest.raises(ConfigError, match="temperature"):
        model.model_copy(update={"temprature": 1})


def test_a_header_goes_out(server: ScriptedServer, make: Make) -> None:
    make(default_headers={"X-Title": "my app"}).invoke(QUESTION)
    assert server.seen[0].headers["x-title"] == "my app"


# --- other routes


def test_another_route_answers_and_the_provider_stays_the_first(server: ScriptedServer, make: Make) -> None:
    with ScriptedServer() as broken:
        broken.reply(status=503)
        other = Route(Provider(name="other"), "other-vlm", api_key=server.api_key, base_url=server.base_url)
        model = make(
            provider=Provider(name="first"),
            base_url=broken.base_url,
            api_key=broken.api_key,
            fallbacks=[other],
            max_retries=0,
        )
        server.say("TOTAL 9.00")
        for ask in (whole, streamed):
            known = ask(model, QUESTION).response_metadata
            assert known["model_provider"] == "first"
            assert known["route"] == "other:other-vlm"
        assert [attempt["outcome"] for attempt in known["attempts"]] == ["ServerError", "ok"]


def test_no_route_answers(make: Make) -> None:
    with ScriptedServer() as broken:
        broken.reply(status=503)
        other = Route(Provider(name="other"), "m", api_key=broken.api_key, base_url=broken.base_url)
        model = make(base_url=broken.base_url, api_key=broken.api_key, fallbacks=[other], max_retries=0)
        with pytest.raises(AllRoutesFailed) as caught:
            model.invoke(QUESTION)
        assert len(caught.value.causes) == 2


@pytest.mark.parametrize(("max_retries", "requests"), [(0, 1), (2, 3)])
def test_retries_are_as_many_as_allowed(
    server: ScriptedServer, make: Make, max_retries: int, requests: int
) -> None:
    server.reply(status=500)
    with pytest.raises(VLMError):
        make(max_retries=max_retries).invoke(QUESTION)
    assert server.requests == requests


def test_with_fallbacks_goes_on_to_another_model(server: ScriptedServer, make: Make) -> None:
    server.say("TOTAL 9.00")
    wrong = make(api_key="wrong-key-1")
    assert wrong.with_fallbacks([make()]).invoke(QUESTION).content == "TOTAL 9.00"


def test_with_retry_repeats_what_may_pass(server: ScriptedServer, make: Make) -> None:
    server.reply(status=500)
    server.say("TOTAL 9.00")
    again = make(max_retries=0).with_retry(
        retry_if_exception_type=(ModelAPIError,), wait_exponential_jitter=False
    )
    assert again.invoke(QUESTION).content == "TOTAL 9.00"
    wrong = make(api_key="wrong-key-1").with_retry(retry_if_exception_type=(ModelAPIError,))
    before = server.requests
    with pytest.raises(AuthenticationFailed):
        wrong.invoke(QUESTION)
    assert server.requests == before + 1


# --- conversations


@ways
def test_an_answer_in_blocks_comes_back_in_the_next_turn(
    server: ScriptedServer, make: Make, ask: Any
) -> None:
    server.say("I look.", reasoning="Hm.", tool_calls=(ToolCall("1", "look", '{"page": 1}'),))
    server.say("TOTAL 9.00")
    model = make(output_version="v1")
    question = HumanMessage(QUESTION)
    answer = ask(model, [question])
    assert [block["type"] for block in answer.content] == ["reasoning", "text", "tool_call"]
    again = ask(model, [question, answer, ToolMessage("9.00", tool_call_id="1")])
    said = server.seen[1].messages[1]
    assert (said["role"], said["content"], len(said["tool_calls"])) == ("assistant", "I look.", 1)
    assert again.text == "TOTAL 9.00"


def test_a_history_with_a_picture_is_sent_each_time(
    server: ScriptedServer, model: ChatVLM, png: bytes
) -> None:
    history = InMemoryChatMessageHistory()
    prompt = ChatPromptTemplate.from_messages([MessagesPlaceholder("history"), MessagesPlaceholder("asked")])
    chat = RunnableWithMessageHistory(
        prompt | model,
        lambda: history,
        input_messages_key="asked",
        history_messages_key="history",
        history_factory_config=[],
    )
    chat.invoke({"asked": [HumanMessage([image_block(png), {"type": "text", "text": QUESTION}])]})
    chat.invoke({"asked": [HumanMessage("And the tax?")]})
    assert [len(seen.images) for seen in server.seen] == [1, 1]
    assert [len(seen.messages) for seen in server.seen] == [1, 3]


# --- threads, loops, processes


def test_threads_share_a_model(server: ScriptedServer, model: ChatVLM) -> None:
    server.answer(lambda seen: seen.text)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: model.invoke(str(number)).content, range(40)))
    assert answers == [str(number) for number in range(40)]
    assert server.requests == 40


def test_batches_come_in_order(server: ScriptedServer, model: ChatVLM) -> None:
    server.answer(lambda seen: seen.text)
    questions = [str(number) for number in range(12)]
    assert [answer.content for answer in model.batch(questions, config={"max_concurrency": 4})] == questions
    answers = asyncio.run(model.abatch(questions))
    assert [answer.content for answer in answers] == questions
    assert server.requests == 24


def test_one_event_loop_after_another(server: ScriptedServer, model: ChatVLM) -> None:
    for number in range(3):
        assert awaited(model, QUESTION).content
        assert astreamed(model, QUESTION).content
        assert server.requests == 2 * (number + 1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_asks_by_itself(server: ScriptedServer, model: ChatVLM) -> None:
    server.answer(lambda seen: seen.text)
    assert model.invoke("before").content == "before"
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=lambda: theirs.send(model.invoke("child").content))
    child.start()
    assert model.invoke("parent").content == "parent"
    assert ours.recv() == "child"
    child.join()
    assert server.requests == 3


# --- counting


def test_tokens_are_counted_here(server: ScriptedServer, model: ChatVLM, png: bytes) -> None:
    text = model.get_num_tokens_from_messages([HumanMessage(QUESTION)])
    web = {"type": "image_url", "image_url": {"url": "http://127.0.0.1:9/a.png"}}
    with_web = model.get_num_tokens_from_messages([HumanMessage([web, {"type": "text", "text": QUESTION}])])
    with_tools = model.get_num_tokens_from_messages([HumanMessage(QUESTION)], tools=[look])
    assert with_web == text + 2800
    assert with_tools > text
    assert model.get_num_tokens_from_messages([]) == 0
    assert server.requests == 0


def test_an_image_counts_as_the_models_formula_says(png: bytes) -> None:
    known = ChatVLM(model="novita:qwen/qwen2.5-vl-72b-instruct")
    unknown = ChatVLM(model="some-vlm", base_url="http://127.0.0.1:9/v1")
    message = HumanMessage([image_block(png)])
    assert known.get_num_tokens_from_messages([message]) < 30
    assert unknown.get_num_tokens_from_messages([message]) == 2804


def test_a_counter_of_ones_own_counts_the_text() -> None:
    model = ChatVLM(
        model="some-vlm", base_url="http://127.0.0.1:9/v1", custom_get_token_ids=lambda text: [0] * 100
    )
    assert model.get_num_tokens("Hi") == 100
    assert model.get_num_tokens_from_messages([HumanMessage("Hi"), AIMessage("Ho")]) == 200


def test_calls_of_tools_are_counted(model: ChatVLM) -> None:
    call = {"name": "look", "args": {"where": "in the last line of the last page"}, "id": "1"}
    counts = [model.get_num_tokens_from_messages([AIMessage("", tool_calls=calls)]) for calls in ([], [call])]
    assert counts[1] > counts[0] + 5


def test_a_conversation_is_trimmed_by_its_tokens(model: ChatVLM, png: bytes) -> None:
    messages = [HumanMessage([image_block(png)]), AIMessage("one"), HumanMessage("two"), AIMessage("three")]
    kept = trim_messages(messages, max_tokens=100, token_counter=model, strategy="last")
    assert [message.content for message in kept] == ["one", "two", "three"]


# --- what importing and making it costs


def test_importing_loads_no_library_of_the_client() -> None:
    program = """
import sys
import langchain_core.language_models.chat_models
before = set(sys.modules)
import langchain_vlm
assert not [name for name in set(sys.modules) - before if name.startswith("langchain_vlm.")]
langchain_vlm.ChatVLM
new = {name.partition(".")[0] for name in set(sys.modules) - before}
assert not new & {"openai", "PIL", "httpx", "httpx2", "pypdfium2", "numpy"}, new
assert "vlm_core.client" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_profile_says_what_is_known() -> None:
    profile = ChatVLM(model="novita:qwen/qwen2.5-vl-72b-instruct").profile
    assert profile is not None
    assert all(profile.get(name) for name in ("image_inputs", "pdf_inputs", "image_tool_message"))
    assert profile["max_input_tokens"] == 32768
    unknown = ChatVLM(model="some-vlm", base_url="http://127.0.0.1:9/v1").profile
    assert unknown is not None
    assert "structured_output" not in unknown
    assert "max_input_tokens" not in unknown


def test_traces_say_who_is_asked(make: Make) -> None:
    params = make(provider=Provider(name="lab"), temperature=0.5, max_tokens=9)._get_ls_params(stop=["END"])
    assert params == {
        "ls_provider": "lab",
        "ls_model_name": "some-vlm",
        "ls_model_type": "chat",
        "ls_temperature": 0.5,
        "ls_max_tokens": 9,
        "ls_stop": ["END"],
    }
    assert make()._get_ls_params(model="other")["ls_model_name"] == "other"
