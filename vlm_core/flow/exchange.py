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


# Characters of each route's error in the message of AllRoutesFailed.
_LONGEST_REASON = 200
_MORE_TIME = "Raise timeout=..., or stream: first_token_timeout=... leaves time for the next route."

Outcomes: TypeAlias = Generator[Effect | Delta, Any, Completion | VLMError | None]
NextVisit: TypeAlias = Generator[Effect | Delta, Any, _Visit | None]


@dataclass
class _CallState:
    """What is known of one call while it is under way."""

    call: ChatCall
    time: Deadline
    rng: random.Random
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
    emitted: EmittedText = field(default_factory=EmittedText)

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


def exchange(call: ChatCall, stations: Sequence[RouteState], clock: Clock, rng: random.Random) -> Exchange:
    """Ask until there is an answer, and return it.

    Args:
        call: the question.
        stations: the routes, in order of preference.
        clock: tells the time in seconds; any origin will do.
        rng: for the waits.

    Yields:
        What is to be done, as effects; and of a streamed answer the pieces as they come.

    Raises:
        VLMError: why there is no answer, with all attempts that were made: AllRoutesFailed where
            several routes could have given one, else the route's own error.
    """
    state = _CallState(
        call, Deadline(clock, clock() + call.limits.timeout), rng, stations, stream=call.stream
    )
    visit: _Visit | None = state.visit(next(state.unasked))
    while visit is not None:
        last = visit
        outcome = yield from _ask(state, visit)
        if isinstance(outcome, Completion):
            return _with_record(outcome, state, visit)
        if outcome is None:
            visit = yield from _later(state, visit, wait=0.0)
        else:
            visit.failures.append(outcome)
            visit = yield from _after(state, visit)
    raise _given_up(state, last)


# --- one attempt


def _ask(state: _CallState, visit: _Visit) -> Outcomes:
    """Send a request: the answer, or how it failed; None where the route had no place for it."""
    try:
        request = yield from _request(state, visit)
    except VLMError as error:
        visit.station.breaker.release_probe()
        # What was made smaller after a refusal, and can be made no smaller, was refused for good.
        return visit.failures[-1] if visit.failures else _bare(error)
    try:
        if not (yield from _entered(state, visit)):
            return None
        return (yield from _once(state, visit, request))
    except VLMError as error:
        return _bare(error)


def _request(state: _CallState, visit: _Visit) -> Generator[Effect, Any, Request]:
    call = visit.call
    if visit.messages is None:
        visit.messages = yield from fit_messages(call, max(0.0, min(60.0, state.time.left())))
    return build_request(
        visit.messages, call.options, call.endpoint, stream=state.stream, tool_images=call.tool_images
    )


def _entered(state: _CallState, visit: _Visit) -> Generator[Effect, Any, bool]:
    """Whether the route has a place for the call.

    Raises:
        DeadlineExceeded: the time was over before there was one.
    """
    left = state.time.left()
    if left > 0 and (yield AcquireSlot(visit.station.gate, left, is_patient=not visit.has_other)):
        return True
    visit.station.breaker.release_probe()
    if visit.has_other and state.time.left() > 0:
        return False
    raise DeadlineExceeded(
        f"{visit.station.route}: the time was over before it was this call's turn",
        hint="Raise timeout=..., or max_concurrency=... where many calls wait.",
        route=visit.station.route,
    )


def _once(state: _CallState, visit: _Visit, request: Request) -> Exchange:
    """One attempt, with its record and its word on the route's health; its place is given back."""
    began = state.time.clock()
    outcome, error, completion = Outcome.NEUTRAL, None, None
    try:
        completion = yield from _followed(state, visit, request)
        outcome = Outcome.OK
    except VLMError as failure:
        error = _placed(failure, visit.call.endpoint)
        outcome = Outcome.OVERLOADED if retry_rule(failure).is_overload else Outcome.NEUTRAL
        raise
    finally:  # the caller may also break it off, which says nothing of the route
        now = state.time.clock()
        visit.station.left(outcome, error, now, began)
        if completion is not None or error is not None:
            state.attempts.append(_record(visit.station, error, completion, now - began))
    return completion


def _placed(error: VLMError, endpoint: Endpoint) -> VLMError:
    error.route = error.route or endpoint.route
    if isinstance(error, ModelNotFound) and (names := nearest_models(endpoint)):
        error.hint = f"Did you mean {' or '.join(names)}? {error.hint}"
    return error


