"""Answers as objects of a class: asked for as JSON, checked, and asked for once more where they do not fit.

The questions are a generator that yields conversations and is sent the answers, so that blocking
and asynchronous callers go through the same steps.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole
from llama_index.core.bridge.pydantic import BaseModel, ValidationError
from llama_index.core.program.streaming_utils import process_streaming_content_incremental

from llamaindex_vlm.responses import is_whole
from vlm_core import (
    ConfigError,
    ContentFiltered,
    MalformedResponse,
    OutputTruncated,
    ResponseError,
    find_json,
)

if TYPE_CHECKING:
    from llama_index.core.llms import LLM
    from llama_index.core.program.utils import FlexibleModel

Output = TypeVar("Output", bound=BaseModel)
Questions: TypeAlias = Generator[list[ChatMessage], ChatResponse, tuple[Output, ChatResponse]]

_NOT_ANSWERABLE = ("tool_choice", "tool_required", "allow_parallel_tool_calls")
"""Arguments for structured output by way of tools, which have no meaning here."""
_SUMS = ("prompt_tokens", "completion_tokens", "total_tokens", "cost_usd", "attempts")
_REPAIR = "That is not as the schema has it:\n{problems}\nGive the whole corrected JSON, and nothing else."
_PROBLEMS_SHOWN = 10


def options_for(output_cls: type[BaseModel], llm_kwargs: Mapping[str, Any] | None) -> dict[str, Any]:
    """The options of a chat whose answer is to be such an object.

    Raises:
        ConfigError: it is not a pydantic model.

    Example:
        >>> options_for(BaseModel, {"temperature": 0, "tool_choice": "required"})["temperature"]
        0
    """
    check_output_cls(output_cls)
    kept = {name: value for name, value in (llm_kwargs or {}).items() if name not in _NOT_ANSWERABLE}
    return {**kept, "response_format": output_cls}


def check_output_cls(output_cls: object) -> None:
    """Refuse what answers cannot be made into, before a model is asked.

    Raises:
        ConfigError: it is not a pydantic model.
    """
    if isinstance(output_cls, type) and issubclass(output_cls, BaseModel):
        return
    name = getattr(output_cls, "__name__", type(output_cls).__name__)
    raise ConfigError(
        f"output_cls is {name}, which is not a pydantic model", hint="Give a model with it as a field."
    )


def questions(output_cls: type[Output], messages: Sequence[ChatMessage]) -> Questions[Output]:
    """Yields what to ask, is sent what was answered, and returns the object with the answer it is from.

    Args:
        output_cls: what the answer is to be.
        messages: the question.

    Raises:
        OutputTruncated: the answer was cut off; `.partial` holds what came.
        ContentFiltered: the provider or the model declined.
        MalformedResponse: the second answer does not fit either; `.partial` holds it.
    """
    first = yield list(messages)
    try:
        return _parsed(output_cls, first), first
    except _UnfitError as error:
        problems = str(error)
    said = ChatMessage(role=MessageRole.ASSISTANT, content=first.message.content or "")
    repair = ChatMessage(role=MessageRole.USER, content=_REPAIR.format(problems=problems))
    second = yield [*messages, said, repair]
    try:
        return _parsed(output_cls, second), _spent_on_both(first, second)
    except _UnfitError as error:
        message = f"the answer does not match {output_cls.__name__}, even after one correction: {error}"
        raise _failed(MalformedResponse(message, hint=_OTHER_MODEL), second) from None


_OTHER_MODEL = "Make the schema simpler, or use another model; .partial holds what came."


class _UnfitError(ValueError):
    """The answer does not fit; the words are for the model, which is asked once more."""


def _parsed(output_cls: type[Output], response: ChatResponse) -> Output:
    reason, refusal = (response.additional_kwargs.get(name) for name in ("finish_reason", "refusal"))
    if refusal or reason == "content_filter":
        raise _failed(ContentFiltered(f"there is no {output_cls.__name__}: {refusal or reason}"), response)
    if reason == "length":
        raise _failed(OutputTruncated(f"the {output_cls.__name__} is cut off"), response)
    found = find_json(response.message.content or "")
    if found.problem:
        raise _UnfitError(found.problem)
    try:
        return output_cls.model_validate_json(found.source)
    except ValidationError as error:
        problems = _said(error)
    raise _UnfitError(problems)


def _failed(error: ResponseError, response: ChatResponse) -> ResponseError:
    error.partial = response.message.content or ""
    error.route = response.additional_kwargs.get("route")
    return error


def _said(error: ValidationError) -> str:
    """What is wrong, without the values, of which the model may have written many."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    lines = [f"{'.'.join(map(str, one['loc'])) or 'the whole'}: {one['msg']}" for one in found]
    return "\n".join(lines[:_PROBLEMS_SHOWN])


def _spent_on_both(first: ChatResponse, second: ChatResponse) -> ChatResponse:
    """The second answer, with what was spent on the first one too."""
    before, after = first.additional_kwargs, second.additional_kwargs
    sums = {name: before[name] + after[name] for name in _SUMS if name in before and name in after}
    return second.model_copy(update={"additional_kwargs": {**after, **sums}})


# --- asking --------------------------------------------------------------------------------------


def ask(
    pending: Questions[Output], chat: Callable[[list[ChatMessage]], ChatResponse]
) -> tuple[Output, ChatResponse]:
    """Put the questions with a blocking chat."""
    messages = next(pending)
    while True:
        try:
            messages = pending.send(chat(messages))
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


async def aask(
    pending: Questions[Output], achat: Callable[[list[ChatMessage]], Awaitable[ChatResponse]]
) -> tuple[Output, ChatResponse]:
    """As `ask`, on an event loop."""
    messages = next(pending)
    while True:
        try:
            messages = pending.send(await achat(messages))
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


def stream(
    llm: LLM, output_cls: type[Output], messages: Sequence[ChatMessage], llm_kwargs: Mapping[str, Any] | None
) -> Generator[tuple[Output | FlexibleModel, ChatResponse], None, None]:
    """The object as it grows, with the answer so far; the last one is checked, and whole.

    Raises:
        ResponseError: as `questions` says. A correction is not streamed.
    """
    options = options_for(output_cls, llm_kwargs)
    growing: Output | FlexibleModel | None = None
    with closing(llm.stream_chat(messages, **options)) as responses:
        for response in responses:
            if not is_whole(response):
                growing = process_streaming_content_incremental(response, output_cls, growing)
                yield growing, response
    waiting = [response]

    def chat(asked: list[ChatMessage]) -> ChatResponse:
        return waiting.pop() if waiting else llm.chat(asked, **options)

    yield ask(questions(output_cls, messages), chat)


async def astream(
    llm: LLM, output_cls: type[Output], messages: Sequence[ChatMessage], llm_kwargs: Mapping[str, Any] | None
) -> AsyncGenerator[tuple[Output | FlexibleModel, ChatResponse], None]:
    """As `stream`, on an event loop."""
    options = options_for(output_cls, llm_kwargs)
    growing: Output | FlexibleModel | None = None
    async with aclosing(await llm.astream_chat(messages, **options)) as responses:
        async for response in responses:
            if not is_whole(response):
                growing = process_streaming_content_incremental(response, output_cls, growing)
                yield growing, response
    waiting = [response]

    async def achat(asked: list[ChatMessage]) -> ChatResponse:
        return waiting.pop() if waiting else await llm.achat(asked, **options)

    yield await aask(questions(output_cls, messages), achat)
