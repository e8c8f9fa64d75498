"""What a strict provider finds wrong with a request, apart from its pictures.

Each check is a function from a request to a refusal, or None where it has nothing to say.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from vlm_core.catalog.schema import Quirk
from vlm_core.testing.seen import Seen, calls_in
from vlm_core.testing.simulated_provider import Refusal

Check: TypeAlias = Callable[[Seen], Refusal | None]

OPENAI_FIELDS = frozenset(
    [
        "audio",
        "frequency_penalty",
        "function_call",
        "functions",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "metadata",
        "modalities",
        "model",
        "moderation",
        "n",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning_effort",
        "response_format",
        "safety_identifier",
        "seed",
        "service_tier",
        "stop",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
        "web_search_options",
    ]
)
"""Fields of a chat completion in OpenAI's reference, as of its Python client 3.52."""

_SAMPLING = frozenset({"min_p", "repetition_penalty", "top_k"})
_VLLM = _SAMPLING | {"chat_template_kwargs", "mm_processor_kwargs", "skip_special_tokens"}
_NOVITA = _SAMPLING | {"enable_thinking", "separate_reasoning"}

VENDOR_FIELDS = {
    "deepinfra": _SAMPLING,
    "devup": _SAMPLING,
    "hyperbolic": _VLLM,
    "myrouter": _NOVITA,
    "novita": _NOVITA,
    "openrouter": _SAMPLING | {"models", "plugins", "provider", "reasoning", "transforms", "usage"},
    "vllm": _VLLM,
}
"""Fields beyond OpenAI's, by the provider's name."""

REASONING_FIELDS = ("reasoning_content", "reasoning", "reasoning_details")
"""Under which providers send reasoning, and some take it back."""
_ROLES = frozenset({"assistant", "developer", "function", "system", "tool", "user"})
_PART_TYPES = frozenset({"image_url", "refusal", "text"})


def only_known_fields(known: Iterable[str]) -> Check:
    """The check that a request has no other fields.

    Example:
        >>> check = only_known_fields(["model"])
        >>> check(Seen("POST", "/", {}, b'{"model": "m", "colour": 1}')).parameter
        'colour'
    """
    allowed = frozenset(known)

    def check(seen: Seen) -> Refusal | None:
        unknown = next((name for name in seen.fields if name not in allowed), None)
        if unknown is None:
            return None
        return Refusal(422, f"Extra inputs are not permitted: {unknown}", "unknown_parameter", unknown)

    return check


def only_known_models(known: Iterable[str]) -> Check:
    """The check that one of these models is asked.

    Example:
        >>> only_known_models(["m"])(Seen("POST", "/", {}, b'{"model": "n"}')).status
        404
    """
    models = frozenset(known)

    def check(seen: Seen) -> Refusal | None:
        if seen.model in models:
            return None
        message = f"The model `{seen.model}` does not exist or you do not have access to it."
        return Refusal(404, message, "model_not_found", "model")

    return check


def body_is_small_enough(seen: Seen) -> Refusal | None:
    """The whole request keeps to its bytes."""
    limit = seen.endpoint.limits.max_body_bytes
    if limit is None or seen.body_bytes <= limit:
        return None
    return Refusal(413, f"Request body has {seen.body_bytes} bytes; at most {limit} are allowed.")


def model_is_named(seen: Seen) -> Refusal | None:
    """There is a model."""
    return None if seen.model.strip() else _bad("you must provide a model parameter", "model")


def messages_are_well_formed(seen: Seen) -> Refusal | None:
    """There are messages, each with a role and with content of known parts."""
    messages = seen.fields.get("messages")
    if not isinstance(messages, list) or not messages:
        return _bad("messages must be a list that is not empty", "messages")
    wrong = (problem for number, message in enumerate(messages) for problem in _problems(message, number))
    return next(wrong, None)


