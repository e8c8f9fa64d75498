"""What the logger "vlm_core" tells at DEBUG of each request and its answer: route, sizes, status, times, ids.

A key, a body, a text or a picture is never in it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from vlm_core.completion import Completion
from vlm_core.errors import VLMError
from vlm_core.wire.error_mapping import lower_case, request_id

if TYPE_CHECKING:
    from vlm_core.flow.effects import SendRequest
    from vlm_core.wire.transport import RawResponse

_logger = logging.getLogger("vlm_core")


@contextmanager
def logged(effect: SendRequest) -> Iterator[Callable[[RawResponse], None]]:
    """Tell of a request before it is sent, and of the error where no answer comes.

    Yields:
        A function that tells of the answer once its head has come.
    """
    route = effect.endpoint.route
    _logger.debug("%s: sends %d bytes, waits %.1f s at most", route, len(effect.body), effect.timeouts.whole)
    began = time.monotonic()

    def answered(answer: RawResponse) -> None:
        if _logger.isEnabledFor(logging.DEBUG):
            seconds, of_it = time.monotonic() - began, request_id(lower_case(answer.headers), effect.endpoint)
            _logger.debug("%s: status %d after %.3f s, request id %s", route, answer.status, seconds, of_it)

    try:
        yield answered
    except VLMError as error:
        _logger.debug("%s: %s after %.3f s", route, type(error).__name__, time.monotonic() - began)
        raise


def log_result(result: Any) -> None:
    """Tell how a call ended, where it ended with an answer."""
    if isinstance(result, Completion) and _logger.isEnabledFor(logging.DEBUG):
        usage = result.usage
        _logger.debug(
            "%s: answer with finish reason %s, %s input and %s output tokens, request id %s",
            result.route,
            result.finish_reason,
            usage.input_tokens,
            usage.output_tokens,
            result.request_id,
        )
