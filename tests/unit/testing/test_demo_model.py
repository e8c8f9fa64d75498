"""The stand-in for a vision model: what it answers, and that every class takes its route."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from PIL import Image, ImageDraw, ImageFont
from pydantic import BaseModel

from langchain_vlm import ChatVLM, VLMLoader, image_block, image_tools
from llamaindex_vlm import VLM, VLMReader
from vlm_core import DocumentReader, PageState, VLMClient
from vlm_core.testing import demo_model

pytest.importorskip("rapidocr", reason="the stand-in reads with the embedded engine: extra `local`")


class Item(BaseModel):
    price: float
    quantity: int
    what: str


class Total(BaseModel):
    amount: float
    shop: str | None = None
    currency: str
    date: str
    notes: list[str]
    items: list[Item]


LINES = ["THE QUAY", "09.05.2026", "2 Crab salad 17.80", "TOTAL GBP 38.25", "Served by Anna"]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": "Looks at a scan.",
            "parameters": {
                "type": "object",
                "properties": {argument: {"type": kind} for argument, kind in arguments.items()},
                "required": list(arguments),
            },
        },
    }
    for name, arguments in {
        "hand_over": {"to_agent": "string"},
        "show": {"name": "string", "page": "integer"},
        "ask": {"images": "array", "question": "string"},
    }.items()
]


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scans") / "receipt.png"
    picture = Image.new("RGB", (600, 460), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(size=32)
    for number, line in enumerate(LINES):
        pen.text((30, 40 + 80 * number), line, "black", font)
    picture.save(path)
    return path


@pytest.fixture(scope="module")
def client() -> VLMClient:
    return VLMClient(demo_model())


def asked(*parts: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(parts)}]


def text(words: str) -> dict[str, str]:
    return {"type": "text", "text": words}


def picture(path: Path) -> dict[str, Any]:
    return {"type": "image", "image": path}


@pytest.mark.parametrize(
    ("question", "line"),
    [
        pytest.param("What is the total?", "TOTAL GBP 38.25", id="a question"),
        pytest.param("It is a receipt. Who served the meal?", "Served by Anna", id="after a sentence"),
        pytest.param("What stands in receipt.png about salad?", "2 Crab salad 17.80", id="with a dot in it"),
    ],
)
def test_it_answers_with_the_line_that_has_most_words_of_the_question(
    client: VLMClient, scan: Path, question: str, line: str
) -> None:
    assert client.chat(asked(picture(scan), text(question))).text == line


def test_it_says_that_it_is_no_model_where_it_finds_nothing(client: VLMClient, scan: Path) -> None:
    assert "demo model" in client.chat(asked(picture(scan), text("Why?"))).text
    assert "demo model" in client.chat(asked(text("Why?"))).text


def test_without_a_question_it_gives_all_the_text(client: VLMClient, scan: Path) -> None:
    lines = client.chat(asked(picture(scan), text("Read this."))).text.splitlines()
    assert lines == LINES


def test_a_blank_page_is_blank() -> None:
    white = b"P5 400 400 255 " + bytes([255]) * 160_000
    page = DocumentReader(demo_model()).read(white).pages[0]
    assert (page.text, page.state) == ("", PageState.BLANK)


def test_json_has_the_values_of_the_lines_that_fit(client: VLMClient, scan: Path) -> None:
    answer = client.chat(asked(picture(scan), text("What is the total?")), response_format=Total)
    found = Total.model_validate_json(answer.text)
    assert (found.amount, found.currency, found.shop, found.date) == (38.25, "GBP", "THE QUAY", "2026-05-09")
    assert found.items == [Item(quantity=2, what="Crab salad", price=17.8)]


@pytest.mark.parametrize(
    ("words", "called"),
    [
        pytest.param(
            "What is the rent in contract.pdf?",
            ("ask", {"images": ["contract.pdf"], "question": "What is the rent in contract.pdf?"}),
            id="a file",
        ),
        pytest.param("What is the rent?", None, id="no file"),
        pytest.param("contract.pdf", None, id="no question"),
    ],
)
def test_a_tool_is_called_where_the_question_names_a_file(
    client: VLMClient, words: str, called: tuple[str, Any] | None
) -> None:
    calls = client.chat(asked(text(words)), tools=TOOLS).tool_calls
    assert [(call.name, json.loads(call.arguments)) for call in calls] == ([called] if called else [])


def test_a_page_is_named_where_the_tool_takes_one(client: VLMClient) -> None:
    (call,) = client.chat(asked(text("Who signed page 2 of fax.tif?")), tools=TOOLS[:2]).tool_calls
    assert (call.name, json.loads(call.arguments)) == ("show", {"name": "fax.tif", "page": 2})


def test_a_page_alone_is_enough_for_a_tool_that_takes_no_more(client: VLMClient) -> None:
    parameters = {"type": "object", "properties": {"page": {"type": "integer"}}, "required": ["page"]}
    tool = {"type": "function", "function": {"name": "show_page", "parameters": parameters}}
    (call,) = client.chat(asked(text("Look at page 2. Who signed?")), tools=[tool]).tool_calls
    assert json.loads(call.arguments) == {"page": 2}
    assert client.chat(asked(text("Who signed?")), tools=[tool]).tool_calls == ()


def test_it_answers_from_what_a_tool_returned(client: VLMClient) -> None:
    messages = asked(text("What is the rent in contract.pdf?"))
    answer = client.chat(messages, tools=TOOLS)
    result = {
        "role": "tool",
        "tool_call_id": answer.tool_calls[0].id,
        "content": "Term: a year\nRent: 1,150 pounds",
    }
    assert client.chat([*messages, answer, result], tools=TOOLS).text == "Rent: 1,150 pounds"


def by_chat_vlm(scan: Path) -> str:
    model = ChatVLM(model=demo_model(), temperature=0)
    return str(model.invoke([HumanMessage([image_block(scan), "What is the total?"])]).text)


def by_vlm(scan: Path) -> str:
    question = ChatMessage(role="user", blocks=[ImageBlock(path=scan), TextBlock(text="What is the total?")])
    return str(VLM(model=demo_model()).chat([question]).message.content)


def by_tools(scan: Path) -> str:
    tools = {tool.name: tool for tool in image_tools(llm=demo_model(), root_dir=scan.parent)}
    return str(tools["ask_image"].invoke({"images": [scan.name], "question": "What is the total?"}))


@pytest.mark.parametrize(
    "read",
    [
        by_chat_vlm,
        by_vlm,
        by_tools,
        lambda scan: DocumentReader(demo_model()).read(scan).text,
        lambda scan: VLMLoader(scan, engine=demo_model()).load()[0].page_content,
        lambda scan: VLMReader(engine=demo_model()).load_data(scan)[0].text,
    ],
    ids=["ChatVLM", "VLM", "image_tools", "DocumentReader", "VLMLoader", "VLMReader"],
)
def test_whatever_takes_a_route_takes_it(read: Callable[[Path], str], scan: Path) -> None:
    assert "TOTAL GBP 38.25" in read(scan)


def test_it_ends_with_the_program() -> None:
    program = "from vlm_core.testing import demo_model; print(demo_model() == demo_model())"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")
