"""ChatVLM against the real servers: the tiny model's images and tokens, the proxy's dialect."""

from io import BytesIO
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.exceptions import ContextOverflowError, ModelAPIError, ModelError, ModelRateLimitError
from langchain_core.messages import AIMessageChunk, HumanMessage
from langchain_core.tools import tool
from PIL import Image
from pydantic import BaseModel

from langchain_vlm import ChatVLM, image_block
from vlm_core.catalog.image_tokens import image_tokens
from vlm_core.client import VLMClient

LITELLM_MODEL = "Qwen/Qwen2.5-VL-32B-Instruct"
LITELLM_KEY = "sk-local"
LITELLM_SAYS = "INVOICE 42\nTotal: 12.50"
TINY_PIXELS = 401_408
"""The most that the tiny model's image processor takes."""


def picture(width: int = 112, height: int = 84, kind: str = "PNG", **how: Any) -> bytes:
    file = BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(file, kind, **how)
    return file.getvalue()


def question(*images: bytes) -> list[HumanMessage]:
    blocks = [image_block(image) for image in images]
    return [HumanMessage([*blocks, {"type": "text", "text": "Extract all text."}])]


# --- transformers serve


@pytest.fixture
def tiny_chat(tiny: VLMClient) -> ChatVLM:
    return ChatVLM(model=tiny.endpoint.model, base_url=tiny.endpoint.base_url, max_tokens=4)


def input_tokens(model: ChatVLM, *images: bytes) -> int:
    usage = model.invoke(question(*images)).usage_metadata
    assert usage
    return usage["input_tokens"]


@pytest.mark.parametrize(
    "size", [(112, 84), (300, 300), (1240, 1754)], ids=lambda size: f"{size[0]}x{size[1]}"
)
def test_an_image_takes_as_many_tokens_as_the_formula_says(tiny_chat: ChatVLM, size: tuple[int, int]) -> None:
    expected = image_tokens("qwen2-vl", *size, max_pixels=TINY_PIXELS, with_overhead=True)
    assert input_tokens(tiny_chat, picture(*size)) - input_tokens(tiny_chat) == expected


def test_a_photo_on_its_side_is_answered_as_the_same_photo_upright(tiny_chat: ChatVLM) -> None:
    upright = BytesIO()
    Image.open(BytesIO(picture(700, 112))).rotate(-90, expand=True).save(upright, "PNG")
    exif = Image.Exif()
    exif[274] = 6
    turned = picture(700, 112, exif=exif)
    wanted, got = tiny_chat.invoke(question(upright.getvalue())), tiny_chat.invoke(question(turned))
    assert (got.text, got.usage_metadata) == (wanted.text, wanted.usage_metadata)


async def test_every_way_to_ask_gives_the_same(tiny_chat: ChatVLM) -> None:
    asked = question(picture())
    whole = tiny_chat.invoke(asked)
    streamed = "".join(chunk.text for chunk in tiny_chat.stream(asked))
    asynchronous = await tiny_chat.ainvoke(asked)
    pieces = [chunk.text async for chunk in tiny_chat.astream(asked)]
    assert whole.text == asynchronous.text
    assert streamed == "".join(pieces)
    assert streamed.strip() == whole.text.strip()  # the server strips what it does not stream


def test_a_stream_tells_its_usage_once(tiny_chat: ChatVLM) -> None:
    chunks = list(tiny_chat.stream(question(picture())))
    (usage,) = [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata]
    assert usage["input_tokens"] == input_tokens(tiny_chat, picture())


def test_another_model_is_refused_with_the_servers_words(tiny: VLMClient) -> None:
    with pytest.raises(ModelError, match="qwen25vl-tiny"):
        ChatVLM(model="nope", base_url=tiny.endpoint.base_url, max_tokens=2).invoke("Hello")


# --- litellm's proxy


def proxied(base_url: str, model: str = LITELLM_MODEL, **settings: Any) -> ChatVLM:
    return ChatVLM(model=model, base_url=base_url, **{"api_key": LITELLM_KEY, **settings})


def test_an_answer_has_text_usage_and_names(base_url_of_litellm: str) -> None:
    answer = proxied(base_url_of_litellm).invoke(question(picture()))
    assert answer.text == LITELLM_SAYS
    assert answer.usage_metadata
    assert (answer.usage_metadata["input_tokens"], answer.usage_metadata["output_tokens"]) == (10, 20)
    assert answer.response_metadata["finish_reason"] == "stop"


def test_a_stream_adds_up_to_the_answer(base_url_of_litellm: str) -> None:
    chunks = list(proxied(base_url_of_litellm).stream(question(picture())))
    assert all(isinstance(chunk, AIMessageChunk) for chunk in chunks)
    assert "".join(chunk.text for chunk in chunks) == LITELLM_SAYS
    assert sum(chunk.usage_metadata is not None for chunk in chunks) == 1


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        pytest.param("mock-ratelimit", ModelRateLimitError, id="429"),
        pytest.param("mock-5xx", ModelAPIError, id="500"),
        pytest.param("mock-context", ContextOverflowError, id="context"),
        pytest.param("nope", ModelError, id="model"),
    ],
)
def test_an_error_is_langchains_own(base_url_of_litellm: str, model: str, kind: type[ModelError]) -> None:
    with pytest.raises(kind):
        proxied(base_url_of_litellm, model, max_retries=0).invoke(question(picture()))


def test_a_wrong_key_is_an_error_of_the_model(base_url_of_litellm: str) -> None:
    with pytest.raises(ModelError):
        proxied(base_url_of_litellm, api_key="sk-wrong-key").invoke("Hello")


def test_an_agent_and_a_schema_are_taken(base_url_of_litellm: str) -> None:
    class Invoice(BaseModel):
        """An invoice."""

        total: float

    @tool
    def double(amount: float) -> float:
        """Double an amount."""
        return 2 * amount

    model = proxied(base_url_of_litellm)
    result = create_agent(model, [double]).invoke({"messages": question(picture())})
    assert result["messages"][-1].text == LITELLM_SAYS
    raw = model.with_structured_output(Invoice, include_raw=True).invoke(question(picture()))
    assert raw["raw"].text == LITELLM_SAYS
    assert raw["parsing_error"] is not None
