"""Errors of the chat model: each a VLMError, and LangChain's own error of the same meaning as well.

LangChain's middlewares decide by their own classes what to repeat, to shorten or to give up. A
RateLimited that leaves the chat model is still one, with its hint, its attempts and its `retry_after`,
and is a ModelRateLimitError too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, TypeAlias, cast

from langchain_core import exceptions as core

import vlm_core as vlm

__all__ = ["langchain_errors", "of_both_families"]

# Core has an error for refusals since 1.7.5.
_REFUSAL: type[core.ModelError] = getattr(core, "ModelRefusalError", core.ModelInvalidRequestError)

# What each error means to LangChain; one that is not listed means what its parent does.
_MEANINGS: Mapping[type[vlm.VLMError], type[core.ModelError]] = {
    vlm.VLMError: core.ModelError,
    vlm.ConfigError: core.ModelInvalidRequestError,
    vlm.MissingKeyError: core.ModelAuthenticationError,
    vlm.InputError: core.ModelInvalidRequestError,
    vlm.ConnectionFailed: core.ModelConnectionError,
    vlm.ProviderTimeout: core.ModelTimeoutError,
    vlm.RateLimited: core.ModelRateLimitError,
    vlm.ServerError: core.ModelAPIError,
    vlm.AuthenticationFailed: core.ModelAuthenticationError,
    vlm.QuotaExhausted: core.ModelPermissionDeniedError,  # a rate limit passes by itself, and this does not
    vlm.ModelNotFound: core.ModelNotFoundError,
    vlm.RequestRejected: core.ModelInvalidRequestError,
    vlm.ContextOverflow: core.ContextOverflowError,
    vlm.ResponseError: core.ModelAPIError,
    vlm.OutputTruncated: core.ModelInvalidRequestError,
    vlm.OutputLooped: core.ModelInvalidRequestError,
    vlm.ContentFiltered: _REFUSAL,
    vlm.DeadlineExceeded: core.ModelTimeoutError,
    vlm.BudgetExceeded: core.ModelInvalidRequestError,
    vlm.AllRoutesFailed: core.ModelAPIError,
}


@contextmanager
def langchain_errors() -> Iterator[None]:
    """VLMErrors raised within are LangChain's as well when they leave.

    Example:
        >>> from langchain_core.exceptions import ModelRateLimitError
        >>> try:
        ...     with langchain_errors():
        ...         raise vlm.RateLimited("novita: too many requests")
        ... except ModelRateLimitError as error:
        ...     print(error.is_retryable, error)
        True novita: too many requests. Lower max_concurrency, wait, or add a fallback route.
    """
    try:
        yield
    except vlm.VLMError as error:
        of_both_families(error)
        raise


def of_both_families(error: vlm.VLMError) -> vlm.VLMError:
    """The very error, now one of LangChain's too; with its traceback and all that it knows.

    `is_retryable` says whether the same call may succeed later. The client has tried again by then.

    Example:
        >>> isinstance(of_both_families(vlm.ContextOverflow("too long")), core.ContextOverflowError)
        True
    """
    if isinstance(error, core.ModelError):
        return error
    # The class is changed on the error itself. A new error, raised from this one, would not be the one that
    # others hold already: `causes` of another error, a callback, a handler around the stream. Python allows
    # it, as neither family adds slots to those of Exception.
    error.__class__ = _class_of(type(error), _meaning(error))
    if (passing := _may_pass(error)) is not None:
        cast("Any", error).is_retryable = passing
    return error


def _meaning(error: vlm.VLMError) -> type[core.ModelError]:
    if isinstance(error, vlm.AllRoutesFailed):
        meanings = {_meaning(cause) for cause in error.causes}
        if len(meanings) == 1:  # as where the conversation is too long for every route
            return meanings.pop()
    if isinstance(error, vlm.AuthenticationFailed) and error.status == 403:
        return core.ModelPermissionDeniedError
    return next(_MEANINGS[kind] for kind in type(error).__mro__ if kind in _MEANINGS)


def _may_pass(error: vlm.VLMError) -> bool | None:
    """Whether it may be otherwise later, where the class alone does not tell."""
    if isinstance(error, vlm.ConnectionFailed):
        return error.is_passing
    if isinstance(error, vlm.AllRoutesFailed) and error.causes:
        return any(_is_retryable(cause) for cause in error.causes)
    return None


def _is_retryable(error: vlm.VLMError) -> bool:
    passing = _may_pass(error)
    return _meaning(error).is_retryable if passing is None else passing


class _InBoth:
    """What an error of both families has beside what it has from these."""

    @property
    def response(self) -> SimpleNamespace:
        """What LangChain's traces show of the response: its status, and nothing that may be secret."""
        status = getattr(self, "status", None)
        if status is None:
            raise AttributeError("there was no response")
        return SimpleNamespace(status_code=status)

    def __reduce__(self) -> tuple[Any, ...]:
        _, own, meaning = type(self).__bases__
        return _revive, (own, meaning, cast("vlm.VLMError", self).message), self.__dict__


_Pair: TypeAlias = tuple[type[vlm.VLMError], type[core.ModelError]]
_CLASSES: dict[_Pair, type[vlm.VLMError]] = {}


def _class_of(own: type[vlm.VLMError], meaning: type[core.ModelError]) -> type[vlm.VLMError]:
    """The class of an error's class and its meaning; the same each time."""
    if (own, meaning) not in _CLASSES:
        parts = {"__module__": own.__module__, "__qualname__": own.__qualname__, "__doc__": own.__doc__}
        made = type(own.__name__, (_InBoth, own, meaning), parts)
        _CLASSES.setdefault((own, meaning), made)
    return _CLASSES[own, meaning]


def _revive(own: type[vlm.VLMError], meaning: type[core.ModelError], message: str) -> vlm.VLMError:
    return _class_of(own, meaning)(message)
