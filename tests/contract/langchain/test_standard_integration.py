"""LangChain's own integration tests of a chat model, whole, with every support that has a flag but audio."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from operator import add
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("langchain_tests")

import httpx
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_tests.integration_tests import ChatModelIntegrationTests

from langchain_vlm import ChatVLM
from vlm_core import ImageLimits, Provider
from vlm_core.testing import ScriptedServer

DETAILS = ["reasoning_output", "cache_read_input"]


class TestChatVLM(ChatModelIntegrationTests):
    """Over a strict server, whose model does as it is told."""

    server: ScriptedServer

    @pytest.fixture(autouse=True)
    def serve(
        self, obliging: ScriptedServer, monkeypatch: pytest.MonkeyPatch, picture: Any, pdf: bytes
    ) -> Iterator[None]:
        """The server, and what the suite would download."""
        self.server = obliging
        files = {"png": picture(), "pdf": pdf}

        def get(url: str, **_: object) -> SimpleNamespace:
            return SimpleNamespace(content=files[url.rpartition(".")[2]])

        monkeypatch.setattr(httpx, "get", get)
        yield
        obliging.stop()

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatVLM

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {
            "model": "some-vlm",
            "base_url": self.server.base_url,
            "provider": Provider(name="lab", limits=ImageLimits(accepts_url=True)),  # or it fetches URLs here
            "api_key": self.server.api_key,
        }

    @property
    def structured_output_kwargs(self) -> dict[str, Any]:
        return {"method": "json_schema"}

    @property
    def has_tool_choice(self) -> bool:
        return True

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def supports_image_inputs(self) -> bool:
        return True

    @property
    def supports_image_urls(self) -> bool:
        return True

    @property
    def supports_pdf_inputs(self) -> bool:
        return True

    @property
    def supports_image_tool_message(self) -> bool:
        return True

    @property
    def supports_pdf_tool_message(self) -> bool:
        return True

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True

    @property
    def model_override_value(self) -> str:
        return "other-vlm"

    @property
    def supported_usage_metadata_details(self) -> Any:
        return {"invoke": DETAILS, "stream": DETAILS}

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        message = self.ask("Think, then greet me.", stream=stream)
        assert message.usage_metadata
        assert message.usage_metadata["output_token_details"] == {"reasoning": 4}
        assert message.additional_kwargs["reasoning_content"] == "The user greets me."
        return message

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        message = self.ask("Hello again.", stream=stream)
        assert message.usage_metadata
        assert message.usage_metadata["input_token_details"] == {"cache_read": 8}
        return message

    def ask(self, question: str, *, stream: bool) -> AIMessage:
        model = ChatVLM(**self.chat_model_params)
        return reduce(add, model.stream(question)) if stream else model.invoke(question)