def _problems(message: object, number: int) -> Iterator[Refusal]:
    place = f"messages[{number}]"
    if not isinstance(message, dict) or not _is_among(message.get("role"), _ROLES):
        yield _bad(f"{place} has no known role", f"{place}.role")
        return
    content = message.get("content")
    if isinstance(content, list):
        yield from (
            _bad(f"{place}.content[{index}] is of no known type", f"{place}.content[{index}]")
            for index, part in enumerate(content)
            if not isinstance(part, dict) or not _is_among(part.get("type"), _PART_TYPES)
        )
    elif not isinstance(content, str) and not (content is None and message["role"] == "assistant"):
        yield _bad(f"{place}.content must be a string or a list of parts", f"{place}.content")


def tools_are_given(seen: Seen) -> Refusal | None:
    """A list of tools is not empty, and the model can call them."""
    if seen.options.get("tools") == []:
        return _bad("[] is too short - 'tools'", "tools")
    if seen.options.get("tools") and seen.endpoint.tools is False:
        return _bad(f"The model {seen.model} does not support tools", "tools")
    return None


def tool_choice_is_free(seen: Seen) -> Refusal | None:
    """No tool is forced where none can be."""
    if Quirk.TOOL_CHOICE_AUTO_OR_NONE not in seen.endpoint.quirks:
        return None
    if seen.options.get("tool_choice") in (None, "auto", "none"):
        return None
    return _bad("tool_choice must be auto or none", "tool_choice")


def tool_results_answer_a_call(seen: Seen) -> Refusal | None:
    """Every message of a tool follows the call that it answers."""
    called: set[str] = set()
    for number, message in enumerate(seen.messages):
        called |= {str(call.get("id")) for call in calls_in(message)}
        if message.get("role") == "tool" and str(message.get("tool_call_id")) not in called:
            text = "messages with role 'tool' must be a response to a preceding message with 'tool_calls'"
            return _bad(text, f"messages[{number}].role")
    return None


def tool_calls_have_results(seen: Seen) -> Refusal | None:
    """Every call of a tool is answered before the conversation goes on."""
    open_calls: set[str] = set()
    for number, message in enumerate(seen.messages):
        if message.get("role") == "tool":
            open_calls.discard(str(message.get("tool_call_id")))
        elif open_calls:
            text = (
                "An assistant message with 'tool_calls' must be followed by tool messages responding to each"
            )
            names = ", ".join(sorted(open_calls))
            text = f"{text} 'tool_call_id'. These did not have response messages: {names}"
            return _bad(text, f"messages[{number}].role")
        open_calls |= {str(call.get("id")) for call in calls_in(message)}
    return None


def tool_calls_are_objects(seen: Seen) -> Refusal | None:
    """The arguments of each call are a JSON object and its id is unique, as chat templates want them."""
    for number, message in enumerate(seen.messages):
        calls = calls_in(message)
        place = f"messages[{number}].tool_calls"
        if len({str(call.get("id")) for call in calls}) < len(calls):
            return _bad("Duplicate value for 'tool_call_id'", place)
        if any(not _is_object(call.get("function")) for call in calls):
            return _bad("the arguments of a tool call must be a JSON object", place)
    return None


def _is_object(function: Any) -> bool:
    try:  # the function is of any type: what does not fit raises
        return isinstance(json.loads(function["arguments"]), dict)
    except (ValueError, TypeError, KeyError):
        return False


def signatures_come_back(seen: Seen) -> Refusal | None:
    """Calls of tools hold Gemini's thought signature where the model requires it."""
    if Quirk.NEEDS_THOUGHT_SIGNATURE not in seen.endpoint.quirks:
        return None
    for number, message in enumerate(seen.messages):
        first = next(iter(calls_in(message)), None)
        is_signed = first is None or _signature(first) or message.get("reasoning_details")
        if not is_signed and first is not None:
            name = (first.get("function") or {}).get("name")
            text = f"Function call is missing a thought_signature in functionCall parts: `{name}`"
            return Refusal(400, f"{text}, position {number}.", "INVALID_ARGUMENT")
    return None


def _signature(call: Mapping[str, Any]) -> object:
    extra = call.get("extra_content")
    google = extra.get("google") if isinstance(extra, Mapping) else None
    return google.get("thought_signature") if isinstance(google, Mapping) else None


