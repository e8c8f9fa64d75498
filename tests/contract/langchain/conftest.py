"""What the suites of LangChain talk to: a strict server whose model does as it is told."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from typing import Any, TypeAlias

import pytest
from langchain_core.language_models import BaseChatModel
from PIL import Image, ImageDraw

from langchain_vlm import ChatVLM
from vlm_core import Provider, ToolCall
from vlm_core.flow import policy
from vlm_core.testing import Answer, ScriptedServer, Seen, SeenImage

Schema: TypeAlias = Mapping[str, Any]
Picture: TypeAlias = Callable[..., bytes]
Shown: TypeAlias = tuple[str, tuple[int, int], str]

USAGE = {
    "prompt_tokens": 20,
    "completion_tokens": 10,
    "total_tokens": 30,
    "prompt_tokens_details": {"cached_tokens": 8},
    "completion_tokens_details": {"reasoning_tokens": 4},
}
PDF_PAGES = 2
COLOURS: Mapping[Any, str] = {(0, 0, 128): "navy", (255, 0, 0): "red", (0, 128, 128): "teal"}
IMAGES = {
    "description of this image": 1,
    "random diagram": 1,
    "Summarize this document": PDF_PAGES,
    "random PDF": PDF_PAGES,
    "favorite color in this image": 1,
}
"""How many pictures a question of the suite must bring with it."""
JOKE = {"setup": "Why did the page cross the scanner?", "punchline": "To be read."}
CALLED_FOR = re.compile("weather|Use the tool")
"""Words at which the model calls a tool that nobody forces."""


def drawn(width: int = 120, height: int = 80, colour: str = "navy", kind: str = "PNG", **how: Any) -> bytes:
    """A real picture: white, with a filled box in its upper left quarter."""
    image = Image.new("RGB", (width, height), "white")
    ImageDraw.Draw(image).rectangle((0, 0, width // 2 - 1, height // 2 - 1), fill=colour)
    file = BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


def drawn_pdf(pages: int = PDF_PAGES) -> bytes:
    """A real PDF of drawn pages."""
    first, *others = [Image.open(BytesIO(drawn(colour=colour))) for colour in ("navy", "teal", "red")[:pages]]
    file = BytesIO()
    first.save(file, "PDF", save_all=True, append_images=others)
    return file.getvalue()


@pytest.fixture
def picture() -> Picture:
    """Draws pictures: picture(width, height, colour, kind)."""
    return drawn


@pytest.fixture
def pdf() -> bytes:
    """A PDF of two pages."""
    return drawn_pdf()


def shown(image: SeenImage) -> Shown:
    """What a picture that arrived shows: its format, its size and the colour of its box."""
    assert image.role == "user"
    assert image.data
    assert image.declared == image.format
    opened = Image.open(BytesIO(image.data)).convert("RGB")
    assert opened.getpixel((opened.width - 1, opened.height - 1)) == (255, 255, 255)
    return image.format or "", opened.size, COLOURS[opened.getpixel((0, 0))]


@pytest.fixture
def pictures() -> Callable[[Seen], list[Shown]]:
    """Tells what the pictures of a request show; each must be in a user's message and truly labelled."""
    return lambda seen: [shown(image) for image in seen.images]


@pytest.fixture
def make(server: ScriptedServer) -> Iterator[Callable[..., BaseChatModel]]:
    """Makes chat models of the server: make(max_retries=0)."""

    usual = {"model": "some-vlm", "base_url": server.base_url, "api_key": server.api_key}
    yield lambda **settings: ChatVLM(**{**usual, **settings})
    assert [seen.refusal for seen in server.seen if seen.refusal] == []


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between attempts take a moment."""
    monkeypatch.setattr(policy, "BASE_SECONDS", 0.01)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A server that refuses what no provider should be sent."""
    with ScriptedServer(provider=Provider(name="scripted"), api_key="sk-canary-51c0") as server:
        yield server


@pytest.fixture
def obliging(server: ScriptedServer) -> Iterator[ScriptedServer]:
    """The server with a model that calls the tools and fills the schemas which it is given."""
    server.answer(obey)
    yield server
    assert [seen.refusal for seen in server.seen if seen.refusal] == []


def obey(seen: Seen) -> Answer:
    """What an obedient model says; what a request must hold is asserted first."""
    check_pictures(seen)
    tool = called_tool(seen)
    if tool:
        arguments = json.dumps(faked(tool.get("parameters", {}), seen.text), ensure_ascii=False)
        call = ToolCall(f"call_{seen.number}", tool["name"], arguments)
        return Answer(tool_calls=(call,), finish_reason="tool_calls", usage=USAGE)
    thought = "The user greets me." if "Think" in seen.text else ""
    return Answer(said(seen), reasoning=thought, usage=USAGE)


def check_pictures(seen: Seen) -> None:
    """As many as the question is about, each in a user's message and what its label says."""
    expected = sum(count for words, count in IMAGES.items() if words in seen.text)
    assert len(seen.images) == expected
    for image in seen.images:
        assert image.role == "user"
        assert image.url or (image.declared == image.format and is_drawn(image.size))


def is_drawn(size: tuple[int, int] | None) -> bool:
    """Whether a picture has the form of the drawn ones, which a page of the PDF has too."""
    return size is not None and abs(size[0] / size[1] - 1.5) < 0.02


def called_tool(seen: Seen) -> dict[str, Any] | None:
    """The tool that the request forces, or that its words ask for."""
    tools = {tool["function"]["name"]: tool["function"] for tool in seen.options.get("tools", ())}
    choice = seen.options.get("tool_choice", "auto")
    if isinstance(choice, dict):
        return tools[choice["function"]["name"]]
    asked = seen.messages[-1]["role"] == "user" and CALLED_FOR.search(seen.text)
    return next(iter(tools.values()), None) if choice == "required" or (choice == "auto" and asked) else None


def said(seen: Seen) -> str:
    """Words, or JSON where the request wants it."""
    wanted = seen.options.get("response_format", {"type": "text"})
    if wanted["type"] == "json_schema":
        return json.dumps(faked(wanted["json_schema"]["schema"], seen.text), ensure_ascii=False)
    return json.dumps(JOKE) if wanted["type"] == "json_object" else "A scripted answer."


def faked(schema: Schema, text: str, root: Schema | None = None, name: str = "") -> Any:
    """A value that fits a schema: the number and the quoted name of a text, where it has them."""
    root = schema if root is None else root
    if "$ref" in schema:
        return faked(root["$defs"][schema["$ref"].rpartition("/")[2]], text, root, name)
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return faked(schema["anyOf"][0], text, root, name)
    return FAKES[schema.get("type", "string")](schema, text, root, name)


def faked_object(schema: Schema, text: str, root: Schema, name: str) -> dict[str, Any]:
    properties = schema.get("properties", {})
    return {key: faked(inner, text, root, key) for key, inner in properties.items()}


def faked_number(schema: Schema, text: str, root: Schema, name: str) -> int:
    return int((re.findall(r"\d+", text) or ["1"])[-1])


def faked_string(schema: Schema, text: str, root: Schema, name: str) -> str:
    quoted = re.search("'(.+?)'", text)
    return quoted[1] if quoted and "name" in name else f"some {name}"


FAKES: dict[str, Callable[[Schema, str, Schema, str], Any]] = {
    "object": faked_object,
    "array": lambda schema, text, root, name: [faked(schema.get("items", {}), text, root, name)],
    "integer": faked_number,
    "number": faked_number,
    "string": faked_string,
    "boolean": lambda *_: True,
    "null": lambda *_: None,
}
