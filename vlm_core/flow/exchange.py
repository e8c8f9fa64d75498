"""The way from messages to an answer: attempts, waits, other routes, within one time.

It opens no socket, reads no file, sleeps not, and looks at no clock but the one it is given, so that
one generator serves threads and event loops alike, and its tests choose the time.
"""

from __future__ import annotations

import random
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

from vlm_core.answers import Attempt, Completion, Delta
from vlm_core.catalog.alternatives import nearest_models
from vlm_core.errors import (
    AllRoutesFailed,
    DeadlineExceeded,
    IncompleteResponse,
    InputError,
    ModelNotFound,
    RateLimited,
    ResponseError,
    VLMError,
)
from vlm_core.flow.adapt import Adaptation, adapted
from vlm_core.flow.attempt import Call, Clock, Exchange, Limits, Time, attempt, fitted, images_in
from vlm_core.flow.delivered import Delivered
from vlm_core.flow.effects import Effect, Enter, Wait
from vlm_core.flow.limiter import Outcome
from vlm_core.flow.pictures import Message, held
from vlm_core.flow.policy import PATIENCE_SECONDS, may_fail_over, may_retry, rule_for, wait_before
from vlm_core.flow.stations import Station, worth_asking
from vlm_core.wire.request import Request, build

if TYPE_CHECKING:
    from vlm_core.catalog.routes import Endpoint

__all__ = ["Call", "Limits", "exchange"]

FIRST_TOKEN_SECONDS = 10.0
"""How long a streamed answer may take to begin where another route can be asked."""

Outcomes: TypeAlias = Generator[Effect | Delta, Any, Completion | VLMError]


