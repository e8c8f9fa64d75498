"""with_citations() behind an answer, and evidence of structured answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableLambda
from pydantic import BaseModel

from langchain_vlm import ChatVLM, image_block, with_citations
from vlm_core import ConfigError, ExtractionResult
from vlm_core.testing import ScriptedServer

RECEIPT = Path(__file__).parents[3] / "examples" / "scans" / "receipt.jpg"
DOCUMENTS = [Document("TEA 2.00", metadata={"source": "menu.png", "page": 0})]
Make = Callable[..., ChatVLM]


class Receipt(BaseModel):
    """What a receipt says."""

    total: float


@pytest.mark.parametrize("answer", ["Tea is 2.00.", AIMessage("Tea is 2.00.")], ids=["text", "message"])
def test_an_answer_becomes_its_claims(answer: Any) -> None:
    chain = RunnableLambda(lambda _: answer) | with_citations(DOCUMENTS)
    for cited in (chain.invoke(""), asyncio.run(chain.ainvoke(""))):
        assert cited.claims[0].citations[0].source == "menu.png"


def test_a_dict_keeps_what_it_holds() -> None:
    given = {"answer": "Tea is 2.00.", "context": DOCUMENTS, "input": "tea?"}
    found = with_citations().invoke(given)
    assert (found["input"], found["citations"].ok) == ("tea?", True)


@pytest.mark.parametrize(
    "given", ["Tea is 2.00.", {"answer": "Tea"}, {"context": DOCUMENTS}, {"answer": 5, "context": DOCUMENTS}]
)
def test_what_cannot_be_cited_is_refused(given: Any) -> None:
    with pytest.raises(ConfigError):
        with_citations().invoke(given)


QUESTION = [HumanMessage([image_block(RECEIPT), "What is the total?"])]


@pytest.mark.parametrize("method", ["json_schema", "json_mode"])
def test_a_structured_answer_comes_with_its_evidence(make: Make, server: ScriptedServer, method: Any) -> None:
    server.say('{"total": 38.25}')
    result = make().with_structured_output(Receipt, method=method, evidence=True).invoke(QUESTION)
    assert isinstance(result, ExtractionResult)
    assert result.data == Receipt(total=38.25)
    assert (result.fields["total"].status, result.fields["total"].page) == ("exact", 1)


def test_a_wrong_value_and_a_check_are_told(make: Make, server: ScriptedServer) -> None:
    server.say('{"total": 88.25}')
    reader = make().with_structured_output(Receipt, evidence=True, checks=["total < 50"])
    found = asyncio.run(reader.ainvoke(QUESTION)).findings
    assert [(finding.kind, finding.path) for finding in found] == [
        ("number_changed", "/total"),
        ("check_failed", "/total"),
    ]


def test_the_raw_answer_comes_beside_the_evidence(make: Make, server: ScriptedServer) -> None:
    server.say('{"total": 38.25}')
    server.say("I cannot say.")
    reader = make().with_structured_output(Receipt, evidence=True, include_raw=True)
    good, bad = reader.invoke(QUESTION), reader.invoke(QUESTION)
    assert (good["parsed"], good["evidence"].ok) == (Receipt(total=38.25), True)
    assert (bad["evidence"], bad["parsing_error"] is None) == (None, False)


def test_without_a_picture_nothing_is_checked(make: Make, server: ScriptedServer) -> None:
    server.say('{"total": 38.25}')
    result = make().with_structured_output(Receipt, evidence=True).invoke("What is the total?")
    assert result.fields["total"].status == "not_checked"
