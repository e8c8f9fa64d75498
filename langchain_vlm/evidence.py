"""Structured answers with the place of each value in the pictures that the model was shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda

from langchain_vlm.errors import langchain_errors
from langchain_vlm.messages import Message
from vlm_core import ExtractionResult
from vlm_core.integration import Check, Verify, data_checks, on_own_thread, proved_by_messages

__all__ = ["with_evidence"]


def with_evidence(
    answers: Runnable[LanguageModelInput, Any],
    messages_of: Callable[[LanguageModelInput], list[Message]],
    schema: Mapping[str, Any] | None,
    verify: Verify,
    checks: Sequence[Check],
    *,
    include_raw: bool,
    allow_private_urls: bool,
) -> Runnable[LanguageModelInput, Any]:
    """Answers that are looked up in the pictures of what was asked.

    Args:
        answers: a model with its answers read.
        messages_of: what is asked, as the client takes it.
        schema: that they fit.
        verify: "strict" has notes about numbers looked at, too.
        checks: of the data.
        include_raw: whether the answers are dicts with `raw`, `parsed` and `parsing_error`.
        allow_private_urls: whether a picture's URL may lead to this machine or its network.

    Raises:
        ConfigError: a check is not known.
    """
    with langchain_errors():
        understood = data_checks(checks)

    def proved(asked: LanguageModelInput, answer: Any) -> Any:
        data = answer["parsed"] if include_raw else answer
        if include_raw and answer["parsing_error"] is not None:
            return {**answer, "evidence": None}
        with langchain_errors():
            result: ExtractionResult = proved_by_messages(
                messages_of(asked),
                data,
                schema,
                checks=understood,
                verify=verify,
                allow_private_urls=allow_private_urls,
            )
        return {**answer, "evidence": result} if include_raw else result

    def step(asked: LanguageModelInput, config: RunnableConfig) -> Any:
        return proved(asked, answers.invoke(asked, config))

    async def astep(asked: LanguageModelInput, config: RunnableConfig) -> Any:
        return await on_own_thread(proved, asked, await answers.ainvoke(asked, config))

    return RunnableLambda(step, astep, name="with_evidence")
