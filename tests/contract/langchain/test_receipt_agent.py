"""Agents and retrieval over real receipts: what they find is true, and the model sees the right picture.

The model is scripted and knows nothing: whatever it says, it takes from what it was sent.
"""

from __future__ import annotations

import io
import json
import re
import shutil
from pathlib import Path
from typing import Any, TypeAlias
from zlib import crc32

import pytest

pytest.importorskip("rapidocr", reason="the local engine is not installed")

from langchain.agents import create_agent
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.vectorstores import InMemoryVectorStore
from PIL import Image

from langchain_vlm import ChatVLM, VLMLoader, image_tools, page_images
from vlm_core import ImageLimits, ImageWarning, Provider, ToolCall
from vlm_core.testing import Answer, ScriptedServer, Seen

Truth: TypeAlias = dict[str, str]
RECEIPTS = ("000", "015", "030", "045", "060")
AMOUNT = re.compile(r"\d+\.\d\d\b")


@pytest.fixture(scope="module")
def truths(data: Path) -> dict[str, Truth]:
    """What stands on each receipt, by its file's name."""
    return {f"{name}.jpg": json.loads((data / "receipts" / f"{name}.json").read_bytes()) for name in RECEIPTS}


@pytest.fixture(scope="module")
def folder(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The five receipts, and nothing that tells what is on them."""
    place = tmp_path_factory.mktemp("receipts")
    for name in RECEIPTS:
        shutil.copy(data / "receipts" / f"{name}.jpg", place)
    return place


# --- an agent


CALLS = (
    ("list_pages", lambda name: {"document": name}),
    ("read_image", lambda name: {"image": name, "page": 1}),
    ("ask_image", lambda name: {"images": [name], "question": "What is the total?"}),
)


def clerk(seen: Seen) -> str | Answer:
    """Lists, reads and asks about the receipt that the user names; then says the total it was told."""
    results = [message["content"] for message in seen.messages if message["role"] == "tool"]
    (name,) = re.findall(r"\d+\.jpg", seen.messages[0]["content"])
    if len(results) < len(CALLS):
        tool, arguments = CALLS[len(results)]
        call = ToolCall(f"call_{len(results)}", tool, json.dumps(arguments(name)))
        return Answer(tool_calls=(call,), finish_reason="tool_calls")
    return f"The total of {name} is {total_in(results[-1])}."


def total_in(text: str) -> str:
    """The amount that a text most often has behind the word total, in its line or the next."""
    found = re.findall(r"total\b[^\n]*\n?[^\n]*", text, re.IGNORECASE)
    amounts = [amount for piece in found for amount in AMOUNT.findall(piece)]
    return max(amounts, key=lambda amount: (amounts.count(amount), float(amount)), default="unknown")


@pytest.fixture(scope="module")
def tools(folder: Path) -> list[Any]:
    """They share what was read, over all tests."""
    return image_tools(root_dir=folder)


@pytest.mark.parametrize("number", RECEIPTS)
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_an_agent_finds_the_total_of_a_receipt(
    server: ScriptedServer, tools: list[Any], truths: dict[str, Truth], number: str, is_async: bool
) -> None:
    server.answer(clerk)
    model = ChatVLM(model="some-vlm", base_url=server.base_url, api_key=server.api_key)
    agent = create_agent(model, tools)
    asked: Any = {"messages": [HumanMessage(f"What is the total of {number}.jpg?")]}
    messages = (await agent.ainvoke(asked) if is_async else agent.invoke(asked))["messages"]
    total = truths[f"{number}.jpg"]["total"].lstrip("$")
    assert messages[-1].text == f"The total of {number}.jpg is {total}."
    results = [message for message in messages if isinstance(message, ToolMessage)]
    assert [(result.name, result.status) for result in results] == [(name, "success") for name, _ in CALLS]
    assert [seen.refusal for seen in server.seen] == [None] * 4


# --- retrieval, with pictures


LIMIT = 2
"""Pictures that the provider takes in one conversation."""


class Words(Embeddings):
    """Finds by the words that two texts have in common."""

    def embed_query(self, text: str) -> list[float]:
        words = {crc32(word.encode()) % 2003 for word in re.findall(r"\w{3,}", text.lower())}
        return [float(number in words) for number in range(2003)]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]


@pytest.fixture(scope="module")
def store(folder: Path) -> InMemoryVectorStore:
    """The receipts by their text, in pieces of a few lines."""
    pages = VLMLoader(folder).load()
    assert len(pages) == len(RECEIPTS)
    pieces = [
        Document("\n".join(lines[at : at + 4]), metadata=page.metadata)
        for page in pages
        for lines in [page.page_content.splitlines()]
        for at in range(0, len(lines), 3)
    ]
    return InMemoryVectorStore.from_documents(pieces, Words())


@pytest.fixture
def strict() -> Any:
    """A server that refuses more pictures than its provider takes."""
    provider = Provider(name="scripted", limits=ImageLimits(max_images=LIMIT))
    with ScriptedServer(provider=provider) as server:
        yield server


@pytest.mark.parametrize("number", RECEIPTS)
def test_the_model_sees_the_page_that_was_found_and_each_once(
    strict: ScriptedServer, store: InMemoryVectorStore, folder: Path, truths: dict[str, Truth], number: str
) -> None:
    truth = truths[f"{number}.jpg"]
    question = f"What is the total of the receipt of {truth['company']}, {truth['address']}?"
    found = store.similarity_search(question, k=15)
    sources = [Path(piece.metadata["source"]).name for piece in found]
    assert sources.count(f"{number}.jpg") >= 2
    assert len(set(sources)) > LIMIT
    with pytest.warns(ImageWarning, match=f"max_images={LIMIT}"):
        content = [*page_images(found, max_images=LIMIT), question]
    model = ChatVLM(model="some-vlm", base_url=strict.base_url, api_key=strict.api_key)
    model.invoke([HumanMessage(content)])
    (seen,) = strict.seen
    assert seen.refusal is None
    shown = [pixels(image.data or b"") for image in seen.images]
    assert shown == [pixels((folder / name).read_bytes()) for name in list(dict.fromkeys(sources))[:LIMIT]]
    assert pixels((folder / f"{number}.jpg").read_bytes()) in shown


def pixels(file: bytes) -> tuple[tuple[int, int], bytes]:
    with Image.open(io.BytesIO(file)) as image:
        return image.size, image.convert("RGB").tobytes()
