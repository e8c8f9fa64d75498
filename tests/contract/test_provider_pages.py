"""The examples of the vendors' own pages, sent to servers that refuse what those vendors refuse."""

import asyncio
import base64
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from threading import Thread
from typing import Any

import pytest
from PIL import Image

from vlm_core.client import VLMClient
from vlm_core.completion import Completion
from vlm_core.errors import InputError, TooManyImagesError, VLMError
from vlm_core.testing import ScriptedServer

pytestmark = pytest.mark.filterwarnings("ignore::vlm_core.catalog.resolve_route.SunsetWarning")

MODELS = {
    "deepinfra": "Qwen/Qwen2.5-VL-32B-Instruct",
    "devup": "Qwen/Qwen2.5-VL-32B-Instruct",
    "myrouter": "qwen/qwen2.5-vl-72b-instruct",
    "novita": "qwen/qwen2.5-vl-72b-instruct",
    "hyperbolic": "Qwen/Qwen2.5-VL-72B-Instruct",
}
SEEDS = list(MODELS)
PAGE_URL = "https://example.com/page.jpg"


def picture(kind: str, size: tuple[int, int] = (64, 48), mode: str = "RGB") -> bytes:
    file = BytesIO()
    Image.linear_gradient("L").resize(size).convert(mode).save(file, kind)
    return file.getvalue()


def data_uri(data: bytes, label: str) -> str:
    return f"data:image/{label};base64,{base64.b64encode(data).decode()}"


def image(url: str, **more: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, **more}}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def user(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(parts)}]


def told(server: ScriptedServer, provider: str) -> VLMClient:
    route = f"{provider}:{MODELS[provider]}"
    return VLMClient(route, base_url=server.base_url, api_key=server.api_key, allow_private_urls=True)


def ask(provider: str, messages: list[dict[str, Any]], **options: Any) -> tuple[Completion, Any]:
    with ScriptedServer(provider=provider) as server, told(server, provider) as client:
        server.say("An invoice.")
        answer = client.chat(messages, **options)
        return answer, server.seen[0]


OCR_PROMPTS = [
    "Extract all text from this image.",
    "Extract all text from this document. Preserve the structure and layout as much as possible.",
    "Convert this image to a markdown table.",
    "Extract all text and return it as structured JSON with field names and values.",
    "Transcribe the handwritten text in this image.",
    "List all line items, quantities, and prices from this receipt.",
]


@pytest.mark.parametrize("provider", SEEDS)
@pytest.mark.parametrize("prompt", OCR_PROMPTS, ids=lambda prompt: prompt[:24])
def test_an_ocr_prompt_with_a_base64_image_is_answered(provider: str, prompt: str) -> None:
    answer, seen = ask(provider, user(image(data_uri(picture("PNG"), "png")), text(prompt)))
    assert answer.text == "An invoice."
    assert prompt in seen.text
    assert [picture.format for picture in seen.images] == ["png"]


@pytest.mark.parametrize("provider", SEEDS)
def test_the_pages_own_mislabelled_webp_is_sent_under_its_true_name(provider: str) -> None:
    _, seen = ask(provider, user(image(data_uri(picture("WEBP"), "jpeg")), text("What's in this image?")))
    (sent,) = seen.images
    assert sent.declared == sent.format
    assert (sent.width, sent.height) == (64, 48)


@pytest.mark.parametrize("provider", SEEDS)
def test_an_options_example_is_sent_as_it_stands_on_the_page(provider: str) -> None:
    parts = (text("What is in this image?"), image(data_uri(picture("PNG"), "png")))
    _, seen = ask(provider, user(*parts), max_tokens=512, temperature=0.1)
    assert seen.options == {"max_tokens": 512, "temperature": 0.1}
    assert [part["type"] for part in seen.messages[0]["content"]] == ["text", "image_url"]


@pytest.mark.parametrize("provider", [name for name in SEEDS if name != "hyperbolic"])
def test_a_url_is_left_for_the_provider_to_fetch(provider: str) -> None:
    _, seen = ask(provider, user(image(PAGE_URL), text("What is in this image?")))
    assert [picture.url for picture in seen.images] == [PAGE_URL]