def _followed(state: _CallState, visit: _Visit, request: Request) -> Exchange:
    """One attempt, its pieces noted as they are handed on; one after a broken stream comes whole."""
    steps = attempt(visit.call, request, state.time, _waits(state, visit, request))
    if not request.stream:
        completion = yield from steps
        return (yield from _completed(state, completion))
    try:
        return (yield from _noted(state, steps))
    except VLMError as error:
        # What was begun is gone on with only by an answer that can be compared with it.
        if state.emitted.is_begun or isinstance(error, ResponseError):
            state.stream = False
        raise


def _waits(state: _CallState, visit: _Visit, request: Request) -> ReadTimeouts:
    """How long an answer may take to begin and to go on, where it or one before it is streamed.

    One that is asked for again, whole, after a broken stream must begin as soon as a stream must: a route
    that has fallen silent would else keep the next one from being asked.
    """
    if not state.call.stream:
        return ReadTimeouts()
    limits = visit.call.limits
    first = limits.first_token_timeout
    if first is None and visit.has_other:
        first = FIRST_TOKEN_SECONDS
    before = visit.failures[-1] if visit.failures else None
    was_silent = isinstance(before, IncompleteResponse) and before.reason == "silent"
    if first is None and not request.stream and was_silent:
        first = limits.idle_timeout
    return ReadTimeouts(first, limits.idle_timeout)


def _noted(state: _CallState, steps: Exchange) -> Exchange:
    """The steps as they are, each piece of the answer noted on its way."""
    reply: Any = None
    error: VLMError | None = None
    try:
        while True:
            step = steps.throw(error) if error else steps.send(reply)
            reply = error = None
            if isinstance(step, Delta):
                state.emitted.add(step)
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


def _completed(state: _CallState, completion: Completion) -> Exchange:
    """An answer that came as a whole, where pieces may have been handed on before."""
    rest = state.emitted.rest_of(completion) if state.call.stream else []
    if rest is None:
        another = IncompleteResponse(
            f"{completion.route}: the stream broke off, and asked again the model answered otherwise",
            route=completion.route,
        )
        another.partial, another.reason = state.emitted.text, "different"
        raise another
    yield from rest
    return state.emitted.whole(completion)


def _record(
    station: RouteState, error: VLMError | None, completion: Completion | None, seconds: float
) -> Attempt:
    if completion is not None:
        return Attempt(station.route, seconds=seconds, request_id=completion.request_id)
    assert error is not None
    billed = bool(getattr(error, "may_be_billed", False))
    return Attempt(station.route, type(error).__name__, seconds, billed, error.request_id)


# --- where to go after a failure


def _after(state: _CallState, visit: _Visit) -> NextVisit:
    """The route to ask after a failure: the same, changed or after a wait, or another; None for none."""
    if change := _change(visit):
        visit.call = replace(visit.call, endpoint=change.endpoint, options=change.options)
        visit.messages = None
        state.warnings.append(change.warning)
        return visit
    if not _may_be_asked_again(state, visit):
        return (yield from _next(state, visit))
    wait = wait_before(visit.failure, len(visit.failures), state.rng)
    if state.call.fallback_first and not state.emitted.is_begun:
        return (yield from _later(state, visit, wait))
    if _is_too_long(wait, state, visit):
        return (yield from _next(state, visit))
    yield Sleep(wait)
    return visit if _is_admitted(state, visit) else (yield from _next(state, visit))


def _change(visit: _Visit) -> RequestFixup | None:
    """What to change before the route is asked again; each kind of change is made once."""
    *earlier, failure = visit.failures
    if any(type(failure) is type(before) for before in earlier):
        return None
    images = encoded_images(visit.messages or ())
    return find_fixup(failure, visit.call.endpoint, visit.call.options, images)


def _may_be_asked_again(state: _CallState, visit: _Visit) -> bool:
    *earlier, failure = visit.failures
    rule = retry_rule(failure).retry
    same = sum(retry_rule(before).retry == rule for before in earlier)
    is_allowed = may_retry(failure, earlier=same, has_other=visit.has_other)
    return is_allowed and len(visit.failures) < visit.call.limits.max_attempts


def _is_too_long(wait: float, state: _CallState, visit: _Visit) -> bool:
    """Whether the call does better without a wait: its time would be over, or the breaker still open."""
    if wait >= state.time.left() or (visit.has_other and wait > PATIENCE_SECONDS):
        return True
    return len(state.stations) > 1 and visit.station.breaker.is_open(state.time.clock() + wait)


