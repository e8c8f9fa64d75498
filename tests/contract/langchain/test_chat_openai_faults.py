"""What goes wrong with ChatOpenAI on a server that is not OpenAI's, and must not with ours.

Each test runs over both. Where ChatOpenAI does wrong its case is a strict xfail that says how, so
that it is told when it does right one day.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import reduce
from importlib.util import find_spec
from io import BytesIO
from operator import add
from typing import Any, TypeAlias

import openai
import pytest
from langchain_core.exceptions import ModelError, ModelInvalidRequestError, OutputParserException
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from PIL import Image
from pydantic import BaseModel

from langchain_vlm import ChatVLM
from vlm_core import ImageLimits, InputError, Provider, Route, VLMError
from vlm_core.catalog.image_tokens import image_tokens
from vlm_core.testing import ScriptedServer
from vlm_core.testing.fault_parts import TEXT

Make: TypeAlias = Callable[..., BaseChatModel]
Picture: TypeAlias = Callable[..., bytes]
Ask: TypeAlias = Callable[[BaseChatModel], AIMessage]
FAILED = (AssertionError, pytest.fail.Exception)
QWEN = "Qwen/Qwen2.5-VL-32B-Instruct"


class Receipt(BaseModel):
    """A receipt."""

    total: float


# --- both models, made alike


def chat_vlm(server: ScriptedServer, **settings: Any) -> BaseChatModel:
    usual = {"model": "some-vlm", "base_url": server.base_url, "api_key": server.api_key}
    return ChatVLM(**{**usual, **settings})


def chat_openai(server: ScriptedServer, **settings: Any) -> BaseChatModel:
    from langchain_openai import ChatOpenAI

    usual = {"model": "some-vlm", "base_url": server.base_url, "api_key": server.api_key}
    known = {name: value for name, value in settings.items() if name not in ("provider", "fallbacks")}
    return ChatOpenAI(**{**usual, **known})


def both(reason: str = "", raises: tuple[type[BaseException], ...] = FAILED) -> pytest.MarkDecorator:
    """Run a test over both models; with a reason ChatOpenAI fails it, and in no other way than these."""
    cases = [pytest.param(chat_vlm, id="ChatVLM")]
    if find_spec("langchain_openai"):  # where it is not, ours alone is tested
        marks = [pytest.mark.xfail(reason=reason, raises=raises, strict=True)] if reason else []
        cases.append(pytest.param(chat_openai, id="ChatOpenAI", marks=marks))
    return pytest.mark.parametrize("make", cases)


@pytest.fixture
def host() -> Iterator[ScriptedServer]:
    """A server that refuses nothing but a wrong key."""
    with ScriptedServer(api_key="sk-host-77aa") as host:
        yield host


@pytest.fixture(autouse=True)
def own_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """What belongs to OpenAI is in the environment, as it is on many machines."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai-canary")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-canary")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-canary")


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No name is looked up but this machine's."""
    look_up = socket.getaddrinfo

    def only_here(name: Any, *more: Any, **options: Any) -> Any:
        if name not in ("127.0.0.1", "localhost"):
            raise OSError("no network")
        return look_up(name, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", only_here)


def with_text(*parts: dict[str, Any]) -> list[BaseMessage]:
    return [HumanMessage([*parts, {"type": "text", "text": "What is the total?"}])]


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def image_of(data: bytes, mime_type: str = "image/png", **more: Any) -> dict[str, Any]:
    return {"type": "image", "base64": base64_of(data), "mime_type": mime_type, **more}


@both()
def test_a_plain_question_is_answered(host: ScriptedServer, make: Make, picture: Picture) -> None:
    host.say("TOTAL 9.00")
    assert make(host).invoke(with_text(image_of(picture()))).text == "TOTAL 9.00"
    assert host.seen[0].images[0].size == (120, 80)


# --- 1, 2: keys and time


@both("the key of OpenAI goes to whoever base_url names")
def test_another_providers_key_is_not_sent(make: Make) -> None:
    with ScriptedServer(api_key="") as host:
        make(host, api_key=None).invoke("Hello")
    (seen,) = host.seen
    assert seen.api_key is None or seen.api_key.reveal() != "sk-openai-canary"


@pytest.mark.parametrize("header", ["openai-organization", "openai-project"])
@both("what belongs to an account at OpenAI goes to whoever base_url names")
def test_no_account_at_openai_is_told(host: ScriptedServer, make: Make, header: str) -> None:
    make(host).invoke("Hello")
    assert "canary" not in host.seen[0].headers.get(header, "")


@both("no time limit is set unless the caller sets one")
def test_no_wait_is_without_end(host: ScriptedServer, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float | None] = []
    caller, set_timeout = threading.get_ident(), socket.socket.settimeout

    def noted(self: socket.socket, seconds: float | None) -> None:
        if threading.get_ident() == caller:
            waits.append(seconds)
        set_timeout(self, seconds)

    monkeypatch.setattr(socket.socket, "settimeout", noted)
    make(host).invoke("Hello")
    assert waits
    assert None not in waits


@both("each retry gets the whole time limit again")
def test_the_time_limit_is_the_whole_calls(host: ScriptedServer, make: Make) -> None:
    host.fault("never_answers", seconds=30)
    with pytest.raises(ModelError):
        make(host, timeout=0.3).invoke("Hello")
    assert host.requests == 1


# --- 3 to 7: what a stream and an answer hold


@both("streamed answers have no usage where base_url is set")
def test_a_stream_tells_its_usage(host: ScriptedServer, make: Make) -> None:
    host.say("TOTAL 9.00", usage={"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7})
    usage = reduce(add, make(host).stream("Hello")).usage_metadata
    assert usage
    assert usage["total_tokens"] == 7


@both("usage that grows from chunk to chunk is added up")
def test_usage_on_every_chunk_is_not_added_up(host: ScriptedServer, make: Make) -> None:
    chunks = [
        {
            "id": "1",
            "model": "some-vlm",
            "choices": [{"index": 0, "delta": {"content": word}, "finish_reason": reason}],
            "usage": {"prompt_tokens": 5, "completion_tokens": count, "total_tokens": 5 + count},
        }
        for count, word, reason in ((1, "TOTAL ", None), (2, "9.00", "stop"))
    ]
    events = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
    host.reply(body=events + "data: [DONE]\n\n", headers={"Content-Type": "text/event-stream"})
    answer = reduce(add, make(host, stream_usage=True).stream("Hello"))
    assert answer.text == "TOTAL 9.00"
    assert answer.usage_metadata["total_tokens"] == 7


@both("a stream that breaks off is given out as a whole answer")
def test_a_stream_that_breaks_off_is_no_answer(host: ScriptedServer, make: Make) -> None:
    host.fault("stream_ends_early")
    said = ""
    with suppress(ModelError):
        for chunk in make(host).stream("Hello"):
            said += chunk.text
        assert said == TEXT


@both("max_tokens is sent under OpenAI's newer name, which many servers refuse")
def test_max_tokens_keeps_its_name(host: ScriptedServer, make: Make) -> None:
    make(host, max_tokens=50).invoke("Hello")
    assert host.seen[0].options == {"max_tokens": 50}


def whole(model: BaseChatModel) -> AIMessage:
    return model.invoke("Hello")


def streamed(model: BaseChatModel) -> AIMessage:
    return reduce(add, model.stream("Hello"))


@pytest.mark.parametrize("ask", [whole, streamed])
@both("the model's reasoning is dropped", (KeyError,))
def test_reasoning_is_kept(
    host: ScriptedServer, make: Make, ask: Callable[[BaseChatModel], AIMessage]
) -> None:
    host.say("TOTAL 9.00", reasoning="The last line says it.")
    answer = ask(make(host))
    assert answer.additional_kwargs["reasoning_content"] == "The last line says it."
    assert answer.text == "TOTAL 9.00"


@pytest.mark.parametrize("ask", [whole, streamed])
@both("the model's reasoning is dropped")
def test_reasoning_is_among_the_blocks(host: ScriptedServer, make: Make, ask: Ask) -> None:
    host.say("TOTAL 9.00", reasoning="The last line says it.")
    blocks = ask(make(host)).content_blocks
    assert [(block["type"], block.get("reasoning") or block.get("text")) for block in blocks] == [
        ("reasoning", "The last line says it."),
        ("text", "TOTAL 9.00"),
    ]


# --- 8 to 10: what becomes of images


DETAILED = Provider(name="lab", key_required=False, limits=ImageLimits(accepts_detail=True))


def at(row: Provider, host: ScriptedServer) -> Provider:
    return row.model_copy(update={"base_url": host.base_url})


@pytest.mark.parametrize(
    "more",
    [pytest.param({"detail": "low"}, id="beside"), pytest.param({"extras": {"detail": "low"}}, id="extras")],
)
@both("an image block's detail is dropped")
def test_detail_is_kept(host: ScriptedServer, make: Make, picture: Picture, more: dict[str, Any]) -> None:
    make(host, provider=at(DETAILED, host)).invoke(with_text(image_of(picture(), **more)))
    assert host.seen[0].images[0].detail == "low"


NOT_SENT = [
    pytest.param({"type": "image", "file_id": "file-1"}, id="image-id"),
    pytest.param({"type": "video", "url": "https://example.com/a.mp4"}, id="video"),
    pytest.param({"type": "image", "base64": "@@not base64@@", "mime_type": "image/png"}, id="no-base64"),
    pytest.param({"type": "image", "url": "/etc/hostname"}, id="path"),
    pytest.param({"type": "image_url", "image_url": {"url": "/etc/hostname"}}, id="path-as-openai-has-it"),
    pytest.param({"type": "image", "base64": "bm8gaW1hZ2U=", "mime_type": "image/png"}, id="no-image"),
]


@pytest.mark.parametrize("block", NOT_SENT)
@both(
    "what cannot be shown to the model goes out all the same, or fails without a type", (*FAILED, ValueError)
)
def test_what_cannot_be_sent_is_a_typed_error(
    host: ScriptedServer, make: Make, block: dict[str, Any]
) -> None:
    with pytest.raises(InputError) as caught:
        make(host).invoke(with_text(block))
    assert caught.value.hint
    assert host.requests == 0


@both("a text-plain block, which is one of LangChain's own, is an error", (ValueError,))
def test_a_text_block_of_a_file_is_sent(host: ScriptedServer, make: Make) -> None:
    make(host).invoke(with_text({"type": "text-plain", "text": "Milk 2.00", "mime_type": "text/plain"}))
    assert "Milk 2.00" in host.seen[0].text


@both("a PDF goes out as a part that most servers do not know")
def test_a_pdf_is_sent_as_its_pages(host: ScriptedServer, make: Make, pdf: bytes) -> None:
    file = {"type": "file", "base64": base64_of(pdf), "mime_type": "application/pdf", "filename": "a.pdf"}
    make(host).invoke(with_text(file))
    images = host.seen[0].images
    assert [image.declared == image.format for image in images] == [True, True]
    assert images[0].data != images[1].data


@both("images of a tool stay in the tool's message, where most servers refuse them")
def test_images_of_a_tool_go_into_a_users_message(host: ScriptedServer, make: Make, picture: Picture) -> None:
    calls = [{"name": "scan", "args": {}, "id": name} for name in ("one", "two")]
    results = [
        ToolMessage([image_of(picture(colour=colour)), {"type": "text", "text": name}], tool_call_id=name)
        for name, colour in (("one", "navy"), ("two", "red"))
    ]
    make(host).invoke([HumanMessage("Scan."), AIMessage("", tool_calls=calls), *results])
    (seen,) = host.seen
    assert [message["role"] for message in seen.messages] == ["user", "assistant", "tool", "tool", "user"]
    assert [image.role for image in seen.images] == ["user", "user"]
    assert [image.data for image in seen.images] == [picture(colour="navy"), picture(colour="red")]


@both("a wrong mime type is passed on")
def test_the_label_of_an_image_is_the_truth(host: ScriptedServer, make: Make, picture: Picture) -> None:
    make(host).invoke(with_text(image_of(picture(kind="JPEG"), "image/png")))
    assert host.seen[0].images[0].declared == host.seen[0].images[0].format == "jpeg"


@both("a block as Gemini has it goes out as it is")
def test_a_block_as_gemini_has_it_is_an_image(host: ScriptedServer, make: Make, picture: Picture) -> None:
    make(host).invoke(with_text({"type": "media", "mime_type": "image/png", "data": base64_of(picture())}))
    assert [image.size for image in host.seen[0].images] == [(120, 80)]


@both("an image_url that is a mere string goes out as it is")
def test_an_image_url_that_is_a_string_is_put_right(
    host: ScriptedServer, make: Make, picture: Picture
) -> None:
    url = f"data:image/png;base64,{base64_of(picture())}"
    make(host).invoke(with_text({"type": "image_url", "image_url": url}))
    assert host.seen[0].messages[0]["content"][0]["image_url"] == {"url": url}


@both("an image over the provider's limits goes out as it is")
def test_an_image_is_fitted_to_the_providers_limits(
    host: ScriptedServer, make: Make, picture: Picture
) -> None:
    row = at(Provider(name="lab", key_required=False, limits=ImageLimits(max_side=60)), host)
    make(host, provider=row).invoke(with_text(image_of(picture())))
    assert host.seen[0].images[0].size == (60, 40)


@both("a photo that lies on its side goes out so")
def test_a_photo_is_turned_upright(host: ScriptedServer, make: Make, picture: Picture) -> None:
    exif = Image.Exif()
    exif[274] = 6
    make(host).invoke(with_text(image_of(picture(exif=exif))))
    data = host.seen[0].images[0].data
    assert data
    sent = Image.open(BytesIO(data))
    assert sent.size == (80, 120)
    assert not sent.getexif()


# --- 11: tokens


@pytest.mark.usefixtures("offline")
@both("tokens of another model than OpenAI's cannot be counted", (OSError, NotImplementedError))
def test_tokens_of_an_image_are_counted_offline(host: ScriptedServer, make: Make, picture: Picture) -> None:
    model = make(host, model=QWEN)
    with_image, without = with_text(image_of(picture(448, 336))), with_text()
    difference = model.get_num_tokens_from_messages(with_image) - model.get_num_tokens_from_messages(without)
    assert difference == image_tokens("qwen2-vl", 448, 336, with_overhead=True)


@pytest.mark.usefixtures("offline")
@both("the words of a model are looked up in the network, and images behind URLs fetched", (OSError,))
def test_nothing_is_fetched_to_count_tokens(host: ScriptedServer, make: Make) -> None:
    url = f"{host.base_url}/models"
    model = make(host, model="gpt-4o")
    assert model.get_num_tokens_from_messages(with_text({"type": "image", "url": url})) > 0
    assert host.connections == 0


# --- 12: structured output


@both("JSON in a code fence is not JSON", (ValueError,))
def test_fenced_json_is_read(host: ScriptedServer, make: Make) -> None:
    host.say('```json\n{"total": 9.0}\n```')
    assert make(host).with_structured_output(Receipt).invoke("Hello") == Receipt(total=9.0)


BROKEN = [
    pytest.param({"text": "The total is nine."}, id="prose"),
    pytest.param({"text": '{"total": ', "finish_reason": "length"}, id="truncated"),
    pytest.param({"text": '{"sum": 9.0}'}, id="other-fields"),
]


@pytest.mark.parametrize("said", BROKEN)
@both("include_raw catches nothing that is raised on the way", (ValueError, openai.OpenAIError))
def test_include_raw_keeps_an_answer_that_does_not_fit(
    host: ScriptedServer, make: Make, said: dict[str, str]
) -> None:
    host.say(**said)
    result = make(host).with_structured_output(Receipt, include_raw=True).invoke("Hello")
    assert result["parsed"] is None
    assert result["parsing_error"] is not None
    assert result["raw"].text == said["text"]


@both("an answer without the call of a tool becomes None")
def test_an_answer_without_the_tool_is_no_silent_none(host: ScriptedServer, make: Make) -> None:
    host.say("The total is nine.")
    with pytest.raises((VLMError, OutputParserException)):
        make(host).with_structured_output(Receipt, method="function_calling").invoke("Hello")


# --- 13, 14: errors have types

NO_ANSWER = ["choices_empty", "choices_null", "error_inside", "html_200", "json_cut", "empty_body"]


@pytest.mark.parametrize("name", NO_ANSWER)
@both("what is not an answer ends in a Python error", (IndexError, TypeError, ValueError, AttributeError))
def test_what_is_no_answer_is_an_error_of_the_model(host: ScriptedServer, make: Make, name: str) -> None:
    host.fault(name)
    with pytest.raises(ModelError):
        make(host).invoke("Hello")


@both("an empty answer passes for one")
def test_no_content_at_all_is_an_error_of_the_model(host: ScriptedServer, make: Make) -> None:
    host.fault("content_null")
    with pytest.raises(ModelError):
        make(host).invoke("Hello")


@pytest.mark.parametrize("status", [413, 422])
@both("the status is not known for what it is", (openai.APIStatusError,))
def test_a_request_that_is_refused_is_not_to_be_repeated(
    host: ScriptedServer, make: Make, status: int
) -> None:
    host.refuse(status, "Unprocessable")
    with pytest.raises(ModelInvalidRequestError) as caught:
        make(host).invoke("Hello")
    assert not caught.value.is_retryable


# --- 15: event loops


@pytest.fixture(autouse=True, scope="module")
def swept() -> Iterator[None]:
    """What a test still held when it ended is collected at last, so that no other file meets it."""
    yield
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()


@pytest.fixture(autouse=True)
def tidy(request: pytest.FixtureRequest) -> Iterator[None]:
    """Drop the connections that ChatOpenAI shares in the whole process, so that no test meets them."""
    if "[ChatOpenAI" not in request.node.name:
        yield
        return
    gc.freeze()  # what was there before is not looked through
    yield
    if clients := sys.modules.get("langchain_openai.chat_models._client_utils"):
        clients._cached_async_httpx_client.cache_clear()
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()
        gc.unfreeze()


def said_in_a_loop(model: BaseChatModel) -> str:
    try:
        return asyncio.run(model.ainvoke("Hello")).text
    except (RuntimeError, openai.APIConnectionError) as error:
        return type(error).__name__


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@both("the next event loop gets the connections of the last")
def test_a_second_event_loop_is_served(host: ScriptedServer, make: Make) -> None:
    host.say("TOTAL 9.00")
    model = make(host)
    said = [said_in_a_loop(model) for _ in range(3)]
    assert said == ["TOTAL 9.00"] * 3
    assert host.requests == 3


# --- 16 to 20: what is told, what is sent


@both("whoever answers is said to be OpenAI")
def test_the_provider_is_named(host: ScriptedServer, make: Make) -> None:
    model = make(host, provider="lab")
    answer = model.invoke("Hello")
    assert answer.response_metadata["model_provider"] == model._get_ls_params()["ls_provider"] != "openai"


@both("what the provider says of the cost is not read", (KeyError,))
def test_the_cost_is_told(host: ScriptedServer, make: Make) -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7, "estimated_cost": 0.25}
    host.say("TOTAL 9.00", usage=usage)
    assert make(host).invoke("Hello").response_metadata["cost_usd"] == 0.25


@both("an empty list of tools is sent, which servers refuse")
def test_an_empty_list_of_tools_is_left_out(host: ScriptedServer, make: Make) -> None:
    make(host).bind_tools([]).invoke("Hello")
    assert "tools" not in host.seen[0].options


@both("an assistant's empty words become null, which some servers refuse")
def test_empty_words_stay_a_string(host: ScriptedServer, make: Make) -> None:
    calls = [{"name": "scan", "args": {}, "id": "one"}]
    messages = [HumanMessage("Scan."), AIMessage("", tool_calls=calls), ToolMessage("9", tool_call_id="one")]
    make(host).invoke(messages)
    assert host.seen[0].messages[1].get("content", "") == ""


@both("there is no other provider to go to", (openai.OpenAIError,))
def test_another_provider_is_asked_where_one_fails(host: ScriptedServer, make: Make) -> None:
    with ScriptedServer(api_key="sk-second") as second:
        second.say("TOTAL 9.00")
        host.fault("status_503")
        route = Route(provider="second", model="b", base_url=second.base_url, api_key="sk-second")
        assert make(host, fallbacks=[route]).invoke("Hello").text == "TOTAL 9.00"


@both("nothing is known of another model than OpenAI's", (TypeError, AttributeError, *FAILED))
def test_what_a_model_can_do_is_known(host: ScriptedServer, make: Make) -> None:
    profile = make(host, model=QWEN).profile
    assert profile
    assert profile["image_inputs"] is True


@both("how often was asked is told nowhere", (KeyError,))
def test_attempts_are_told(host: ScriptedServer, make: Make) -> None:
    host.fault("status_503")
    host.say("TOTAL 9.00")
    assert len(make(host).invoke("Hello").response_metadata["attempts"]) == 2
