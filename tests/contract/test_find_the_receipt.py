"""Agents that are told nothing but a question find the receipt of 42 that it is about, and cite it.

The model is scripted and knows no receipt: it searches with the question, reads the page that comes first,
and takes the answer out of its text. Each receipt is read by the embedded engine once, for all tests.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

pytest.importorskip("rapidocr", reason="the local engine is not installed")
pytest.importorskip("typer", reason="the extra mcp is not installed")

from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from llama_index.core.agent.workflow import FunctionAgent
from mcp import Client, StdioServerParameters, stdio_client

from langchain_vlm import ChatVLM, image_tools
from llamaindex_vlm import VLM, VLMToolSpec
from vlm_core import ImageAssistant, ToolCall
from vlm_core.testing import Answer, ScriptedServer, Seen

ASKED = ("000", "015", "060", "090", "105", "120", "150", "180", "270", "345")
"""Of ten shops."""
AMOUNT = re.compile(r"\d+\.\d\d\b")
FOUND = re.compile(r"^(\S+\.jpg), page (\d+) of \d+, (\([\d., ]+\))", re.MULTILINE)
AGAIN = "Call search_documents again"


class Step(NamedTuple):
    """What the model does next: a call of a tool, or an answer."""

    tool: str
    arguments: Mapping[str, Any] = MappingProxyType({})
    answer: str = ""


def next_step(question: str, told: list[str]) -> Step:
    """What a model does that knows the question and what tools told it."""
    if not told or AGAIN in told[-1]:
        return Step("search_documents", {"query": question})
    found = FOUND.search(told[-1])
    if found is not None:
        return Step("read_image", {"image": found[1], "page": int(found[2])})
    place = FOUND.search(told[-2])
    assert place is not None
    return Step("", answer=f"{total_in(told[-1])}, says {place[1]}, page {place[2]}, {place[3]}.")


def total_in(text: str) -> str:
    """The amount that stands most often behind the word total, in its line or the next; the largest."""
    found = re.findall(r"total\b[^\n]*\n?[^\n]*", text, re.IGNORECASE)
    amounts = [amount for piece in found for amount in AMOUNT.findall(piece)]
    return max(amounts, key=lambda amount: (amounts.count(amount), float(amount)), default="unknown")


def model(seen: Seen) -> Answer:
    """The same, as a server's model."""
    told = [message["content"] for message in seen.messages if message["role"] == "tool"]
    (question,) = [message["content"] for message in seen.messages if message["role"] == "user"]
    step = next_step(question, told)
    if step.answer:
        return Answer(step.answer)
    call = ToolCall(f"call_{len(told)}", step.tool, json.dumps(dict(step.arguments)))
    return Answer(tool_calls=(call,), finish_reason="tool_calls")


class Case(NamedTuple):
    """A question, and the answer that is true."""

    question: str
    name: str
    total: str


@pytest.fixture(scope="module")
def folder(data: Path) -> Path:
    folder = data / "receipts"
    assert len(list(folder.glob("*.jpg"))) == 42
    return folder


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("journal") / "pages.journal"


@pytest.fixture(scope="module")
def assistant(folder: Path, journal: Path) -> Iterator[ImageAssistant]:
    with ImageAssistant(root_dir=folder, journal=journal) as assistant:
        yield assistant


@pytest.fixture(params=ASKED)
def case(request: pytest.FixtureRequest, folder: Path) -> Case:
    truth = json.loads((folder / f"{request.param}.json").read_bytes())
    question = f"What is the total of the receipt from {truth['company']} of {truth['date']}?"
    return Case(question, f"{request.param}.jpg", truth["total"].lstrip("$RM "))


def check(answer: str, case: Case) -> None:
    """The answer is true, and cites the receipt, the page and a place on it."""
    cited = re.fullmatch(r"(\S+), says (\S+), page 1, \((.*)\)\.", answer)
    assert cited is not None, answer
    assert (cited[1], cited[2]) == (case.total, case.name)
    left, top, right, bottom = map(float, cited[3].split(", "))
    assert 0 <= left < right <= 1
    assert 0 <= top < bottom <= 1


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        server.answer(model)
        yield server


def test_an_agent_of_langchain_finds_it(
    assistant: ImageAssistant, server: ScriptedServer, case: Case
) -> None:
    llm = ChatVLM(model="some-vlm", base_url=server.base_url, api_key=server.api_key)
    agent = create_agent(llm, image_tools(assistant=assistant))
    messages = agent.invoke({"messages": [HumanMessage(case.question)]})["messages"]
    check(messages[-1].text, case)


def test_an_agent_of_llamaindex_finds_it(
    assistant: ImageAssistant, server: ScriptedServer, case: Case
) -> None:
    llm = VLM(model="some-vlm", api_base=server.base_url, api_key=server.api_key)
    agent = FunctionAgent(llm=llm, tools=VLMToolSpec(assistant=assistant).to_tool_list())

    async def run() -> str:
        return str(await agent.run(user_msg=case.question))

    check(asyncio.run(run()), case)


async def test_an_mcp_client_finds_them(
    assistant: ImageAssistant, folder: Path, journal: Path, tmp_path: Path
) -> None:
    while AGAIN in assistant.search_documents("total").text:
        pass  # so that the server finds all receipts in the journal
    given = ["-m", "vlm_core.cli", "mcp", "--root", str(folder), "--journal", str(journal)]
    command = StdioServerParameters(command=sys.executable, args=given, cwd=tmp_path, env=dict(os.environ))
    async with Client(stdio_client(command)) as client:
        for receipt in ASKED:
            truth = json.loads((folder / f"{receipt}.json").read_bytes())
            question = f"What is the total of the receipt from {truth['company']} of {truth['date']}?"
            told: list[str] = []
            while not (step := next_step(question, told)).answer:
                result = await client.call_tool(step.tool, dict(step.arguments))
                assert not result.is_error
                told.append(result.structured_content["text"])
            check(step.answer, Case(question, f"{receipt}.jpg", truth["total"].lstrip("$RM ")))