def _is_admitted(state: _CallState, visit: _Visit) -> bool:
    """Whether the breaker lets a route be asked again. A lone route is never left alone."""
    return len(state.stations) == 1 or visit.station.breaker.admits(state.time.clock())


def _later(state: _CallState, visit: _Visit, wait: float) -> NextVisit:
    """Another route, if there is one; the visit goes on when no other gave an answer."""
    visit.ready_at = state.time.clock() + wait
    state.waiting.append(visit)
    return (yield from _next(state, visit))


def _next(state: _CallState, before: _Visit) -> NextVisit:
    """The next route that was not asked yet, else the one among those that wait which is ready first."""
    if state.time.left() <= 0:
        return None
    for station in state.unasked:
        # Its breaker admitted it, perhaps as the probe, which is given back where it is not asked.
        if _passes_on(before, station):
            return state.visit(station)
        station.breaker.release_probe()
    while state.waiting:
        visit = min(state.waiting, key=lambda waiting: waiting.ready_at)
        state.waiting.remove(visit)
        visit.has_other = False
        wait = visit.ready_at - state.time.clock()
        if wait > 0 and _is_too_long(wait, state, visit):
            continue
        if wait > 0:
            yield Sleep(wait)
        if _is_admitted(state, visit):
            return visit
    return None


def _passes_on(before: _Visit, station: RouteState) -> bool:
    contexts = (one.endpoint.profile.context_tokens for one in (before.station, station))
    return may_fail_over(before.failure, *contexts)


# --- the end


def _with_record(completion: Completion, state: _CallState, answered: _Visit) -> Completion:
    """The answer with what it took to get it."""
    others = (visit.failure for visit in state.visits.values() if visit is not answered)
    passed_over = (f"{one.route} did not answer ({type(one).__name__}): {one.message}" for one in others)
    warnings = [*state.warnings, *passed_over]
    return replace(
        completion, attempts=tuple(state.attempts), warnings=(*completion.warnings, *dict.fromkeys(warnings))
    )


def _given_up(state: _CallState, last: _Visit) -> VLMError:
    """The error that ends a call, with its attempts."""
    failure = last.failure
    if state.emitted.is_begun:
        failure = _broken_stream(failure, state)
    elif all(isinstance(visit.failure, InputError) for visit in state.visits.values()):
        failure = next(
            iter(state.visits.values())
        ).failure  # nothing was sent, and the fault is the message's
    elif retry_rule(failure).fail_over != "never":
        failure = _all_failed(state, last)
    failure.attempts = tuple(state.attempts)
    return failure


def _broken_stream(cause: VLMError, state: _CallState) -> IncompleteResponse:
    """The caller has a part of the answer, and there will be no more."""
    broken = cause
    if not isinstance(cause, IncompleteResponse):
        message = f"{cause.route}: the stream broke off, and asking again failed: {cause.message}"
        broken = IncompleteResponse(message, hint=cause.hint, route=cause.route, request_id=cause.request_id)
        broken.reason = "silent" if isinstance(cause, ProviderTimeout) else "cut"
    assert isinstance(broken, IncompleteResponse)
    broken.partial = state.emitted.text
    return broken


def _all_failed(state: _CallState, last: _Visit) -> VLMError:
    """The error of all routes that could have answered; of one alone its own."""
    causes = [cause for station in state.stations if (cause := _cause(state, last, station))]
    if len(causes) == 1:
        return causes[0]
    reasons = "; ".join(cause.message[:_LONGEST_REASON] for cause in causes)
    is_late = isinstance(causes[-1], DeadlineExceeded)
    failure = AllRoutesFailed(
        f"no route gave an answer: {reasons}", hint=_MORE_TIME if is_late else last.failure.hint
    )
    failure.causes = tuple(causes)
    return failure


def _cause(state: _CallState, last: _Visit, station: RouteState) -> VLMError | None:
    """Why a route gave no answer; None for one that could not have given any."""
    if station in state.visits:
        return state.visits[station].failure
    if not _passes_on(last, station):
        return None
    if state.time.left() <= 0:
        message = f"{station.route}: it was not asked, as the time was over"
        return state.left_alone.get(station) or DeadlineExceeded(message, route=station.route)
    return state.left_alone.get(station)


def _bare(error: VLMError) -> VLMError:
    """An error without the frames that it came through.

    Their variables hold what was sent and what came, which a log with variables would show.
    """
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)
