"""From messages to an answer: attempts, waits and routes, within one time.

It does no I/O and no sleeping, and its clock is passed in: one generator serves threads and event loops,
and its tests choose the time.
"""

from __future__ import annotations

import random
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from vlm_core.catalog.resolve_route import nearest_models
from vlm_core.completion import Attempt, Completion, Delta
from vlm_core.errors import (
    AllRoutesFailed,
    DeadlineExceeded,
    IncompleteResponse,
    InputError,
    ModelNotFound,
    ProviderTimeout,
    RateLimited,
    ResponseError,
    VLMError,
)
from vlm_core.flow.attempt import EmittedText, ReadTimeouts, attempt, fit_messages
from vlm_core.flow.call import AcquireSlot, ChatCall, Clock, Deadline, Effect, Exchange, Sleep
from vlm_core.flow.concurrency import Outcome
from vlm_core.flow.message_images import Message, encoded_images
from vlm_core.flow.policy import (
    FIRST_TOKEN_SECONDS,
    PATIENCE_SECONDS,
    RequestFixup,
    find_fixup,
    may_fail_over,
    may_retry,
    retry_rule,
    wait_before,
)
from vlm_core.flow.route_state import RouteState, routes_to_try
from vlm_core.wire.request import Request, build_request

if TYPE_CHECKING:
    from vlm_core.catalog.routes import Endpoint

__all__ = ["exchange"]


@dataclass
class _Visit:
    """A call at one route."""

    station: RouteState
    call: ChatCall
    """In this route's words, with the changes that its refusals asked for."""
    has_other: bool
    """Whether a route behind this one can be asked."""
    messages: list[Message] | None = None
    """With their pictures as this route takes them."""
    failures: list[VLMError] = field(default_factory=list)
    """How each attempt ended."""
    ready_at: float = 0.0
    """When it may be asked again."""

    @property
    def failure(self) -> VLMError:
        """Why there is no answer from here."""
        if self.failures:
            return self.failures[-1]
        message = f"{self.station.route}: it takes fewer calls at once now, and others are waiting"
        return RateLimited(message, route=self.station.route)


_LONGEST_REASON = 200
"""Characters of each route's error in the message of AllRoutesFailed."""
_MORE_TIME = "Raise timeout=..., or stream: first_token_timeout=... leaves time for the next route."

Outcomes: TypeAlias = Generator[Effect | Delta, Any, Completion | VLMError | None]
NextVisit: TypeAlias = Generator[Effect | Delta, Any, _Visit | None]


@dataclass
class _Job:
    """What is known of one call while it is under way."""

    call: ChatCall
    time: Deadline
    dice: random.Random
    stations: Sequence[RouteState]
    stream: bool
    """Whether the next attempt is to be streamed."""
    left_alone: dict[RouteState, VLMError] = field(default_factory=dict)
    """Routes in their breaker's pause, and why."""
    visits: dict[RouteState, _Visit] = field(default_factory=dict)
    waiting: list[_Visit] = field(default_factory=list)
    """Visits that go on once no other route gave an answer."""
    attempts: list[Attempt] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    given: EmittedText = field(default_factory=EmittedText)

    def __post_init__(self) -> None:
        self.unasked: Iterator[RouteState] = routes_to_try(self.stations, self.time.clock, self.left_alone)

    def visit(self, station: RouteState) -> _Visit:
        """Begin to ask a route."""
        now = self.time.clock()
        behind = self.stations[self.stations.index(station) + 1 :]
        has_other = any(not other.breaker.is_open(now) for other in behind)
        visit = _Visit(station, self.call.of(station.endpoint), has_other)
        self.visits[station] = visit
        return visit


def exchange(call: ChatCall, stations: Sequence[RouteState], clock: Clock, dice: random.Random) -> Exchange:
    """Ask until there is an answer, and return it.

    Args:
        call: the question.
        stations: the routes, in order of preference.
        clock: tells the time in seconds; any origin will do.
        dice: for the waits.

    Yields:
        What is to be done, as effects; and of a streamed answer the pieces as they come.

    Raises:
        VLMError: why there is no answer, with all attempts that were made: AllRoutesFailed where
            several routes could have given one, else the route's own error.
    """
    job = _Job(call, Deadline(clock, clock() + call.limits.timeout), dice, stations, stream=call.stream)
    visit: _Visit | None = job.visit(next(job.unasked))
    while visit is not None:
        last = visit
        outcome = yield from _ask(job, visit)
        if isinstance(outcome, Completion):
            return _told(outcome, job, visit)
        if outcome is None:
            visit = yield from _later(job, visit, wait=0.0)
        else:
            visit.failures.append(outcome)
            visit = yield from _after(job, visit)
    raise _given_up(job, last)


# --- one attempt


def _ask(job: _Job, visit: _Visit) -> Outcomes:
    """Send a request: the answer, or how it failed; None where the route had no place for it."""
    try:
        request = yield from _request(job, visit)
    except VLMError as error:
        visit.station.breaker.release_probe()
        # What was made smaller after a refusal, and can be made no smaller, was refused for good.
        return visit.failures[-1] if visit.failures else _bare(error)
    try:
        if not (yield from _entered(job, visit)):
            return None
        return (yield from _once(job, visit, request))
    except VLMError as error:
        return _bare(error)


