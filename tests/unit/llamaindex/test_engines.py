"""Any LLM of LlamaIndex that takes images reads pages, with tasks, guards and journal as our own."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, LLMMetadata
from llama_index.core.llms import MockLLM
from PIL import Image
from pydantic import Field

from llamaindex_vlm import VLM, OCRTransform, VLMReader
from vlm_core import PageResult, PageState, Provider, Route
from vlm_core.testing import ScriptedServer


class Scripted(MockLLM):
    """Somebody else's LLM: says what it is told, and remembers what it was asked."""

    says: list[tuple[str, str]] = Field(default_factory=list)
    asked: list[tuple[Sequence[ChatMessage], dict[str, Any]]] = Field(default_factory=list)
    api_key: str = "sk-canary"

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="acme-vision-1")

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        self.asked.append((messages, kwargs))
        text, reason = self.says.pop(0) if len(self.says) > 1 else self.says[0]
        return ChatResponse(
            message=ChatMessage(role="assistant", content=text),
            additional_kwargs={"finish_reason": reason, "prompt_tokens": 100, "completion_tokens": 10},
        )

    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return self.chat(messages, **kwargs)


def scripted(*says: tuple[str, str]) -> Scripted:
    llm = Scripted()
    llm.says = list(says)
    return llm


@pytest.fixture
def scan() -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((300, 200)).save(file, "PNG")
    return file.getvalue()


def test_a_page_is_read_by_it(scan: bytes) -> None:
    pages: list[PageResult] = []
    llm = scripted(("TOTAL 9.00", "stop"))
    (document,) = VLMReader(engine=llm, on_page=pages.append).load_data(scan)
    assert document.text == "TOTAL 9.00"
    assert (pages[0].model, pages[0].state) == ("acme-vision-1", PageState.OK)
    ((asked, options),) = llm.asked
    (block,) = [block for block in asked[-1].blocks if block.block_type == "image"]
    assert Image.open(block.resolve_image()).size == (300, 200)
    assert options["temperature"] == 0


async def test_so_it_is_without_blocking(scan: bytes) -> None:
    llm = scripted(("TOTAL 9.00", "stop"))
    assert [document.text for document in await VLMReader(engine=llm).aload_data(scan)] == ["TOTAL 9.00"]


def test_a_cut_answer_is_asked_for_again(scan: bytes) -> None:
    llm = scripted(("TOTAL", "length"), ("TOTAL 9.00", "stop"))
    assert [document.text for document in VLMReader(engine=llm).load_data(scan)] == ["TOTAL 9.00"]
    assert len(llm.asked) == 2


def test_the_journal_keeps_what_it_read(scan: bytes, tmp_path: Path) -> None:
    llm = scripted(("TOTAL 9.00", "stop"))
    for _ in range(2):
        reader = VLMReader(engine=llm, journal=str(tmp_path / "pages.journal"))
        assert [document.text for document in reader.load_data(scan)] == ["TOTAL 9.00"]
    assert len(llm.asked) == 1


@pytest.mark.parametrize("kind", [VLMReader, OCRTransform])
def test_no_key_of_it_is_in_what_is_stored(kind: Any) -> None:
    component = kind(engine=scripted(("TOTAL 9.00", "stop")))
    assert "sk-canary" not in component.to_json()
    assert "acme-vision-1" in component.to_json()


def test_a_page_names_the_route_of_our_own_model_that_read_it(scan: bytes, tmp_path: Path) -> None:
    pages: list[PageResult] = []
    journal = tmp_path / "pages.journal"
    with ScriptedServer() as server, ScriptedServer() as broken:
        broken.refuse(500, "out of order")
        server.say("TOTAL 9.00")
        fallback = Route(Provider(name="other"), "b", api_key=server.api_key, base_url=server.base_url)
        model = VLM(
            model="deepinfra:a",
            api_base=broken.base_url,
            api_key=broken.api_key,
            fallbacks=[fallback],
            max_retries=0,
        )
        for _ in range(2):
            VLMReader(engine=model, on_page=pages.append, journal=journal).load_data(scan)
    assert [(page.provider, page.model) for page in pages] == [("other", "b")] * 2
    assert server.requests == 1  # the journal has it
