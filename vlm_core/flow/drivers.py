"""Two loops over one generator, on this thread and on an event loop.

The logger "vlm_core" tells at DEBUG of each request and its answer: route, sizes, status, times, ids. A key,
a body, a text or a picture is never in it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from vlm_core.completion import Completion, Delta
from vlm_core.errors import VLMError
from vlm_core.flow.call import AcquireSlot, CloseResponse, Effect, FitImages, ReadBody, SendRequest, Sleep
from vlm_core.wire.error_mapping import lower_case, request_id

if TYPE_CHECKING:
    from vlm_core.completion import EncodedImage
    from vlm_core.flow.call import Exchange
    from vlm_core.wire.transport import AsyncTransport, RawResponse, Transport

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


def log_result(result: object) -> None:
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


def run(exchange: Exchange, transport: Transport) -> Generator[Delta | Completion, None, None]:
    """Drive an exchange with blocking I/O.

    Args:
        exchange: the generator; it is closed at the end, and every answer that it left open.
        transport: its connections.

    Yields:
        The pieces of a streamed answer, and at last the answer itself.
    """
    world = _World(transport)
    reply: Any = None
    step: Effect | Delta | None = None
    error: VLMError | None = None
    try:
        while True:
            step = exchange.throw(error) if error else exchange.send(reply)
            reply = error = None
            if isinstance(step, Delta):
                yield step
                continue
            try:
                reply = world.perform[type(step)](step)
            except VLMError as failure:
                error = failure
    except StopIteration as end:
        log_result(end.value)
        yield end.value
    finally:
        reply = step = error = None  # an error holds this frame, which must not hold it, nor an answer
        exchange.close()
        world.close()


async def arun(exchange: Exchange, transport: AsyncTransport) -> AsyncGenerator[Delta | Completion, None]:
    """Drive an exchange on an event loop; pictures are read and encoded on a thread.

    Arguments and results are those of `run`.
    """
    world = _AsyncWorld(transport)
    reply: Any = None
    step: Effect | Delta | None = None
    error: VLMError | None = None
    try:
        while True:
            step = exchange.throw(error) if error else exchange.send(reply)
            reply = error = None
            if isinstance(step, Delta):
                yield step
                continue
            try:
                reply = await world.perform[type(step)](step)
            except VLMError as failure:
                error = failure
    except StopIteration as end:
        log_result(end.value)
        yield end.value
    finally:
        reply = step = error = None
        exchange.close()
        await world.close()


def fit(effect: FitImages) -> list[tuple[EncodedImage, ...]]:
    """Read the pictures of a request, download them where need be, and make them fit."""
    from vlm_core.images.encode import fit_conversation  # Pillow is not needed for text

    endpoint = effect.endpoint
    return fit_conversation(effect.pictures, endpoint.limits, endpoint.profile, text_bytes=effect.text_bytes)


class _World:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._answers: list[RawResponse] = []
        self.perform: dict[type, Callable[[Any], Any]] = {
            FitImages: fit,
            SendRequest: self._open,
            ReadBody: lambda effect: transport.read(effect.answer, effect.seconds),
            CloseResponse: self._release,
            Sleep: lambda effect: time.sleep(effect.seconds),
            AcquireSlot: lambda effect: effect.gate.acquire(effect.seconds, effect.is_patient),
        }

    def _open(self, effect: SendRequest) -> RawResponse:
        with logged(effect) as answered:
            answer = self._transport.open(effect.endpoint, effect.body, effect.timeouts)
        answered(answer)
        self._answers.append(answer)
        return answer

    def _release(self, effect: CloseResponse) -> None:
        self._answers.remove(effect.answer)
        self._transport.release(effect.answer, has_rest=effect.has_rest)

    def close(self) -> None:
        for answer in self._answers:
            self._transport.release(answer)


class _AsyncWorld:
    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport
        self._answers: list[RawResponse] = []
        self.perform: dict[type, Callable[[Any], Coroutine[Any, Any, Any]]] = {
            FitImages: self._fit,
            SendRequest: self._open,
            ReadBody: lambda effect: transport.read(effect.answer, effect.seconds),
            CloseResponse: self._release,
            Sleep: self._wait,
            AcquireSlot: lambda effect: effect.gate.aacquire(effect.seconds, effect.is_patient),
        }

    async def _wait(self, effect: Sleep) -> None:
        import asyncio

        await asyncio.sleep(effect.seconds)

    async def _fit(self, effect: FitImages) -> list[tuple[EncodedImage, ...]]:
        import asyncio

        return await asyncio.to_thread(fit, effect)

    async def _open(self, effect: SendRequest) -> RawResponse:
        with logged(effect) as answered:
            answer = await self._transport.open(effect.endpoint, effect.body, effect.timeouts)
        answered(answer)
        self._answers.append(answer)
        return answer

    async def _release(self, effect: CloseResponse) -> None:
        self._answers.remove(effect.answer)
        await self._transport.release(effect.answer, has_rest=effect.has_rest)

    async def close(self) -> None:
        for answer in self._answers:
            await self._transport.release(answer)