def reasoning_comes_back(seen: Seen) -> Refusal | None:
    """Messages that call tools hold the reasoning before the call where the model requires it."""
    if Quirk.NEEDS_REASONING not in seen.endpoint.quirks:
        return None
    for number, message in enumerate(seen.messages):
        if calls_in(message) and not any(message.get(name) for name in REASONING_FIELDS):
            text = (
                "thinking is enabled but reasoning_content is missing in assistant tool call message at index"
            )
            return Refusal(400, f"{text} {number}")
    return None


def reasoning_is_allowed(seen: Seen) -> Refusal | None:
    """No reasoning comes where it is refused."""
    if seen.endpoint.reasoning_back != "never":
        return None
    for number, message in enumerate(seen.messages):
        name = next((name for name in REASONING_FIELDS if name in message), None)
        if name is not None:
            place = f"messages.{number}"
            return Refusal(400, f"'{place}' : property '{name}' is unsupported", parameter=f"{place}.{name}")
    return None


def system_messages_are_allowed(seen: Seen) -> Refusal | None:
    """There is one system message, and it stands first, where the model's template takes no other."""
    if Quirk.ONE_SYSTEM_MESSAGE not in seen.endpoint.quirks:
        return None
    if any(message.get("role") in ("system", "developer") for message in seen.messages[1:]):
        return Refusal(400, "System message must be at the beginning.")
    return None


def tool_results_are_strings(seen: Seen) -> Refusal | None:
    """What a tool returned is a string where it must be."""
    if Quirk.TOOL_CONTENT_STRING not in seen.endpoint.quirks:
        return None
    for number, message in enumerate(seen.messages):
        if message.get("role") == "tool" and not isinstance(message.get("content"), str):
            return Refusal(422, "Input should be a valid string", parameter=f"messages[{number}].content")
    return None


def length_has_the_right_name(seen: Seen) -> Refusal | None:
    """The limit of output goes by the name that the provider documents."""
    names = ("max_tokens", "max_completion_tokens")
    wrong, right = names if Quirk.MAX_COMPLETION_TOKENS in seen.endpoint.quirks else names[::-1]
    if wrong not in seen.options:
        return None
    message = f"Unsupported parameter: '{wrong}' is not supported. Use '{right}' instead."
    return Refusal(400, message, "unsupported_parameter", wrong)


def stream_options_are_allowed(seen: Seen) -> Refusal | None:
    """stream_options go with a stream, and not to a provider without them."""
    if seen.options.get("stream_options") is None:
        return None
    if Quirk.NO_STREAM_OPTIONS in seen.endpoint.quirks:
        return _bad("Unsupported parameter: 'stream_options'", "stream_options")
    if not seen.stream:
        message = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        return _bad(message, "stream_options")
    return None


def response_format_is_offered(seen: Seen) -> Refusal | None:
    """The form of the answer is one that the model keeps to, and can stream."""
    response_format = seen.options.get("response_format")
    if not isinstance(response_format, dict) or response_format.get("type") == "text":
        return None
    if seen.stream and Quirk.NO_STREAMED_RESPONSE_FORMAT in seen.endpoint.quirks:
        return _bad("response_format is not supported while streaming", "response_format")
    offered = seen.endpoint.response_formats
    if offered is not None and not _is_among(kind := response_format.get("type"), offered):
        return _bad(f"response_format {kind} is not supported by this model", "response_format")
    return None


def _is_among(value: object, known: Collection[str]) -> bool:
    return isinstance(value, str) and value in known


def _bad(message: str, parameter: str) -> Refusal:
    return Refusal(400, message, parameter=parameter)


REQUEST_CHECKS: tuple[Check, ...] = (
    model_is_named,
    messages_are_well_formed,
    tools_are_given,
    tool_choice_is_free,
    tool_results_answer_a_call,
    tool_results_are_strings,
    signatures_come_back,
    reasoning_comes_back,
    reasoning_is_allowed,
    system_messages_are_allowed,
    length_has_the_right_name,
    stream_options_are_allowed,
    response_format_is_offered,
)
"""In the order in which they are asked; the first refusal is the answer."""

HISTORY_CHECKS: tuple[Check, ...] = (tool_calls_have_results, tool_calls_are_objects)
"""What is asked last, of a request that is in order otherwise."""
