"""Answers as objects of a class: asked for as JSON, checked, and asked for once more where they do not fit.

The questions are a generator that yields conversations and is sent the answers, so that blocking
and asynchronous callers go through the same steps.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    MessageRole,
)
from llama_index.core.bridge.pydantic import BaseModel, ValidationError
from llama_index.core.llms.callbacks import llm_chat_callback
from llama_index.core.llms.structured_llm import StructuredLLM
from llama_index.core.program.streaming_utils import process_streaming_content_incremental

from llamaindex_vlm.messages import to_messages
from llamaindex_vlm.responses import is_whole
from vlm_core import (
    ConfigError,
    ContentFiltered,
    MalformedResponse,
    OutputTruncated,
    ResponseError,
    find_json,
)
from vlm_core.integration import (
    Check,
    Verify,
    data_checks,
    hides_extra_headers,
    on_own_thread,
    proved_by_messages,
    validation_problems,
)

if TYPE_CHECKING:
    from llama_index.core.llms import LLM
    from llama_index.core.program.utils import FlexibleModel

Output = TypeVar("Output", bound=BaseModel)
Questions: TypeAlias = Generator[list[ChatMessage], ChatResponse, tuple[Output, ChatResponse]]

ENTRANCES = (
    *("chat", "achat", "stream_chat", "astream_chat"),
    *("complete", "acomplete", "stream_complete", "astream_complete"),
    *("structured_predict", "astructured_predict", "stream_structured_predict"),
    "astream_structured_predict",
)
"""The methods of an LLM by which a call comes in, and whose arguments LlamaIndex's events show."""
# Arguments for structured output by way of tools, which have no meaning here.
_NOT_ANSWERABLE = ("tool_choice", "tool_required", "allow_parallel_tool_calls")
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
    options = {name: value for name, value in (llm_kwargs or {}).items() if name not in _NOT_ANSWERABLE}
    return {**options, "response_format": output_cls}


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
    answer = ChatMessage(role=MessageRole.ASSISTANT, content=first.message.content or "")
    repair = ChatMessage(role=MessageRole.USER, content=_REPAIR.format(problems=problems))
    second = yield [*messages, answer, repair]
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
    json_value = find_json(response.message.content or "")
    if json_value.problem:
        raise _UnfitError(json_value.problem)
    try:
        return output_cls.model_validate_json(json_value.source)
    except ValidationError as error:
        problems = "\n".join(validation_problems(error)[:_PROBLEMS_SHOWN])
    raise _UnfitError(problems)


def _failed(error: ResponseError, response: ChatResponse) -> ResponseError:
    error.partial = response.message.content or ""
    error.route = response.additional_kwargs.get("route")
    return error


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


class Step(NamedTuple):
    """An object as it grows, with the answer so far."""

    output: BaseModel
    response: ChatResponse
    is_last: bool = False
    """Whether it is whole, and was checked."""


def stream(
    llm: LLM, output_cls: type[Output], messages: Sequence[ChatMessage], llm_kwargs: Mapping[str, Any] | None
) -> Generator[Step, None, None]:
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
                yield Step(growing, response)
    waiting = [response]

    def chat(asked: list[ChatMessage]) -> ChatResponse:
        return waiting.pop() if waiting else llm.chat(asked, **options)

    yield Step(*ask(questions(output_cls, messages), chat), is_last=True)


async def astream(
    llm: LLM, output_cls: type[Output], messages: Sequence[ChatMessage], llm_kwargs: Mapping[str, Any] | None
) -> AsyncGenerator[Step, None]:
    """As `stream`, on an event loop."""
    options = options_for(output_cls, llm_kwargs)
    growing: Output | FlexibleModel | None = None
    async with aclosing(await llm.astream_chat(messages, **options)) as responses:
        async for response in responses:
            if not is_whole(response):
                growing = process_streaming_content_incremental(response, output_cls, growing)
                yield Step(growing, response)
    waiting = [response]

    async def achat(asked: list[ChatMessage]) -> ChatResponse:
        return waiting.pop() if waiting else await llm.achat(asked, **options)

    yield Step(*await aask(questions(output_cls, messages), achat), is_last=True)


