"""A picture that LangChain made text of is not sent as base64 in silence."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from PIL import Image

from langchain_vlm import ChatVLM, image_block
from langchain_vlm.messages import to_messages
from vlm_core import ImageWarning
from vlm_core.testing import ScriptedServer

Convert: TypeAlias = Callable[[bytes], Any]


@pytest.fixture(scope="module")
def photograph() -> bytes:
    file = io.BytesIO()
    Image.effect_noise((60, 60), 90).convert("RGB").save(file, "PNG")
    return file.getvalue()


def returned(content: Any) -> ToolMessage:
    """What LangChain makes of what a tool returns."""

    @tool
    def look() -> Any:
        """Take a photograph."""
        return content

    message = look.invoke({"type": "tool_call", "id": "call_1", "name": "look", "args": {}})
    assert isinstance(message, ToolMessage)
    return message


LOST = [
    pytest.param(image_block, id="a-bare-block"),
    pytest.param(lambda png: {"picture": image_block(png)}, id="a-dict"),
    pytest.param(lambda png: [image_block(png), 5], id="a-list-with-a-number"),
    pytest.param(lambda png: str([image_block(png)]), id="a-list-as-a-string"),
    pytest.param(lambda png: [{"type": "text", "text": str(image_block(png))}], id="in-a-text-block"),
    pytest.param(lambda png: png, id="bytes"),
    pytest.param(lambda png: image_block(png)["image_url"]["url"], id="a-data-uri"),
    pytest.param(lambda png: image_block(png)["image_url"]["url"].partition(",")[2], id="mere-base64"),
]
SOUND = [
    pytest.param(lambda png: [image_block(png)], id="a-list-of-blocks"),
    pytest.param(lambda png: ["Page 1:", image_block(png)], id="a-list-with-a-string"),
    pytest.param(lambda png: "TOTAL 9.00 " * 1000, id="a-long-text"),
    pytest.param(lambda png: "VOVEFM5LjAw" * 1000, id="base64-of-something-else"),
    pytest.param(lambda png: "b'TOTAL 9.00'", id="bytes-of-something-else"),
]


@pytest.mark.parametrize("made_of", LOST)
def test_a_picture_that_became_text_is_told_of(photograph: bytes, made_of: Convert) -> None:
    message = returned(made_of(photograph))
    with pytest.warns(ImageWarning, match=r"tool look .* \[image_block\(picture\)\]"):
        to_messages([message])


@pytest.mark.parametrize("made_of", SOUND)
def test_what_is_sent_as_it_should_be_is_passed_over(photograph: bytes, made_of: Convert) -> None:
    to_messages([returned(made_of(photograph))])


def test_it_is_told_once_and_not_with_every_turn(
    server: ScriptedServer, model: ChatVLM, photograph: bytes
) -> None:
    call = {"name": "look", "args": {}, "id": "call_1", "type": "tool_call"}
    lost = returned(image_block(photograph))
    turn = [HumanMessage("Look."), AIMessage("", tool_calls=[call]), lost]
    with pytest.warns(ImageWarning):
        answer = model.invoke(turn)
    model.invoke([*turn, answer, HumanMessage("And now?")])
    assert [len(seen.images) for seen in server.seen] == [0, 0]


# --- pictures that a checkpointer cannot save


def asked_of_an_agent(model: ChatVLM, block: Any, *, saver: bool, awaited: bool = False) -> None:
    agent = create_agent(model, [], checkpointer=InMemorySaver() if saver else None)
    asked: Any = {"messages": [HumanMessage([block, {"type": "text", "text": "Total?"}])]}
    config: Any = {"configurable": {"thread_id": "1"}}
    if awaited:
        asyncio.run(agent.ainvoke(asked, config))
    else:
        agent.invoke(asked, config)


@pytest.mark.parametrize("awaited", [False, True], ids=["invoke", "ainvoke"])
def test_a_decoded_picture_is_warned_of_where_there_is_a_checkpointer(model: ChatVLM, awaited: bool) -> None:
    decoded = {"type": "image", "image": Image.new("RGB", (40, 30))}
    with (
        pytest.warns(ImageWarning, match=r"messages\[0\]\.content\[0\] holds a Image.*image_block"),
        pytest.raises(TypeError, match="msgpack"),  # LangGraph's own, which says nothing of a picture
    ):
        asked_of_an_agent(model, decoded, saver=True, awaited=awaited)


@pytest.mark.filterwarnings("error::vlm_core.ImageWarning")
def test_what_is_advised_there_works(server: ScriptedServer, model: ChatVLM) -> None:
    picture = Image.new("RGB", (40, 30))
    asked_of_an_agent(model, image_block(picture), saver=True)
    asked_of_an_agent(model, {"type": "image", "image": picture}, saver=False)
    model.invoke([HumanMessage([{"type": "image", "image": picture}])])
    assert [len(seen.images) for seen in server.seen] == [1, 1, 1]
