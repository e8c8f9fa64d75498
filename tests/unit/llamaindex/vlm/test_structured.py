"""Objects instead of text: asked for in the provider's way, checked, and corrected once."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock
from llama_index.core.bridge.pydantic import BaseModel
from llama_index.core.prompts import ChatPromptTemplate, PromptTemplate
from llama_index.core.types import PydanticProgramMode

from llamaindex_vlm import VLM
from vlm_core import ConfigError, ContentFiltered, MalformedResponse, OutputTruncated, Provider
from vlm_core.testing import ScriptedServer

Make = Callable[..., VLM]


class Receipt(BaseModel):
    """A receipt."""

    total: float
    shop: str = ""


GOOD = '{"total": 9.0, "shop": "Kiosk"}'
RECEIPT = Receipt(total=9.0, shop="Kiosk")
PROMPT = PromptTemplate("What does the receipt of {shop} say?")


def predicted(llm: VLM, **llm_kwargs: Any) -> list[Any]:
    return [llm.structured_predict(Receipt, PROMPT, llm_kwargs=llm_kwargs, shop="Kiosk")]


def apredicted(llm: VLM, **llm_kwargs: Any) -> list[Any]:
    return [asyncio.run(llm.astructured_predict(Receipt, PROMPT, llm_kwargs=llm_kwargs, shop="Kiosk"))]


def streamed(llm: VLM, **llm_kwargs: Any) -> list[Any]:
    return list(llm.stream_structured_predict(Receipt, PROMPT, llm_kwargs=llm_kwargs, shop="Kiosk"))


def astreamed(llm: VLM, **llm_kwargs: Any) -> list[Any]:
    async def ask() -> list[Any]:
        steps = await llm.astream_structured_predict(Receipt, PROMPT, llm_kwargs=llm_kwargs, shop="Kiosk")
        return [step async for step in steps]

    return asyncio.run(ask())


ASKED = [ChatMessage(role="user", content="What does the receipt of Kiosk say?")]


def as_llm(llm: VLM, **options: Any) -> list[Any]:
    return [llm.as_structured_llm(Receipt).chat(ASKED, **options).raw]


def as_llm_awaited(llm: VLM, **options: Any) -> list[Any]:
    return [asyncio.run(llm.as_structured_llm(Receipt).achat(ASKED, **options)).raw]


def as_llm_streamed(llm: VLM, **options: Any) -> list[Any]:
    return [step.raw for step in llm.as_structured_llm(Receipt).stream_chat(ASKED, **options)]


def as_llm_astreamed(llm: VLM, **options: Any) -> list[Any]:
    async def ask() -> list[Any]:
        steps = await llm.as_structured_llm(Receipt).astream_chat(ASKED, **options)
        return [step.raw async for step in steps]

    return asyncio.run(ask())


def as_llm_completed(llm: VLM, **options: Any) -> list[Any]:
    return [llm.as_structured_llm(Receipt).complete("What does the receipt of Kiosk say?", **options).raw]


Way = Callable[..., list[Any]]
STREAMS = [streamed, astreamed, as_llm_streamed, as_llm_astreamed]
EVERY_WAY = pytest.mark.parametrize(
    "way", [predicted, apredicted, as_llm, as_llm_awaited, as_llm_completed, *STREAMS]
)


@EVERY_WAY
def test_an_answer_becomes_an_object(way: Way, llm: VLM, server: ScriptedServer) -> None:
    server.say(GOOD)
    assert way(llm, temperature=0)[-1] == RECEIPT
    (seen,) = server.seen
    assert seen.text.startswith("What does the receipt of Kiosk say?")
    assert seen.options["response_format"]["json_schema"]["name"] == "Receipt"
    assert seen.options["temperature"] == 0


@EVERY_WAY
def test_what_does_not_fit_is_asked_for_once_more(way: Way, llm: VLM, server: ScriptedServer) -> None:
    server.say('{"total": "nine"}')
    server.say(GOOD)
    assert way(llm)[-1] == RECEIPT
    question, said, repair = server.seen[1].messages
    assert question == server.seen[0].messages[0]
    assert said == {"role": "assistant", "content": '{"total": "nine"}'}
    assert repair["role"] == "user"
    assert "total: Input should be a valid number" in repair["content"]
    assert server.requests == 2


AMONG_WORDS = [
    pytest.param(f"Here you are:\n\n```json\n{GOOD}\n```\nAnything else?", id="fence-among-words"),
    pytest.param(f"{GOOD}, as the foot {{see below}} says.", id="words-behind"),
    pytest.param(f'<think>Is it {{"total": 7}}?</think>It is {GOOD}', id="thought-and-words"),
    pytest.param(f"```\n{GOOD}\n```\nOnce more:\n```\n{GOOD}\n```", id="two-fences"),
    pytest.param(f"See [1]: {GOOD}", id="footnote"),
]


@EVERY_WAY
@pytest.mark.parametrize("text", AMONG_WORDS)
def test_json_is_read_among_words_the_first_time(
    way: Way, text: str, llm: VLM, server: ScriptedServer
) -> None:
    server.say(text)
    assert way(llm)[-1] == RECEIPT
    assert server.requests == 1


@EVERY_WAY
def test_two_answers_that_differ_are_asked_about(way: Way, llm: VLM, server: ScriptedServer) -> None:
    server.say(GOOD + " or " + GOOD.replace("9", "7"))
    server.say(GOOD)
    assert way(llm)[-1] == RECEIPT
    assert "more than one JSON value" in server.seen[1].messages[-1]["content"]


@EVERY_WAY
def test_a_part_of_a_cut_answer_is_not_the_answer(way: Way, llm: VLM, server: ScriptedServer) -> None:
    server.say(f"The receipts: [{GOOD}, {{")
    with pytest.raises(MalformedResponse, match="no JSON"):
        way(llm)


class Colour(Enum):
    RED = "red"


@dataclass
class ReceiptData:
    total: float


@pytest.mark.parametrize("output_cls", [Colour, ReceiptData, int])
def test_a_class_that_is_no_model_is_refused_before_anything_is_sent(
    output_cls: Any, llm: VLM, server: ScriptedServer
) -> None:
    for ask in (
        lambda: llm.structured_predict(output_cls, PROMPT, shop="Kiosk"),
        lambda: list(llm.stream_structured_predict(output_cls, PROMPT, shop="Kiosk")),
        lambda: llm.as_structured_llm(output_cls),
        lambda: asyncio.run(llm.astructured_predict(output_cls, PROMPT, shop="Kiosk")),
    ):
        with pytest.raises(ConfigError, match="not a pydantic model"):
            ask()
    assert server.requests == 0


FAILURES = [
    pytest.param({"text": '{"total": "nine"}'}, MalformedResponse, 2, id="never-fits"),
    pytest.param({"text": "It is nine."}, MalformedResponse, 2, id="no-json"),
    pytest.param({"text": '{"total": 9', "finish_reason": "length"}, OutputTruncated, 1, id="cut-off"),
    pytest.param({"text": GOOD, "finish_reason": "content_filter"}, ContentFiltered, 1, id="filtered"),
    pytest.param({"text": "", "refusal": "I cannot."}, ContentFiltered, 1, id="declined"),
]


@EVERY_WAY
@pytest.mark.parametrize(("answer", "kind", "requests"), FAILURES)
def test_what_is_no_object_is_a_typed_error(
    way: Way,
    answer: dict[str, Any],
    kind: type[MalformedResponse],
    requests: int,
    llm: VLM,
    server: ScriptedServer,
) -> None:
    server.say(**answer)
    with pytest.raises(kind) as caught:
        way(llm)
    assert caught.value.partial == answer["text"]
    assert caught.value.hint
    assert server.requests == requests


@pytest.mark.parametrize("way", STREAMS)
def test_a_stream_shows_the_object_as_it_grows(way: Way, llm: VLM, server: ScriptedServer) -> None:
    server.stream('{"total": 9.0', ', "shop": "Ki', 'osk"}')
    steps = way(llm)
    assert [step.model_dump(exclude_none=True).get("shop", "") for step in steps] == [
        "",
        "Ki",
        "Kiosk",
        "Kiosk",
    ]
    assert type(steps[-1]) is Receipt


FORMATS = [
    pytest.param({"json_schema"}, id="schema"),
    pytest.param({"json_object"}, id="object"),
    pytest.param({"tool"}, id="tool"),
    pytest.param(set(), id="prompt"),
]


@EVERY_WAY
@pytest.mark.parametrize("formats", FORMATS)
def test_it_is_asked_for_in_the_way_that_the_provider_has(
    way: Way, formats: set[str], make_llm: Make, server: ScriptedServer
) -> None:
    lab = Provider(name="lab", base_url=server.base_url, response_formats=frozenset(formats))
    if formats == {"tool"}:
        server.call_tool("Receipt", json.loads(GOOD))
    else:
        server.say(GOOD if "json_schema" in formats else f"```json\n{GOOD}\n```")
    assert way(make_llm(provider=lab, api_base=None))[-1] == RECEIPT
    options = server.seen[0].options
    assert options.get("response_format", {}).get("type") == next(iter(formats - {"tool"}), None)
    assert bool(options.get("tools")) == (formats == {"tool"})
    assert server.requests == 1


@pytest.mark.parametrize("as_file", [False, True])
def test_images_survive(as_file: bool, llm: VLM, server: ScriptedServer, grey: Any, shade_in: Any) -> None:
    server.say(GOOD)
    image = ImageBlock(image=io.BytesIO(grey(40)) if as_file else grey(40))
    asked = [ChatMessage(role="user", blocks=[image, TextBlock(text='Like {"total": 1}? { } {braces}')])]
    llm.as_structured_llm(Receipt).chat(asked)
    list(llm.as_structured_llm(Receipt).stream_chat(asked))
    for seen in server.seen:
        assert shade_in(seen.images[0].data) == 40
        assert seen.text == 'Like {"total": 1}? { } {braces}'


def test_images_in_a_template_survive(llm: VLM, server: ScriptedServer, grey: Any, shade_in: Any) -> None:
    server.say(GOOD)
    blocks = [ImageBlock(image=grey(40)), TextBlock(text="Of {shop}?")]
    template = ChatPromptTemplate(message_templates=[ChatMessage(role="user", blocks=blocks)])
    assert llm.structured_predict(Receipt, template, shop="Kiosk") == RECEIPT
    assert shade_in(server.seen[0].images[0].data) == 40
    assert server.seen[0].text == "Of Kiosk?"


def test_what_both_questions_cost_is_kept(llm: VLM, server: ScriptedServer) -> None:
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110, "cost": 0.25}
    server.say("nine", usage=usage)
    server.say(GOOD, usage=usage)
    response = llm.as_structured_llm(Receipt).chat(ASKED)
    assert json.loads(response.message.content or "") == RECEIPT.model_dump()
    facts = response.additional_kwargs
    assert (facts["prompt_tokens"], facts["completion_tokens"], facts["cost_usd"]) == (200, 20, 0.5)
    assert len(facts["attempts"]) == 2


def test_a_stream_of_objects_has_its_cost_at_the_end(llm: VLM, server: ScriptedServer) -> None:
    server.say(GOOD, usage={"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110})
    *_, last = llm.as_structured_llm(Receipt).stream_chat(ASKED)
    assert last.additional_kwargs["prompt_tokens"] == 100


def test_the_system_prompt_is_sent(make_llm: Make, server: ScriptedServer) -> None:
    server.say(GOOD)
    for way in (predicted, as_llm, streamed):
        way(make_llm(system_prompt="Be exact."))
    assert [seen.messages[0]["role"] for seen in server.seen] == ["system"] * 3


def test_arguments_for_other_programs_are_left_out_and_kept(llm: VLM, server: ScriptedServer) -> None:
    server.say(GOOD)
    given = {"tool_choice": "required", "temperature": 0}
    llm.structured_predict(Receipt, PROMPT, llm_kwargs=given, shop="Kiosk")
    assert given == {"tool_choice": "required", "temperature": 0}
    assert "tool_choice" not in server.seen[0].options


@pytest.mark.parametrize("way", [predicted, apredicted, as_llm, streamed, astreamed])
def test_a_program_that_was_chosen_is_used(way: Way, make_llm: Make, server: ScriptedServer) -> None:
    llm = make_llm(pydantic_program_mode=PydanticProgramMode.FUNCTION)
    server.call_tool("Receipt", json.loads(GOOD))
    assert way(llm)[-1] == RECEIPT
    options = server.seen[0].options
    assert options["tools"][0]["function"]["name"] == "Receipt"
    assert "response_format" not in options


def test_the_text_program_can_be_chosen(make_llm: Make, server: ScriptedServer) -> None:
    server.say(GOOD)
    assert predicted(make_llm(pydantic_program_mode="llm"))[-1] == RECEIPT
    assert "response_format" not in server.seen[0].options


def test_its_name_tells_that_it_sees(llm: VLM) -> None:
    structured = llm.as_structured_llm(Receipt)
    assert "multi_modal" in structured.class_name()
    assert structured.metadata == llm.metadata
