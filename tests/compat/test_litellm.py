"""Against litellm's proxy: another project's dialect of the same protocol."""

from io import BytesIO

import pytest
from PIL import Image

from vlm_core.client import VLMClient
from vlm_core.completion import Completion
from vlm_core.errors import ContextOverflow, ProviderError, RateLimited, ServerError, VLMError

MODEL = "Qwen/Qwen2.5-VL-32B-Instruct"
KEY = "sk-local"


def client_of(base_url: str, model: str = MODEL, key: str = KEY) -> VLMClient:
    return VLMClient(model, base_url=base_url, api_key=key)


def question() -> list[dict[str, object]]:
    file = BytesIO()
    Image.new("RGB", (40, 30), "white").save(file, "PNG")
    parts = [{"type": "image", "image": file.getvalue()}, {"type": "text", "text": "OCR"}]
    return [{"role": "user", "content": parts}]


def test_an_answer_has_text_and_usage(base_url_of_litellm: str) -> None:
    with client_of(base_url_of_litellm) as client:
        answer = client.chat(question())
    assert answer.text == "INVOICE 42\nTotal: 12.50"
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (10, 20)


def test_a_stream_ends_with_its_usage(base_url_of_litellm: str) -> None:
    with client_of(base_url_of_litellm) as client:
        *deltas, answer = client.stream(question())
    assert isinstance(answer, Completion)
    assert "".join(delta.text for delta in deltas) == "INVOICE 42\nTotal: 12.50"
    assert answer.usage.input_tokens


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        pytest.param("mock-ratelimit", RateLimited, id="429"),
        pytest.param("mock-5xx", ServerError, id="500"),
        pytest.param("mock-context", ContextOverflow, id="context"),
        pytest.param("nope", ProviderError, id="model"),
    ],
)
def test_an_error_is_typed_and_has_the_proxys_words(
    base_url_of_litellm: str, model: str, kind: type[VLMError]
) -> None:
    with client_of(base_url_of_litellm, model) as client, pytest.raises(kind) as caught:
        client.chat(question())
    assert "litellm" in str(caught.value).lower() or "model" in str(caught.value).lower()


def test_a_wrong_key_is_an_error_of_the_provider(base_url_of_litellm: str) -> None:
    with client_of(base_url_of_litellm, key="sk-wrong-key") as client, pytest.raises(ProviderError):
        client.chat(question())
