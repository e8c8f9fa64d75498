"""What the logger "vlm_core" tells at DEBUG of each request and its answer: route, sizes, status, times, ids.

A key, a body, a text or a picture is never in it.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from vlm_core.completion import Completion
from vlm_core.errors import VLMError
from vlm_core.wire.error_mapping import lower_case, request_id

if TYPE_CHECKING:
    from vlm_core.flow.effects import SendRequest
    from vlm_core.wire.transport import RawResponse

_logger = logging.getLogger("vlm_core")


def log_request(effect: SendRequest) -> float:
    """Tell of a request that is about to be sent.

    Returns:
        When that was, by `time.monotonic`.
    """
    timeouts = effect.timeouts
    _logger.debug(
        "%s: sends %d bytes, waits %.1f s at most", effect.endpoint.route, len(effect.body), timeouts.whole
    )
    return time.monotonic()


def log_response(effect: SendRequest, answer: RawResponse, began: float) -> None:
    """Tell of an answer whose head has come."""
    if _logger.isEnabledFor(logging.DEBUG):
        seconds = time.monotonic() - began
        of_it = request_id(lower_case(answer.headers), effect.endpoint)
        _logger.debug(
            "%s: status %d after %.3f s, request id %s", answer.route, answer.status, seconds, of_it
        )


def log_failure(effect: SendRequest, error: VLMError, began: float) -> None:
    """Tell of a request without an answer."""
    seconds = time.monotonic() - began
    _logger.debug("%s: %s after %.3f s", effect.endpoint.route, type(error).__name__, seconds)


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