@hides_extra_headers(*ENTRANCES)
class StructuredVLM(StructuredLLM):
    """A VLM whose answers are objects of a class, in `raw`, and as JSON in the message.

    Unlike the class that it is from, it keeps what the answer cost, and open files and braces in a
    message are never taken for a template.

    Example:
        >>> from llamaindex_vlm import VLM
        >>> from vlm_core.testing import ScriptedServer
        >>> class Receipt(BaseModel):
        ...     total: float
        >>> with ScriptedServer() as server:
        ...     server.say('{"total": 9.0}')
        ...     llm = VLM(model="some-vlm", api_base=server.base_url, api_key=server.api_key)
        ...     llm.as_structured_llm(Receipt).chat([ChatMessage(content="What is the total?")]).raw
        Receipt(total=9.0)
    """

    evidence: Verify = False
    """Whether each value is looked up in the pictures of the messages: then `additional_kwargs["evidence"]`
    of the response is an `ExtractionResult`. "strict": notes about numbers are to be looked at, too."""
    checks: Sequence[Check] = ()
    """Of the data, where evidence is wanted: as "sum(items.price) == total", or functions of it."""

    @classmethod
    def class_name(cls) -> str:
        """Its name in what is stored."""
        return "structured_multi_modal_vlm"

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Ask, and wait for the object."""
        options = options_for(self.output_cls, kwargs)
        asked = questions(self.output_cls, self.llm._extend_messages(list(messages)))
        response = _as_response(*ask(asked, lambda messages: self.llm.chat(messages, **options)))
        return self._proved(response, messages)

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """As `chat`, on an event loop."""
        options = options_for(self.output_cls, kwargs)
        asked = questions(self.output_cls, self.llm._extend_messages(list(messages)))
        response = _as_response(*await aask(asked, lambda messages: self.llm.achat(messages, **options)))
        return await on_own_thread(self._proved, response, messages) if self.evidence else response

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """The object as it grows; the last one is checked, and has its evidence."""
        asked = self.llm._extend_messages(list(messages))
        for step in stream(self.llm, self.output_cls, asked, kwargs):
            response = _as_response(step.output, step.response)
            yield self._proved(response, messages) if step.is_last else response

    @llm_chat_callback()
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        """As `stream_chat`, on an event loop."""
        asked = self.llm._extend_messages(list(messages))
        return self._as_responses(astream(self.llm, self.output_cls, asked, kwargs), messages)

    async def _as_responses(
        self, steps: AsyncGenerator[Step, None], messages: Sequence[ChatMessage]
    ) -> ChatResponseAsyncGen:
        async with aclosing(steps):
            async for step in steps:
                response = _as_response(step.output, step.response)
                is_due = self.evidence and step.is_last
                yield await on_own_thread(self._proved, response, messages) if is_due else response

    def _proved(self, response: ChatResponse, messages: Sequence[ChatMessage]) -> ChatResponse:
        """A response with the place of each value, where that is wanted."""
        if not self.evidence:
            return response
        private = bool(getattr(self.llm, "allow_private_urls", False))
        proof = proved_by_messages(
            to_messages(messages, allow_private_urls=private),
            response.raw,
            self.output_cls.model_json_schema(),
            checks=data_checks(self.checks),
            verify=self.evidence,
            allow_private_urls=private,
        )
        kwargs = {**response.additional_kwargs, "evidence": proof}
        return response.model_copy(update={"additional_kwargs": kwargs})


def _as_response(output: BaseModel, response: ChatResponse) -> ChatResponse:
    return ChatResponse(
        message=ChatMessage(role=MessageRole.ASSISTANT, content=output.model_dump_json()),
        raw=output,
        additional_kwargs=response.additional_kwargs,
    )