def _request(job: _Job, visit: _Visit) -> Generator[Effect, Any, Request]:
    call = visit.call
    if visit.messages is None:
        visit.messages = yield from fit_messages(call, max(0.0, min(60.0, job.time.left())))
    return build_request(
        visit.messages, call.options, call.endpoint, stream=job.stream, tool_images=call.tool_images
    )


def _entered(job: _Job, visit: _Visit) -> Generator[Effect, Any, bool]:
    """Whether the route has a place for the call.

    Raises:
        DeadlineExceeded: the time was over before there was one.
    """
    left = job.time.left()
    if left > 0 and (yield AcquireSlot(visit.station.gate, left, is_patient=not visit.has_other)):
        return True
    visit.station.breaker.release_probe()
    if visit.has_other and job.time.left() > 0:
        return False
    raise DeadlineExceeded(
        f"{visit.station.route}: the time was over before it was this call's turn",
        hint="Raise timeout=..., or max_concurrency=... where many calls wait.",
        route=visit.station.route,
    )


def _once(job: _Job, visit: _Visit, request: Request) -> Exchange:
    """One attempt, with its record and its word on the route's health; its place is given back."""
    began = job.time.clock()
    outcome, error, completion = Outcome.NEUTRAL, None, None
    try:
        completion = yield from _followed(job, visit, request)
        outcome = Outcome.OK
    except VLMError as failure:
        error = _placed(failure, visit.call.endpoint)
        outcome = Outcome.OVERLOADED if retry_rule(failure).is_overload else Outcome.NEUTRAL
        raise
    finally:  # the caller may also break it off, which says nothing of the route
        now = job.time.clock()
        visit.station.left(outcome, error, now, began)
        if completion is not None or error is not None:
            job.attempts.append(_record(visit.station, error, completion, now - began))
    return completion


def _placed(error: VLMError, endpoint: Endpoint) -> VLMError:
    error.route = error.route or endpoint.route
    if isinstance(error, ModelNotFound) and (names := nearest_models(endpoint)):
        error.hint = f"Did you mean {' or '.join(names)}? {error.hint}"
    return error


def _followed(job: _Job, visit: _Visit, request: Request) -> Exchange:
    """One attempt, its pieces noted as they are handed on; one after a broken stream comes whole."""
    steps = attempt(visit.call, request, job.time, _waits(job, visit, request))
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


def _waits(job: _Job, visit: _Visit, request: Request) -> ReadTimeouts:
    """How long an answer may take to begin and to go on, where it or one before it is streamed.

    One that is asked for again, whole, after a broken stream must begin as soon as a stream must: a route
    that has fallen silent would else keep the next one from being asked.
    """
    if not job.call.stream:
        return ReadTimeouts()
    limits = visit.call.limits
    first = limits.first_token_timeout
    if first is None and visit.has_other:
        first = FIRST_TOKEN_SECONDS
    if first is None and not request.stream and visit.failures and _was_silent(visit.failures[-1]):
        first = limits.idle_timeout
    return ReadTimeouts(first, limits.idle_timeout)


def _was_silent(failure: VLMError) -> bool:
    return isinstance(failure, IncompleteResponse) and failure.reason == "silent"


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
        another.partial, another.reason = job.given.text, "different"
        raise another
    yield from rest
    return job.given.whole(completion)


def _record(
    station: RouteState, error: VLMError | None, completion: Completion | None, seconds: float
) -> Attempt:
    if completion is not None:
        return Attempt(station.route, seconds=seconds, request_id=completion.request_id)
    assert error is not None
    billed = bool(getattr(error, "may_be_billed", False))
    return Attempt(station.route, type(error).__name__, seconds, billed, error.request_id)


# --- where to go after a failure


def _after(job: _Job, visit: _Visit) -> NextVisit:
    """The route to ask after a failure: the same, changed or after a wait, or another; None for none."""
    if change := _change(visit):
        visit.call = replace(visit.call, endpoint=change.endpoint, options=change.options)
        visit.messages = None
        job.warnings.append(change.warning)
        return visit
    if not _may_be_asked_again(job, visit):
        return (yield from _next(job, visit))
    wait = wait_before(visit.failure, len(visit.failures), job.dice)
    if job.call.fallback_first and not job.given.is_begun:
        return (yield from _later(job, visit, wait))
    if _is_too_long(wait, job, visit):
        return (yield from _next(job, visit))
    yield Sleep(wait)
    return visit if _is_admitted(job, visit) else (yield from _next(job, visit))


def _change(visit: _Visit) -> RequestFixup | None:
    """What to change before the route is asked again; each kind of change is made once."""
    *earlier, failure = visit.failures
    if any(type(failure) is type(before) for before in earlier):
        return None
    images = encoded_images(visit.messages or ())
    return find_fixup(failure, visit.call.endpoint, visit.call.options, images)


