"""A real server that VLM_COMPAT_BASE_URL names; without it these tests skip."""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from vlm_core.client import VLMClient

BASE_URL = os.environ.get("VLM_COMPAT_BASE_URL", "")
LITELLM_KEY = "sk-local"
TINY_MODEL = "qwen25vl-tiny"


def listed_models() -> list[str]:
    request = urllib.request.Request(BASE_URL + "/models", headers={"Authorization": f"Bearer {LITELLM_KEY}"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return [model["id"] for model in json.load(answer)["data"]]
    except urllib.error.HTTPError:
        return []


@pytest.fixture(scope="session")
def is_litellm() -> bool:
    """Whether the server is litellm's proxy with its mocked models, and not `transformers serve`."""
    if not BASE_URL:
        pytest.skip("no real server: VLM_COMPAT_BASE_URL names none")
    return "mock-ratelimit" in listed_models()


@pytest.fixture
def tiny(is_litellm: bool) -> Iterator[VLMClient]:
    """A client of `transformers serve` with a tiny Qwen2.5-VL."""
    if is_litellm:
        pytest.skip(f"{BASE_URL} is litellm's proxy")
    with VLMClient(TINY_MODEL, base_url=BASE_URL) as client:
        yield client


@pytest.fixture
def base_url_of_litellm(is_litellm: bool) -> str:
    """Where litellm's proxy is."""
    if not is_litellm:
        pytest.skip(f"{BASE_URL} is not litellm's proxy")
    return BASE_URL