@pytest.fixture
def web() -> Iterator[str]:
    """A web server with one picture."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = picture("WEBP")
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=partial(server.serve_forever, poll_interval=0.01))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/picture.webp"
    server.shutdown()
    server.server_close()
    thread.join()


def test_hyperbolic_which_takes_no_url_gets_the_picture_itself(web: str) -> None:
    _, seen = ask("hyperbolic", user(image(web), text("What is in this image?")))
    (sent,) = seen.images
    assert sent.url is None
    assert (sent.format, sent.width, sent.height) == ("png", 64, 48)


@pytest.mark.parametrize("provider", [name for name in SEEDS if name != "hyperbolic"])
def test_two_images_are_compared(provider: str) -> None:
    parts = (image(data_uri(picture("PNG"), "png")), image(PAGE_URL), text("What are the differences?"))
    _, seen = ask(provider, user(*parts))
    assert len(seen.images) == 2


def test_a_second_image_for_hyperbolic_fails_before_it_is_sent() -> None:
    two = [image(data_uri(picture("PNG"), "png"))] * 2
    with ScriptedServer(provider="hyperbolic") as server, told(server, "hyperbolic") as client:
        with pytest.raises(TooManyImagesError, match="1"):
            client.chat(user(*two, text("Compare.")))
        assert server.requests == 0


def test_an_image_of_an_earlier_turn_counts_since_it_is_sent_again() -> None:
    earlier = user(image(data_uri(picture("PNG"), "png")), text("What items are on this receipt?"))
    later = user(image(data_uri(picture("JPEG"), "jpeg")), text("And on this one?"))
    messages = [*earlier, {"role": "assistant", "content": "Coffee."}, *later]
    with ScriptedServer(provider="hyperbolic") as server, told(server, "hyperbolic") as client:
        with pytest.raises(TooManyImagesError, match=r"messages\[2\]"):
            client.chat(messages)
        assert server.requests == 0


@pytest.mark.parametrize("provider", SEEDS)
def test_a_follow_up_question_sends_the_picture_again(provider: str) -> None:
    turns = [
        *user(text("What items are on this receipt?"), image(data_uri(picture("PNG"), "png"))),
        {"role": "assistant", "content": "1. Coffee - $4.50"},
        {"role": "user", "content": "What is the total amount?"},
    ]
    _, seen = ask(provider, turns, max_tokens=256)
    assert len(seen.images) == 1
    assert seen.messages[2]["content"] == "What is the total amount?"


@pytest.mark.parametrize("provider", SEEDS)
@pytest.mark.parametrize("detail", ["high", "low", "auto"])
def test_detail_is_sent_where_the_page_has_it_and_else_dropped_with_a_warning(
    provider: str, detail: str
) -> None:
    answer, seen = ask(provider, user(image(data_uri(picture("PNG"), "png"), detail=detail), text("Read.")))
    if provider in ("novita", "myrouter"):
        assert seen.images[0].detail == detail
        assert answer.warnings == ()
    else:
        assert seen.images[0].detail is None
        assert any("detail" in warning for warning in answer.warnings)


async def streamed(client: VLMClient, messages: Any) -> list[Any]:
    return [step async for step in client.astream(messages)]


STREAMS: dict[str, Callable[[VLMClient, Any], list[Any]]] = {
    "sync": lambda client, messages: list(client.stream(messages)),
    "async": lambda client, messages: asyncio.run(streamed(client, messages)),
}


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
@pytest.mark.parametrize("provider", SEEDS)
def test_a_stream_comes_piece_by_piece_and_ends_with_the_whole(
    provider: str, stream: Callable[[VLMClient, Any], list[Any]]
) -> None:
    with ScriptedServer(provider=provider) as server, told(server, provider) as client:
        server.stream("Three ", "tall ", "buildings.")
        *deltas, answer = stream(client, user(image(data_uri(picture("JPEG"), "jpeg")), text("Describe.")))
    assert "".join(delta.text for delta in deltas) == "Three tall buildings." == answer.text
    assert len([delta for delta in deltas if delta.text]) == 3
    assert answer.finish_reason == "stop"
    assert answer.usage.input_tokens


@pytest.mark.parametrize("provider", SEEDS)
@pytest.mark.parametrize(
    ("kind", "size"),
    [
        pytest.param("PNG", (2049, 40), id="wide"),
        pytest.param("PNG", (40, 2049), id="tall"),
        pytest.param("GIF", (64, 48), id="gif"),
        pytest.param("BMP", (64, 48), id="bmp"),
        pytest.param("TIFF", (64, 48), id="tiff"),
    ],
)
def test_a_picture_beyond_a_limit_is_made_to_fit(provider: str, kind: str, size: tuple[int, int]) -> None:
    _, seen = ask(provider, user(image(data_uri(picture(kind, size), "png")), text("Read.")))
    assert seen.refusal is None


@pytest.mark.parametrize("provider", SEEDS)
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "1", "I;16"])
def test_modes_at_which_the_pages_own_helpers_fail_are_sent(provider: str, mode: str) -> None:
    file = BytesIO()
    Image.linear_gradient("L").convert("I" if mode == "I;16" else mode).convert(mode).save(file, "PNG")
    answer, _ = ask(provider, user(image(data_uri(file.getvalue(), "png")), text("Read.")))
    assert answer.text == "An invoice."


def test_more_images_than_a_page_recommends_are_sent_with_a_warning() -> None:
    three = [image(data_uri(picture("PNG", (64, side)), "png")) for side in (40, 50, 60)]
    with pytest.warns(UserWarning, match="2"):
        _, seen = ask("novita", user(*three, text("Compare.")))
    assert len(seen.images) == 3


@pytest.mark.parametrize("provider", SEEDS)
def test_a_picture_no_provider_could_read_fails_before_it_is_sent(provider: str) -> None:
    with ScriptedServer(provider=provider) as server, told(server, provider) as client:
        with pytest.raises(InputError, match="SVG"):
            client.chat(user(image(data_uri(b"<svg xmlns='x'></svg>", "png")), text("Read.")))
        assert server.requests == 0


@pytest.mark.parametrize(
    "url", ["/etc/passwd", "file:///etc/passwd", "scan.png", "ftp://example.com/a.png", ""]
)
def test_what_stands_for_a_url_and_is_none_is_never_opened_nor_sent(url: str) -> None:
    with ScriptedServer(provider="novita") as server, told(server, "novita") as client:
        with pytest.raises(VLMError, match=r"messages\[0\].content\[0\]"):
            client.chat(user(image(url), text("Read.")))
        assert server.requests == 0
