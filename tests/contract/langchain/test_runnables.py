"""What LangChain builds around a chat model: fallbacks, retries, history, trimming, batches."""

from __future__ import annotations

import base64
from collections.abc import Callable
from threading import Barrier, Event, Lock
from typing import Any, TypeAlias

import pytest
from langchain_core.chat_history import InMemoryChatMessageHistory
from langchain_core.exceptions import ModelAuthenticationError, ModelError
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, trim_messages
from langchain_core.runnables.history import RunnableWithMessageHistory

from vlm_core import AuthenticationFailed, ServerError
from vlm_core.testing import ScriptedServer, Seen

Make: TypeAlias = Callable[..., BaseChatModel]
Pictures: TypeAlias = Callable[[Seen], list[Any]]
NAVY = ("png", (120, 80), "navy")
RED = ("png", (120, 80), "red")


@pytest.fixture
def ask(picture: Callable[..., bytes]) -> Callable[..., HumanMessage]:
    """A question about a picture of a colour."""

    def question(colour: str = "navy", text: str = "What is the total?") -> HumanMessage:
        data = base64.b64encode(picture(colour=colour)).decode()
        image = {"type": "image", "base64": data, "mime_type": "image/png"}
        return HumanMessage([image, {"type": "text", "text": text}])

    return question


Ask: TypeAlias = Callable[..., HumanMessage]


def test_langchains_fallbacks_go_on_from_an_error_of_ours(
    server: ScriptedServer, make: Make, pictures: Pictures, ask: Ask
) -> None:
    with ScriptedServer(api_key="") as second:
        second.say("TOTAL 9.00")
        server.fault("status_503")
        model = make(max_retries=0).with_fallbacks([make(base_url=second.base_url)])
        first = model.invoke([ask()])
        assert model.invoke([ask(), first, HumanMessage("Sure?")]).text == "TOTAL 9.00"
        assert [pictures(seen) for seen in second.seen] == [[NAVY]] * 2
    assert server.requests == 2


def test_langchains_retry_repeats_an_error_that_may_pass(
    server: ScriptedServer, make: Make, pictures: Pictures, ask: Ask
) -> None:
    server.fault("status_503")
    server.say("TOTAL 9.00")
    model = make(max_retries=0).with_retry(
        retry_if_exception_type=(ServerError,), wait_exponential_jitter=False, stop_after_attempt=2
    )
    first = model.invoke([ask()])
    assert model.invoke([ask(), first, HumanMessage("Sure?")]).text == "TOTAL 9.00"
    assert [pictures(seen) for seen in server.seen] == [[NAVY]] * 3


def test_an_error_is_of_both_families(server: ScriptedServer, make: Make, ask: Ask) -> None:
    server.fault("unauthorized")
    with pytest.raises(ModelAuthenticationError) as caught:
        make().invoke([ask()])
    assert isinstance(caught.value, AuthenticationFailed)
    assert caught.value.hint
    assert server.requests == 1


def test_a_history_keeps_the_picture_for_the_next_turn(
    server: ScriptedServer, make: Make, pictures: Pictures, ask: Ask
) -> None:
    history = InMemoryChatMessageHistory()
    model = RunnableWithMessageHistory(make(), lambda session_id: history)
    session = {"configurable": {"session_id": "one"}}
    model.invoke([ask()], session)
    model.invoke([ask("red", "And of this one?")], session)
    assert [pictures(seen) for seen in server.seen] == [[NAVY], [NAVY, RED]]
    assert [message.type for message in history.messages] == ["human", "ai", "human", "ai"]


def test_trimming_counts_pictures_as_the_model_does(
    server: ScriptedServer, make: Make, pictures: Pictures, ask: Ask
) -> None:
    model = make(model="Qwen/Qwen2.5-VL-32B-Instruct")
    turns = [
        SystemMessage("Be brief."),
        ask("navy"),
        AIMessage("9.00"),
        ask("red", "And of this one?"),
    ]
    last = [turns[0], turns[-1]]
    fits = model.get_num_tokens_from_messages(last)
    assert fits < model.get_num_tokens_from_messages(turns)
    trimmed = trim_messages(
        turns, max_tokens=fits, token_counter=model, strategy="last", include_system=True, start_on="human"
    )
    assert trimmed == last
    model.invoke(trimmed)
    assert pictures(server.seen[0]) == [RED]


class Crowd:
    """Answers three requests at a time with their own words, and notes whether a fourth came beside them."""

    def __init__(self) -> None:
        self.lock, self.three, self.fourth, self.now = Lock(), Barrier(3), Event(), 0

    def __call__(self, seen: Seen) -> str:
        with self.lock:
            self.now += 1
            if self.now > 3:
                self.fourth.set()
        self.three.wait(timeout=20)
        self.fourth.wait(timeout=0.1)
        with self.lock:
            self.now -= 1
        return seen.text


QUESTIONS = [f"question {number}" for number in range(12)]


def test_a_batch_answers_in_order(server: ScriptedServer, make: Make, pictures: Pictures, ask: Ask) -> None:
    crowd = Crowd()
    server.answer(crowd)
    answers = make().batch([[ask(text=text)] for text in QUESTIONS], {"max_concurrency": 3})
    assert [answer.text for answer in answers] == QUESTIONS
    assert not crowd.fourth.is_set()
    assert [pictures(seen) for seen in server.seen] == [[NAVY]] * 12


async def test_an_asynchronous_batch_answers_in_order(
    server: ScriptedServer, make: Make, pictures: Pictures, ask: Ask
) -> None:
    crowd = Crowd()
    server.answer(crowd)
    answers = await make().abatch([[ask(text=text)] for text in QUESTIONS], {"max_concurrency": 3})
    assert [answer.text for answer in answers] == QUESTIONS
    assert not crowd.fourth.is_set()
    assert [pictures(seen) for seen in server.seen] == [[NAVY]] * 12


def test_one_bad_question_of_a_batch_takes_no_answer_from_the_others(
    server: ScriptedServer, make: Make, ask: Ask
) -> None:
    server.say("TOTAL 9.00")
    bad = [HumanMessage([{"type": "image", "base64": "bm8gaW1hZ2U=", "mime_type": "image/png"}])]
    answers = make().batch([[ask()], bad, [ask()]], return_exceptions=True)
    assert [isinstance(answer, ModelError) for answer in answers] == [False, True, False]
    assert server.requests == 2
