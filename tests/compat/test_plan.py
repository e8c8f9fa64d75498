"""A plan against a real server: the tokens that it foretells are those that the server counts."""

from __future__ import annotations

import io

from PIL import Image

from vlm_core.catalog.registry import register
from vlm_core.catalog.schema import ModelProfile
from vlm_core.client import VLMClient
from vlm_core.jobs.reader import DocumentReader

MAX_PIXELS = 401_408
"""Of this server's image processor."""
PAGES = 30
WORDS = "Read."


def scan(number: int) -> bytes:
    file = io.BytesIO()
    image = Image.linear_gradient("L").resize((300 + 37 * number, 900 - 23 * number))
    image.convert("RGB").save(file, "PNG")
    return file.getvalue()


def test_the_image_tokens_of_a_plan_are_those_that_are_counted(tiny: VLMClient) -> None:
    model = tiny.endpoint.model
    register(ModelProfile(prefix=model, image_tokens="qwen2-vl", max_pixels=MAX_PIXELS, grid=28))
    client = VLMClient(model, base_url=tiny.endpoint.base_url)
    reader = DocumentReader(client, prompt=WORDS, request_options={"max_tokens": 1}, max_concurrency=1)
    scans = [scan(number) for number in range(PAGES)]
    planned = [reader.plan(data).routes[0].image_tokens for data in scans]
    with client:
        words = client.chat([{"role": "user", "content": WORDS}], max_tokens=1).usage.input_tokens
        counted = [client.chat(question(data), max_tokens=1).usage.input_tokens for data in scans]
    assert words is not None
    assert planned == [count and count - words for count in counted]


def question(data: bytes) -> list[dict[str, object]]:
    parts = [{"type": "image", "image": data}, {"type": "text", "text": WORDS}]
    return [{"role": "user", "content": parts}]
