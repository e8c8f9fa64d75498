"""Messages and options to the bytes of a request, as one endpoint takes them. Nothing is sent here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vlm_core.catalog.routes import Endpoint
from vlm_core.catalog.schema import Quirk
from vlm_core.wire.endpoint_messages import (
    ToolImages,
    place_images,
    tools_with_cache_control,
    with_cache_control,
    with_one_system_message,
    without_broken_calls,
)
from vlm_core.wire.json_values import merge, serialize
from vlm_core.wire.messages import check_messages
from vlm_core.wire.options import OPTIONS, check_options, option_fields
from vlm_core.wire.provider_fields import for_route
from vlm_core.wire.structured import plan_structure, with_system_words
from vlm_core.wire.tool_calls import OfferedTools

__all__ = ["OPTIONS", "Request", "ResponseOptions", "build_request", "check_options"]


@dataclass(frozen=True)
class ResponseOptions:
    """How the answer to a request is to be read."""

    unwrap_tool: str | None = None
    """The tool whose arguments are the text of the answer."""
    strip_fence: bool = False
    """Whether JSON was asked for, so that a code fence around all of it goes."""
    tools_asked: bool = False
    may_think: bool = False
    """Whether a thought may begin without a tag; text is then held back until it is known to be none."""
    offered: OfferedTools = field(default_factory=OfferedTools)
    returned_fields: frozenset[str] = frozenset()
    """Fields of the answer that its provider's row wants back, beside the usual ones."""
    may_stop: bool = False
    """Whether words were given at which the answer ends."""


@dataclass(frozen=True)
class Request:
    """A request ready to be sent."""

    body: bytes = field(repr=False)
    """JSON in UTF-8."""
    stream: bool = False
    reading: ResponseOptions = ResponseOptions()
    warnings: tuple[str, ...] = ()
    """What was dropped or changed."""


def build_request(
    messages: Sequence[Mapping[str, Any]],
    options: Mapping[str, Any],
    endpoint: Endpoint,
    *,
    stream: bool = False,
    tool_images: ToolImages = "user_message",
) -> Request:
    """A request for one endpoint.

    Args:
        messages: OpenAI-shaped; an image is a part ``{"type": "image", "image": ..., "detail": ...}``
            that holds an EncodedImage, or a URL that the provider is to fetch.
        options: those of `OPTIONS`; one that is None is not sent.
        endpoint: the model and what is known of it.
        stream: whether the answer is to come in pieces.
        tool_images: what becomes of images that a tool returned.

    Raises:
        InputError: a message is not in order; it says which.
        ConfigError: an option is not.

    Example:
        >>> from vlm_core.catalog.routes import Endpoint
        >>> from vlm_core.catalog.schema import ImageLimits, ModelProfile, Provider
        >>> lab = Endpoint(Provider(name="lab"), "m", ModelProfile(prefix="m"), ImageLimits(), "http://lab/v1")
        >>> build_request([{"role": "user", "content": "Hi"}], {"max_tokens": 9}, lab).body.decode()
        '{"model":"m","messages":[{"role":"user","content":"Hi"}],"max_tokens":9}'
    """
    check_options(options)
    warnings: list[str] = []
    # The order matters: images are placed once what is not sent has gone, and words for JSON go into the
    # system message before system messages are merged.
    shown = for_route(check_messages(messages), endpoint, warnings.append)
    shown = without_broken_calls(shown, warnings.append)
    shown = with_cache_control(shown, endpoint, warnings.append)
    shown = place_images(shown, tool_images, endpoint, warnings.append)
    fields = option_fields(options, endpoint, stream=stream, warn=warnings.append)
    if fields.get("tools"):
        fields["tools"] = tools_with_cache_control(fields["tools"], endpoint, warnings.append)
    has_tools = "tools" in fields
    form = plan_structure(options.get("response_format"), endpoint, stream=stream, has_tools=has_tools)
    warnings.extend([form.warning] if form.warning else [])
    shown = with_system_words(shown, form.prompt) if form.prompt else shown
    if Quirk.ONE_SYSTEM_MESSAGE in endpoint.quirks:
        shown = with_one_system_message(shown, warnings.append)
    fields = {"model": endpoint.model, "messages": shown, **fields, **form.fields}
    return Request(
        body=serialize(merge(fields, options.get("extra_body") or {})),
        stream=stream,
        reading=ResponseOptions(
            form.unwrap_tool,
            form.asked,
            has_tools,
            _thinks_unmarked(endpoint),
            OfferedTools.of(fields.get("tools") or ()),
            endpoint.returned_fields,
            bool(options.get("stop")),
        ),
        warnings=tuple(dict.fromkeys(warnings)),  # several steps may say the same
    )


def _thinks_unmarked(endpoint: Endpoint) -> bool:
    """Whether the opening tag of a thought may be missing, being part of the prompt.

    So it is of models called "...-Thinking", on servers that do not tell thoughts from text. Of any
    other model a streamed text is not held back: those that may think but need not, as gpt-5, would
    lose their streaming.
    """
    return endpoint.profile.thinking is not False and "thinking" in endpoint.model.lower()
