"""How the number of calls at once finds its level."""

from __future__ import annotations

import pytest

from vlm_core.errors import ConfigError
from vlm_core.flow.concurrency import AIMDLimit, Outcome

OK, OVERLOADED, NEUTRAL = Outcome


def fill(limiter: AIMDLimit) -> int:
    taken = 0
    while limiter.admits():
        taken += 1
    return taken


def play(limiter: AIMDLimit, *outcomes: Outcome, now: float = 1.0) -> list[int]:
    """The limit after each outcome, of calls that have just begun, with others always waiting."""
    limits = []
    for outcome in outcomes:
        fill(limiter)
        limiter.done(outcome, now, began=now)
        limits.append(limiter.limit)
    return limits


@pytest.mark.parametrize(
    ("settings", "limit"),
    [
        pytest.param({}, 4, id="as it comes"),
        pytest.param({"ceiling": 2}, 2, id="the ceiling is lower than the start"),
        pytest.param({"ceiling": 20, "start": 10}, 10, id="a start of one's own"),
    ],
)
def test_it_begins_at_the_start_or_at_the_ceiling(settings: dict[str, int], limit: int) -> None:
    limiter = AIMDLimit(**settings)
    assert fill(limiter) == limiter.in_flight == limiter.limit == limit
    assert not limiter.admits()


@pytest.mark.parametrize("settings", [{"ceiling": 0}, {"ceiling": -1}, {"start": 0}], ids=str)
def test_a_limiter_that_would_admit_nobody_is_refused(settings: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="max_concurrency"):
        AIMDLimit(**settings)


def test_a_call_that_is_done_frees_its_place() -> None:
    limiter = AIMDLimit(ceiling=1)
    assert limiter.admits()
    limiter.done(NEUTRAL, 1.0, 0.0)
    assert limiter.admits()


def test_a_place_that_is_given_back_is_free_and_teaches_nothing() -> None:
    limiter = AIMDLimit()
    fill(limiter)
    limiter.gave_back()
    assert (limiter.in_flight, limiter.limit) == (3, 4)


@pytest.mark.parametrize(
    ("outcomes", "limits"),
    [
        pytest.param([OK] * 4, [5, 6, 7, 8], id="until the first overload it doubles with each round"),
        pytest.param([NEUTRAL] * 4, [4] * 4, id="neutral outcomes teach nothing"),
        pytest.param([OK, OK, OVERLOADED], [5, 6, 3], id="an overload halves it"),
        pytest.param([OK, OVERLOADED], [5, 2], id="an odd limit is rounded down"),
        pytest.param(
            [OVERLOADED, OK, OK, OK, OK, OK, OK], [2, 2, 3, 3, 3, 4, 4],
            id="after an overload it grows by 1 for as many successes as it is high",
        ),
        pytest.param(
            [OVERLOADED, OK, NEUTRAL, OK], [2, 2, 2, 3], id="a neutral outcome does not interrupt the count"
        ),
    ],
)  # fmt: skip
def test_it_learns_from_how_calls_end(outcomes: list[Outcome], limits: list[int]) -> None:
    assert play(AIMDLimit(), *outcomes) == limits


def test_it_stays_at_the_ceiling() -> None:
    assert play(AIMDLimit(ceiling=6), *[OK] * 4) == [5, 6, 6, 6]


def test_an_overload_begins_the_count_of_successes_anew() -> None:
    limiter = AIMDLimit(start=16)
    assert play(limiter, OVERLOADED, OK, OK, OK, now=1.0) == [8] * 4
    assert play(limiter, OVERLOADED, OK, OK, OK, OK, now=2.0) == [4, 4, 4, 4, 5]


def test_it_never_falls_below_one() -> None:
    limiter = AIMDLimit()
    assert [play(limiter, OVERLOADED, now=now)[0] for now in range(1, 5)] == [2, 1, 1, 1]


def test_a_limit_that_is_not_used_does_not_grow() -> None:
    limiter = AIMDLimit()
    for now in range(50):
        assert limiter.admits()
        limiter.done(OK, now + 1.0, float(now))
    assert limiter.limit == 4


def test_calls_that_were_out_together_cut_it_once() -> None:
    limiter = AIMDLimit(start=16)
    fill(limiter)
    for number in range(16):
        limiter.done(OVERLOADED, now=2.0 + number, began=1.0)
    assert (limiter.limit, limiter.in_flight) == (8, 0)


def test_calls_that_were_out_before_a_cut_do_not_make_it_grow() -> None:
    limiter = AIMDLimit(start=16)
    fill(limiter)
    limiter.done(OVERLOADED, now=2.0, began=1.0)
    for _ in range(8):
        limiter.done(OK, now=3.0, began=1.0)
    assert play(limiter, *[OK] * 7, now=4.0) == [8] * 7
    assert play(limiter, OK, now=5.0) == [9]


def test_above_a_limit_that_was_cut_nobody_is_admitted_until_enough_are_done() -> None:
    limiter = AIMDLimit()
    fill(limiter)
    limiter.done(OVERLOADED, now=2.0, began=1.0)
    assert not limiter.admits()
    limiter.done(NEUTRAL, now=2.0, began=1.0)
    assert not limiter.admits()
    limiter.done(NEUTRAL, now=2.0, began=1.0)
    assert limiter.admits()
