"""Against `transformers serve`: real image decoding and real token counts; the text is gibberish."""

from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from vlm_core.catalog.image_tokens import image_tokens
from vlm_core.client import VLMClient
from vlm_core.completion import Completion
from vlm_core.errors import ProviderError, RequestRejected

MAX_PIXELS = 401_408
"""Of this server's image processor."""
SIZES = [(28, 28), (64, 64), (112, 84), (224, 224), (300, 300), (448, 448), (595, 842), (640, 480)]
SIZES += [(1000, 1000), (1240, 1754), (3000, 200), (400, 2400)]
QUESTION = {"type": "text", "text": "Extract all text."}


def picture(size: tuple[int, int]) -> bytes:
    file = BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(file, "JPEG")
    return file.getvalue()


def ask(client: VLMClient, *images: bytes) -> Completion:
    parts: list[dict[str, Any]] = [{"type": "image", "image": image} for image in images]
    return client.chat([{"role": "user", "content": [*parts, QUESTION]}], max_tokens=2)


def expected(width: int, height: int) -> int:
    tokens = image_tokens("qwen2-vl", width, height, max_pixels=MAX_PIXELS, with_overhead=True)
    assert tokens is not None
    return tokens


def image_tokens_of(client: VLMClient, *images: bytes) -> int:
    with_images, without = ask(client, *images).usage.input_tokens, ask(client).usage.input_tokens
    assert with_images is not None
    assert without is not None
    return with_images - without


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_tokens_of_an_image_are_those_of_our_formula(tiny: VLMClient, size: tuple[int, int]) -> None:
    assert image_tokens_of(tiny, picture(size)) == expected(*size)


def test_the_tokens_of_three_images_add_up(tiny: VLMClient) -> None:
    sizes = [(112, 84), (300, 300), (595, 842)]
    assert image_tokens_of(tiny, *map(picture, sizes)) == sum(expected(*size) for size in sizes)


def test_a_photo_that_exif_turns_is_answered_as_the_same_photo_upright(tiny: VLMClient) -> None:
    upright, turned = BytesIO(), BytesIO()
    image = Image.linear_gradient("L").resize((700, 112)).convert("RGB")
    image.rotate(-90, expand=True).save(upright, "PNG")
    exif = Image.Exif()
    exif[274] = 6
    image.save(turned, "PNG", exif=exif)
    wanted, got = ask(tiny, upright.getvalue()), ask(tiny, turned.getvalue())
    assert got.usage.input_tokens == wanted.usage.input_tokens
    assert got.text == wanted.text


def test_a_stream_gives_pieces_and_the_usage(tiny: VLMClient) -> None:
    parts = [{"type": "image", "image": picture((112, 84))}, QUESTION]
    *deltas, answer = tiny.stream([{"role": "user", "content": parts}], max_tokens=8)
    assert isinstance(answer, Completion)
    assert "".join(delta.text for delta in deltas) == answer.text
    assert answer.usage.input_tokens
    assert answer.usage.output_tokens


async def test_an_asynchronous_call_gives_what_a_blocking_one_does(tiny: VLMClient) -> None:
    parts = [{"type": "image", "image": picture((112, 84))}, QUESTION]
    messages = [{"role": "user", "content": parts}]
    asynchronous = await tiny.achat(messages, max_tokens=8)
    assert asynchronous.text == tiny.chat(messages, max_tokens=8).text


def test_another_model_is_refused_with_the_servers_words(tiny: VLMClient) -> None:
    with VLMClient("nope", base_url=tiny.endpoint.base_url) as client, pytest.raises(ProviderError) as caught:
        client.chat("Hello", max_tokens=2)
    assert "qwen25vl-tiny" in str(caught.value)


def test_an_unknown_field_is_refused_with_its_name(tiny: VLMClient) -> None:
    with pytest.raises(RequestRejected, match="frobnicate"):
        tiny.chat("Hello", max_tokens=2, extra_body={"frobnicate": 1})
