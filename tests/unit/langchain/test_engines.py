"""Any chat model of LangChain reads pages, with the tasks, guards and journal of our own client."""

from __future__ import annotations

import base64
import io
import pickle
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from PIL import Image
from pydantic import Field

from langchain_vlm import ChatVLM, VLMLoader
from vlm_core import PageResult, PageState, Provider, ProviderError, Route
from vlm_core.testing import ScriptedServer


class Scripted(BaseChatModel):
    """Somebody else's chat model: says what it is told, and remembers what it was asked."""

    says: list[Any] = Field(default_factory=list)
    asked: list[tuple[list[BaseMessage], dict[str, Any]]] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> Any:
        return {"ls_provider": "acme", "ls_model_name": "acme-vision-1"}

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        self.asked.append((messages, kwargs))
        said = self.says.pop(0) if len(self.says) > 1 else self.says[0]
        if isinstance(said, Exception):
            raise said
        return ChatResult(generations=[ChatGeneration(message=said)])


def message(text: str, reason: str = "end_turn") -> AIMessage:
    used = {"input_tokens": 100, "output_tokens": 10, "total_tokens": 110}
    return AIMessage(text, response_metadata={"stop_reason": reason}, usage_metadata=used)


@pytest.fixture
def scan() -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((300, 200)).save(file, "PNG")
    return file.getvalue()


def read(model: Scripted, scan: bytes, **options: Any) -> tuple[list[Any], list[PageResult]]:
    pages: list[PageResult] = []
    documents = VLMLoader(scan, engine=model, on_page=pages.append, **options).load()
    return documents, pages


def test_a_page_is_read_by_it(scan: bytes) -> None:
    model = Scripted(says=[message("TOTAL 9.00")])
    (document,), (page,) = read(model, scan)
    assert document.page_content == "TOTAL 9.00"
    assert (page.provider, page.model, page.state) == ("acme", "acme-vision-1", PageState.OK)
    assert page.usage is not None
    assert (page.usage.input_tokens, page.usage.output_tokens) == (100, 10)


async def test_so_it_is_without_blocking(scan: bytes) -> None:
    model = Scripted(says=[message("TOTAL 9.00")])
    documents = [document async for document in VLMLoader(scan, engine=model).alazy_load()]
    assert [document.page_content for document in documents] == ["TOTAL 9.00"]


def test_it_is_shown_the_page(scan: bytes) -> None:
    model = Scripted(says=[message("TOTAL 9.00")])
    read(model, scan, request_options={"max_side": 150})
    ((asked, options),) = model.asked
    (block,) = [block for block in asked[-1].content if block["type"] == "image"]  # type: ignore[index]
    picture = Image.open(io.BytesIO(base64.b64decode(block["base64"])))  # type: ignore[index]
    assert picture.size == (150, 100)
    assert block["mime_type"] == f"image/{(picture.format or '').lower()}"  # type: ignore[index]
    assert options["temperature"] == 0


def test_an_answer_cut_in_its_own_words_is_asked_for_again(scan: bytes) -> None:
    model = Scripted(says=[message("TOTAL", "max_tokens"), message("TOTAL 9.00")])
    _, (page,) = read(model, scan)
    assert (page.text, page.state, len(model.asked)) == ("TOTAL 9.00", PageState.OK, 2)


def test_its_errors_are_of_our_family_and_cost_no_other_page(scan: bytes) -> None:
    model = Scripted(says=[RuntimeError("the socket fell out"), message("TOTAL 9.00")])
    pages: list[PageResult] = []
    loader = VLMLoader([scan, scan], engine=model, on_page=pages.append, max_concurrency=1, empty_pages=True)
    assert [document.page_content for document in loader.load()] == ["", "TOTAL 9.00"]
    assert isinstance(pages[0].error, ProviderError)
    assert "the socket fell out" in str(pages[0].error)


def test_the_journal_keeps_what_it_read(scan: bytes, tmp_path: Path) -> None:
    model = Scripted(says=[message("TOTAL 9.00")])
    for _ in range(2):
        documents, _ = read(model, scan, journal=tmp_path / "pages.journal")
        assert documents[0].page_content == "TOTAL 9.00"
    assert len(model.asked) == 1


def test_a_loader_with_it_can_be_pickled(scan: bytes) -> None:
    loader = pickle.loads(pickle.dumps(VLMLoader(scan, engine=Scripted(says=[message("TOTAL 9.00")]))))
    assert loader.load()[0].page_content == "TOTAL 9.00"


def test_a_page_names_the_route_of_our_own_model_that_read_it(scan: bytes, tmp_path: Path) -> None:
    pages: list[PageResult] = []
    journal = tmp_path / "pages.journal"
    with ScriptedServer() as server, ScriptedServer() as broken:
        broken.refuse(500, "out of order")
        server.say("TOTAL 9.00")
        fallback = Route(Provider(name="other"), "b", api_key=server.api_key, base_url=server.base_url)
        model = ChatVLM(
            model="deepinfra:a",
            base_url=broken.base_url,
            api_key=broken.api_key,
            fallbacks=[fallback],
            max_retries=0,
        )
        for _ in range(2):
            VLMLoader(scan, engine=model, on_page=pages.append, journal=journal).load()
    assert [(page.provider, page.model) for page in pages] == [("other", "b")] * 2
    assert server.requests == 1  # the journal has it
