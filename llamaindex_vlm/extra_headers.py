"""Headers of one call, kept secret before LlamaIndex shows the call in its events and spans."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, TypeVar

from vlm_core import Secret

Class = TypeVar("Class", bound=type)

_ENTRANCES = (
    *("chat", "achat", "stream_chat", "astream_chat"),
    *("complete", "acomplete", "stream_complete", "astream_complete"),
    *("structured_predict", "astructured_predict", "stream_structured_predict"),
    "astream_structured_predict",
)


def hides_extra_headers(kind: Class) -> Class:
    """A class whose chats see the values of `extra_headers` as secrets, and so does whatever watches them.

    LlamaIndex wraps the methods of a class when that is made, so these are the outermost.
    """
    for name in _ENTRANCES:
        if (method := getattr(kind, name, None)) is not None:
            setattr(kind, name, _hiding(method))
    return kind


def _hiding(method: Callable[..., Any]) -> Callable[..., Any]:
    if iscoroutinefunction(method):

        @wraps(method)
        async def aentrance(*args: Any, **kwargs: Any) -> Any:
            return await method(*args, **hidden(kwargs))

        return aentrance

    @wraps(method)
    def entrance(*args: Any, **kwargs: Any) -> Any:
        return method(*args, **hidden(kwargs))

    return entrance


def hidden(call: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call, the values of its headers as secrets.

    Example:
        >>> hidden({"extra_headers": {"X-Title": "my app"}, "temperature": 0})
        {'extra_headers': {'X-Title': Secret('**********')}, 'temperature': 0}
    """
    headers = call.get("extra_headers")
    if isinstance(headers, Mapping):
        return {**call, "extra_headers": {name: _as_secret(value) for name, value in headers.items()}}
    options = call.get("llm_kwargs")
    return {**call, "llm_kwargs": hidden(options)} if isinstance(options, dict) else call


def _as_secret(value: Any) -> Any:
    return Secret(value) if isinstance(value, str) else value  # the client says what is wrong with others