@dataclass
class _Job:
    """What is known of one call while it is under way."""

    call: Call
    time: Time
    dice: random.Random
    attempts: list[Attempt] = field(default_factory=list)
    causes: list[VLMError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    crowded: list[Station] = field(default_factory=list)
    """Where there was no place, and another could be asked."""
    given: Delivered = field(default_factory=Delivered)
    stream: bool = False
    """Whether the next attempt is to be streamed."""


def exchange(call: Call, stations: Sequence[Station], clock: Clock, dice: random.Random) -> Exchange:
    """Ask until there is an answer, and return it.

    Args:
        call: the question; whom to ask is said by the stations.
        stations: the routes, in the order of preference.
        clock: tells the time in seconds; any origin will do.
        dice: for the waits.

    Yields:
        What is to be done, as effects; and of a streamed answer the pieces as they come.

    Raises:
        VLMError: whatever went wrong last, with all attempts that were made; AllRoutesFailed where
            several routes were asked in vain.
    """
    call = replace(call, messages=held(call.messages))
    job = _Job(call, Time(clock, clock() + call.limits.timeout), dice, stream=call.stream)
    asked: list[Station] = []
    for station in chain(worth_asking(stations, clock), _crowded_before(job)):
        is_again = station in asked  # it was crowded, and comes before those that were asked meanwhile
        if asked and not is_again and not _passes_on(job.causes[-1], asked[-1], station):
            station.breaker.gave_back()
            continue
        has_other = not is_again and _has_other(stations, station, clock())
        asked.append(station)
        outcome = yield from _ask(job, station, has_other)
        if isinstance(outcome, Completion):
            return _told(outcome, job)
        job.causes.append(outcome)
    raise _given_up(job)


def _crowded_before(job: _Job) -> Iterator[Station]:
    """The routes at which nobody waited, once no other gave an answer."""
    return (station for station in job.crowded if station.breaker.admits(job.time.clock()))


def _has_other(stations: Sequence[Station], station: Station, now: float) -> bool:
    behind = stations[stations.index(station) + 1 :]
    return any(not other.breaker.is_open(now) for other in behind)


def _passes_on(failure: VLMError, before: Station, station: Station) -> bool:
    contexts = (one.endpoint.profile.context_tokens for one in (before, station))
    return may_fail_over(failure, *contexts)


def _ask(job: _Job, station: Station, has_other: bool) -> Outcomes:
    """Ask one route as often as it makes sense."""
    call = job.call.of(station.endpoint)
    earlier: list[VLMError] = []
    messages: list[Message] | None = None
    while True:
        try:
            messages = messages or (yield from fitted(call, max(0.0, min(60.0, job.time.left()))))
            request = _built(job, call, messages)
        except VLMError as error:
            station.breaker.gave_back()
            # What was made smaller after a refusal, and can be made no smaller, was refused for good.
            return earlier[-1] if earlier else _bare(error)
        try:
            return (yield from _once(job, call, station, request, has_other=has_other))
        except VLMError as error:
            failure = _bare(error)
        if has_other and station in job.crowded:
            return failure
        change = _change(failure, earlier, call, messages)
        if change is None and not _tries_again(failure, earlier, call, has_other):
            return failure
        earlier.append(failure)
        if change is not None:
            call, messages = replace(call, endpoint=change.endpoint, options=change.options), None
            job.warnings.append(change.warning)
            continue
        wait = wait_before(failure, len(earlier), job.dice)
        if wait >= job.time.left() or (has_other and wait > PATIENCE_SECONDS):
            return failure
        yield Wait(wait)


def _built(job: _Job, call: Call, messages: Sequence[Message]) -> Request:
    return build(messages, call.options, call.endpoint, stream=job.stream, tool_images=call.tool_images)


def _change(
    failure: VLMError, earlier: list[VLMError], call: Call, messages: Sequence[Message]
) -> Adaptation | None:
    if any(type(failure) is type(before) for before in earlier):
        return None
    return adapted(failure, call.endpoint, call.options, images_in(messages))


def _tries_again(failure: VLMError, earlier: list[VLMError], call: Call, has_other: bool) -> bool:
    same = sum(isinstance(before, type(failure)) for before in earlier)
    is_allowed = may_retry(failure, earlier=same, has_other=has_other)
    return is_allowed and len(earlier) + 1 < call.limits.max_attempts


def _once(job: _Job, call: Call, station: Station, request: Request, *, has_other: bool) -> Exchange:
    """One attempt, with its place in the queue, its record, and its word on the route's health."""
    left = job.time.left()
    if left <= 0 or not (yield Enter(station.gate, left, is_patient=not has_other)):
        station.breaker.gave_back()
        raise _no_place(job, station, has_other)
    began = job.time.clock()
    outcome, error, completion = Outcome.NEUTRAL, None, None
    try:
        completion = yield from _followed(job, call, request, has_other)
        outcome = Outcome.OK
    except VLMError as failure:
        error = _placed(failure, call.endpoint)
        outcome = Outcome.OVERLOADED if rule_for(failure).is_overload else Outcome.NEUTRAL
        raise
    finally:  # the caller may also break it off, which says nothing of the route
        now = job.time.clock()
        station.left(outcome, error, now, began)
        if completion is not None or error is not None:
            job.attempts.append(_record(station, error, completion, now - began))
    return completion


def _no_place(job: _Job, station: Station, has_other: bool) -> VLMError:
    if has_other and job.time.left() > 0:
        job.crowded.append(station)
        return RateLimited(
            f"{station.route}: it takes fewer calls at once now, and others are waiting", route=station.route
        )
    return DeadlineExceeded(
        f"{station.route}: the time was over before it was this call's turn",
        hint="Raise timeout=..., or max_concurrency=... where many calls wait.",
        route=station.route,
    )


def _placed(error: VLMError, endpoint: Endpoint) -> VLMError:
    error.route = error.route or endpoint.route
    if isinstance(error, ModelNotFound) and (names := nearest_models(endpoint)):
        error.hint = f"Did you mean {' or '.join(names)}? {error.hint}"
    return error


def _followed(job: _Job, call: Call, request: Request, has_other: bool) -> Exchange:
    """One attempt, its pieces noted as they are handed on; one after a broken stream comes whole."""
    steps = attempt(call, request, job.time, _patience(call, has_other))
    if not request.stream:
        completion = yield from steps
        return (yield from _completed(job, completion))
    try:
        return (yield from _noted(job, steps))
    except VLMError as error:
        # What was begun is gone on with only by an answer that can be compared with it.
        if job.given.is_begun or isinstance(error, ResponseError):
            job.stream = False
        raise


def _noted(job: _Job, steps: Exchange) -> Exchange:
    """The steps as they are, each piece of the answer noted on its way."""
    reply: Any = None
    error: VLMError | None = None
    try:
        while True:
            step = steps.throw(error) if error else steps.send(reply)
            reply = error = None
            if isinstance(step, Delta):
                job.given.add(step)
            try:
                reply = yield step
            except VLMError as failure:
                error = failure
    except StopIteration as end:
        completion: Completion = end.value
        return completion
    finally:
        error = None
        steps.close()


def _completed(job: _Job, completion: Completion) -> Exchange:
    """An answer that came as a whole, where pieces may have been handed on before."""
    rest = job.given.rest_of(completion) if job.call.stream else []
    if rest is None:
        another = IncompleteResponse(
            f"{completion.route}: the stream broke off, and asked again the model answered otherwise",
            route=completion.route,
        )
        another.partial = job.given.text
        raise another
    yield from rest
    return job.given.whole(completion)


def _patience(call: Call, has_other: bool) -> float | None:
    """Seconds until a streamed answer must have begun."""
    own = call.limits.first_token_timeout
    return own if own is not None else FIRST_TOKEN_SECONDS if has_other else None


def _record(
    station: Station, error: VLMError | None, completion: Completion | None, seconds: float
) -> Attempt:
    if completion is not None:
        return Attempt(station.route, seconds=seconds, request_id=completion.request_id)
    assert error is not None
    billed = bool(getattr(error, "may_be_billed", False))
    return Attempt(station.route, type(error).__name__, seconds, billed, error.request_id)


def _told(completion: Completion, job: _Job) -> Completion:
    """The answer with what it took to get it."""
    warnings = [*job.warnings, *(_passed_over(cause) for cause in job.causes)]
    return replace(
        completion, attempts=tuple(job.attempts), warnings=(*completion.warnings, *dict.fromkeys(warnings))
    )


def _passed_over(cause: VLMError) -> str:
    return f"{cause.route} did not answer ({type(cause).__name__}): {cause.message}"


def _given_up(job: _Job) -> VLMError:
    """The error that ends a call, with its attempts."""
    failure = job.causes[-1]
    if job.given.is_begun:
        failure = _broken_stream(failure, job)
    elif all(isinstance(cause, InputError) for cause in job.causes):
        failure = job.causes[0]  # nobody was asked, and the fault is the message's
    elif len(job.causes) > 1 and rule_for(failure).fail_over != "never":
        failure = _all_failed(job)
    failure.attempts = tuple(job.attempts)
    return failure


def _broken_stream(cause: VLMError, job: _Job) -> IncompleteResponse:
    """The caller has a part of the answer, and there will be no more."""
    broken = cause
    if not isinstance(cause, IncompleteResponse):
        message = f"{cause.route}: the stream broke off, and asking again failed: {cause.message}"
        broken = IncompleteResponse(message, hint=cause.hint, route=cause.route, request_id=cause.request_id)
    assert isinstance(broken, IncompleteResponse)
    broken.partial = job.given.text
    return broken


def _all_failed(job: _Job) -> AllRoutesFailed:
    routes = ", ".join(f"{cause.route} ({type(cause).__name__})" for cause in job.causes)
    failure = AllRoutesFailed(f"no route gave an answer: {routes}", hint=job.causes[-1].hint)
    failure.causes = tuple(job.causes)
    return failure


def _bare(error: VLMError) -> VLMError:
    """An error without the frames that it came through.

    Their variables hold what was sent and what came, which a log with variables would show.
    """
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)