def _may_be_asked_again(job: _Job, visit: _Visit) -> bool:
    *earlier, failure = visit.failures
    rule = retry_rule(failure).retry
    same = sum(retry_rule(before).retry == rule for before in earlier)
    is_allowed = may_retry(failure, earlier=same, has_other=visit.has_other)
    return is_allowed and len(visit.failures) < visit.call.limits.max_attempts


def _is_too_long(wait: float, job: _Job, visit: _Visit) -> bool:
    """Whether the call does better without a wait: its time would be over, or the breaker still open."""
    if wait >= job.time.left() or (visit.has_other and wait > PATIENCE_SECONDS):
        return True
    return len(job.stations) > 1 and visit.station.breaker.is_open(job.time.clock() + wait)


def _is_admitted(job: _Job, visit: _Visit) -> bool:
    """Whether the breaker lets a route be asked again. A lone route is never left alone."""
    return len(job.stations) == 1 or visit.station.breaker.admits(job.time.clock())


def _later(job: _Job, visit: _Visit, wait: float) -> NextVisit:
    """Another route, if there is one; the visit goes on when no other gave an answer."""
    visit.ready_at = job.time.clock() + wait
    job.waiting.append(visit)
    return (yield from _next(job, visit))


def _next(job: _Job, before: _Visit) -> NextVisit:
    """The next route that was not asked yet, else the one among those that wait which is ready first."""
    if job.time.left() <= 0:
        return None
    for station in job.unasked:
        if _passes_on(before, station):
            return job.visit(station)
        station.breaker.release_probe()
    while job.waiting:
        visit = min(job.waiting, key=lambda waiting: waiting.ready_at)
        job.waiting.remove(visit)
        visit.has_other = False
        wait = visit.ready_at - job.time.clock()
        if wait > 0 and _is_too_long(wait, job, visit):
            continue
        if wait > 0:
            yield Sleep(wait)
        if _is_admitted(job, visit):
            return visit
    return None


def _passes_on(before: _Visit, station: RouteState) -> bool:
    contexts = (one.endpoint.profile.context_tokens for one in (before.station, station))
    return may_fail_over(before.failure, *contexts)


# --- the end


def _told(completion: Completion, job: _Job, answered: _Visit) -> Completion:
    """The answer with what it took to get it."""
    others = (visit.failure for visit in job.visits.values() if visit is not answered)
    warnings = [*job.warnings, *(_passed_over(failure) for failure in others)]
    return replace(
        completion, attempts=tuple(job.attempts), warnings=(*completion.warnings, *dict.fromkeys(warnings))
    )


def _passed_over(failure: VLMError) -> str:
    return f"{failure.route} did not answer ({type(failure).__name__}): {failure.message}"


def _given_up(job: _Job, last: _Visit) -> VLMError:
    """The error that ends a call, with its attempts."""
    failure = last.failure
    if job.given.is_begun:
        failure = _broken_stream(failure, job)
    elif all(isinstance(visit.failure, InputError) for visit in job.visits.values()):
        failure = next(iter(job.visits.values())).failure  # nothing was sent, and the fault is the message's
    elif retry_rule(failure).fail_over != "never":
        failure = _all_failed(job, last)
    failure.attempts = tuple(job.attempts)
    return failure


def _broken_stream(cause: VLMError, job: _Job) -> IncompleteResponse:
    """The caller has a part of the answer, and there will be no more."""
    broken = cause
    if not isinstance(cause, IncompleteResponse):
        message = f"{cause.route}: the stream broke off, and asking again failed: {cause.message}"
        broken = IncompleteResponse(message, hint=cause.hint, route=cause.route, request_id=cause.request_id)
        broken.reason = "silent" if isinstance(cause, ProviderTimeout) else "cut"
    assert isinstance(broken, IncompleteResponse)
    broken.partial = job.given.text
    return broken


def _all_failed(job: _Job, last: _Visit) -> VLMError:
    """The error of all routes that could have answered; of one alone its own."""
    causes = [cause for station in job.stations if (cause := _cause(job, last, station))]
    if len(causes) == 1:
        return causes[0]
    reasons = "; ".join(cause.message[:_LONGEST_REASON] for cause in causes)
    is_late = isinstance(causes[-1], DeadlineExceeded)
    failure = AllRoutesFailed(
        f"no route gave an answer: {reasons}", hint=_MORE_TIME if is_late else last.failure.hint
    )
    failure.causes = tuple(causes)
    return failure


def _cause(job: _Job, last: _Visit, station: RouteState) -> VLMError | None:
    """Why a route gave no answer; None for one that could not have given any."""
    if station in job.visits:
        return job.visits[station].failure
    if not _passes_on(last, station):
        return None
    if job.time.left() <= 0:
        message = f"{station.route}: it was not asked, as the time was over"
        return job.left_alone.get(station) or DeadlineExceeded(message, route=station.route)
    return job.left_alone.get(station)


def _bare(error: VLMError) -> VLMError:
    """An error without the frames that it came through.

    Their variables hold what was sent and what came, which a log with variables would show.
    """
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)
