"""The claims of an answer with the Documents that bear them, as a step of a chain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from langchain_core.documents import Document
from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable, RunnableLambda

from vlm_core import CitedAnswer, ConfigError, cite

__all__ = ["with_citations"]


def with_citations(
    documents: Iterable[Document] | None = None,
    *,
    answer_key: str = "answer",
    documents_key: str = "context",
) -> Runnable[Any, Any]:
    """A step behind an answer: its claims with source, page and boxes, and those that no Document bears.

    With `documents`, as in `model | with_citations(documents)`, what comes in is an answer, a message or a
    text, and what goes out is a `CitedAnswer`. Without, as in `chain | with_citations()`, what comes in is a
    dict that holds both, such as LangChain's retrieval chains give; it goes out with `citations` in it.

    Args:
        documents: that the answer was made from; the metadata of `VLMLoader` tells pages and boxes.
        answer_key: under which a dict holds the answer.
        documents_key: under which a dict holds the Documents.

    Raises:
        ConfigError: when it runs, what comes in is not an answer, or lacks the Documents.

    Example:
        >>> menu = Document("TEA 2.00", metadata={"source": "menu.png", "page": 0})
        >>> cited = with_citations([menu]).invoke("Tea is 2.00.")
        >>> cited.claims[0].citations[0].source, cited.ok
        ('menu.png', True)
    """
    held = None if documents is None else list(documents)

    def step(given: object) -> CitedAnswer | dict[str, Any]:
        if not isinstance(given, Mapping):
            if held is None:
                raise ConfigError("with_citations() got an answer and no Documents", hint=_HINT)
            return cite(_text_of(given), held)
        found = given.get(documents_key) if held is None else held
        if answer_key not in given or found is None:
            lacking = answer_key if answer_key not in given else documents_key
            raise ConfigError(f"with_citations() got a dict without {lacking!r}", hint=_HINT)
        return {**given, "citations": cite(_text_of(given[answer_key]), found)}

    return RunnableLambda(step, name="with_citations")


_HINT = (
    "Give the Documents, or a dict with the answer and the Documents; answer_key and documents_key name them."
)


def _text_of(answer: object) -> str:
    if isinstance(answer, BaseMessage):
        return str(answer.text)
    if isinstance(answer, str):
        return answer
    raise ConfigError(f"the answer is a {type(answer).__name__}", hint="Give a message or a text.")
