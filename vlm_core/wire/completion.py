"""The end of an answer: what was gathered becomes a Completion, or the error that it amounts to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from vlm_core.catalog.routes import Endpoint
from vlm_core.completion import Completion, ToolCall
from vlm_core.errors import EmptyOutput, IncompleteResponse, ServerError, VLMError
from vlm_core.wire.accumulator import CompletionAccumulator, read_usage
from vlm_core.wire.content_decoder import CLOSE, is_thought
from vlm_core.wire.error_body import redact
from vlm_core.wire.error_mapping import MAX_ID_CHARS, lower_case, read_inner_error, request_id
from vlm_core.wire.request import Request

_WORDS = {
    "stop": ("stop", "eos", "eos_token", "end_turn", "stop_sequence", "complete", "completed"),
    "length": (
        *("length", "max_length", "model_length", "max_tokens", "max_new_tokens", "max_output_tokens"),
        *("max_completion_tokens", "token_limit", "length_limit"),
    ),
    "tool_calls": ("tool_calls", "tool_call", "tool_use", "function_call", "function_calls"),
    "content_filter": (
        *("content_filter", "content_filtered", "sensitive", "safety", "recitation", "refusal"),
        *("prohibited_content", "blocklist", "spii"),
    ),
    "error": ("error", "network_error", "malformed_function_call"),
}


def _letters(word: str) -> str:
    return "".join(filter(str.isalnum, word.lower()))


# Without case, dashes and underscores, in which servers differ.
_REASONS = {_letters(word): reason for reason, words in _WORDS.items() for word in words}


def finish_reason(word: str, *, has_tool_calls: bool = False) -> str:
    """What a server's word for the end means.

    Args:
        word: as the server wrote it; an unknown one is kept.
        has_tool_calls: some servers say stop where the model calls tools.

    Returns:
        stop, length, tool_calls, content_filter, error, or the word itself.

    Example:
        >>> finish_reason("MAX_TOKENS"), finish_reason("content-filter"), finish_reason("abort")
        ('length', 'content_filter', 'abort')
    """
    reason = _REASONS.get(_letters(word), word)
    return "tool_calls" if reason == "stop" and has_tool_calls else reason


def build_completion(
    answer: CompletionAccumulator,
    request: Request,
    endpoint: Endpoint,
    headers: Mapping[str, str],
    *,
    raw: Mapping[str, Any] | None = None,
) -> Completion:
    """The answer that was gathered.

    Args:
        answer: at its end.
        request: what was sent.
        endpoint: who was asked.
        headers: of the response.
        raw: the answer as it came; None where it came in chunks.

    Raises:
        EmptyOutput: it holds neither text nor tool calls nor a refusal.
        VLMError: the server says that it broke off.
    """
    text, calls = answer.text, answer.tools.calls()
    reason = _reason(answer, calls, request)
    if reason == "error":
        raise _broken_off(answer, endpoint, headers)
    is_cut = answer.is_cut_short or reason == "content_filter"
    if not (text.strip() or calls or answer.refusal or is_cut):
        raise _empty(answer, reason, endpoint, request)
    served = _string(answer.head.get("model")) or None
    completion = Completion(
        text=text,
        finish_reason=reason,
        tool_calls=calls,
        reasoning=answer.reasoning,
        refusal=answer.refusal,
        usage=read_usage(answer.usage),
        route=endpoint.route,
        served_model=served,
        request_id=request_id(lower_case(headers), endpoint)
        or redact(_string(answer.head.get("id")), endpoint, MAX_ID_CHARS)
        or None,
        warnings=(*request.warnings, *_warnings(text, served, endpoint)),
        raw=raw or {},
        provider_fields=answer.provider_fields.fields,
    )
    return completion if raw is not None else replace(completion, raw=_put_together(answer, completion))


def _reason(answer: CompletionAccumulator, calls: tuple[ToolCall, ...], request: Request) -> str | None:
    if answer.finish_word is None:
        return "tool_calls" if calls else None
    reason = finish_reason(answer.finish_word, has_tool_calls=bool(calls))
    # The one call was the answer itself, by a tool that the caller has not offered.
    return "stop" if reason == "tool_calls" and not calls and request.reading.unwrap_tool else reason


def _broken_off(answer: CompletionAccumulator, endpoint: Endpoint, headers: Mapping[str, str]) -> VLMError:
    """The error for an answer that ends for a fault of the server."""
    if answer.inner_error:
        return read_inner_error({"error": answer.inner_error}, headers, endpoint)
    message = f"{endpoint.route} broke off its answer: finish_reason is {answer.finish_word}"
    if not answer.text:
        return ServerError(message)
    error = IncompleteResponse(message)
    error.partial = answer.text
    return error


def _empty(
    answer: CompletionAccumulator, reason: str | None, endpoint: Endpoint, request: Request
) -> EmptyOutput:
    thought = len(answer.reasoning)
    what = f"only {thought} characters of reasoning" if thought else "no text"
    hint = _HINTS_OF_EMPTY["length"] if reason == "length" else ""
    if reason == "stop" and request.reading.may_stop and not thought:
        hint = _HINTS_OF_EMPTY["stop"]
    error = EmptyOutput(f"{endpoint.route} answered with {what}, finish_reason {reason}", hint=hint)
    error.usage, error.reasoning = read_usage(answer.usage), answer.reasoning
    return error


_HINTS_OF_EMPTY = {
    "length": "Raise max_tokens=...: the answer reached the limit before it began.",
    "stop": "Change stop=..., or leave it out: the answer may have begun with such words, and ended there.",
}


def _warnings(text: str, served: str | None, endpoint: Endpoint) -> list[str]:
    found = []
    if served and not _is_same_model(served, endpoint.model):
        found.append(f"{endpoint.model} was asked, and the answer names {served[:200]}")
    if CLOSE in text and is_thought(text.partition(CLOSE)[0]):
        found.append(f"the text holds a {CLOSE}: what stands before it may be the model's thoughts")
    if "\ufffd" in text:
        found.append(f"{text.count(chr(0xFFFD))} characters came damaged and are shown as U+FFFD")
    return found


def _is_same_model(served: str, asked: str) -> bool:
    """Whether two ids name one model: servers differ in case and path, and add dates and revisions."""
    first, second = (re.sub(r"[^a-z0-9]", "", name.rpartition("/")[2].lower()) for name in (served, asked))
    return not first or first.startswith(second) or second.startswith(first)


def _put_together(answer: CompletionAccumulator, completion: Completion) -> dict[str, Any]:
    """The chunks of a stream as one answer."""
    message = {name: value for name, value in completion.message.items() if name != "route"}
    thought = {"reasoning": answer.reasoning} if answer.reasoning else {}
    choice = {"index": 0, "message": thought | message, "finish_reason": answer.finish_word}
    if answer.logprobs:
        choice["logprobs"] = {"content": answer.logprobs}
    usage = {"usage": answer.usage} if answer.usage else {}
    return {**answer.head, "object": "chat.completion", "choices": [choice], **usage}


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""
