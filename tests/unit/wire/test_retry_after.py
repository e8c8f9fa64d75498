"""The wait that a provider asks for."""

from __future__ import annotations

import pytest

from vlm_core.wire.error_mapping import retry_after

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"
LATER = "Tue, 14 Nov 2023 22:13:50 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({"retry-after": "3"}, 3, id="seconds"),
        pytest.param({"retry-after": " 0.5 "}, 0.5, id="a fraction"),
        pytest.param({"retry-after": "0"}, 0, id="now"),
        pytest.param({"retry-after": "600"}, 600, id="long"),
        pytest.param({"retry-after": LATER, "date": DATE}, 30, id="a date against the answer's own"),
        pytest.param({"retry-after-ms": "250"}, 0.25, id="milliseconds"),
        pytest.param({"retry-after": "2", "retry-after-ms": "9"}, 2, id="seconds before milliseconds"),
        pytest.param({"retry-after": "soon", "retry-after-ms": "9"}, 0.009, id="the next that can be read"),
        pytest.param({"x-ratelimit-reset": "1700000030", "date": DATE}, 30, id="stamp in seconds"),
        pytest.param({"x-ratelimit-reset": "1700000030000", "date": DATE}, 30, id="stamp in milliseconds"),
        pytest.param({"x-ratelimit-reset": "12"}, 12, id="reset as a wait"),
        pytest.param({}, None, id="none"),
        pytest.param({"retry-after": "-5"}, None, id="negative"),
        pytest.param({"retry-after": "nan"}, None, id="NaN"),
        pytest.param({"retry-after": "inf"}, None, id="infinite"),
        pytest.param({"retry-after": "1e300"}, None, id="absurd"),
        pytest.param({"retry-after": "9999999"}, None, id="over a week"),
        pytest.param({"retry-after": "soon"}, None, id="a word"),
        pytest.param({"retry-after": ""}, None, id="empty"),
        pytest.param({"retry-after": LATER}, None, id="a date against nothing"),
        pytest.param({"retry-after": DATE, "date": LATER}, None, id="a date that is over"),
        pytest.param({"retry-after": "Tue, 99 Nov 2023 22:13:50 GMT", "date": DATE}, None, id="no such date"),
        pytest.param({"x-ratelimit-reset": "1700000030"}, None, id="stamp against nothing"),
        pytest.param({"x-ratelimit-reset": "1600000000", "date": DATE}, None, id="stamp that is over"),
    ],
)
def test_every_way_to_say_it(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == pytest.approx(seconds)


@pytest.mark.parametrize("headers", [{"retry-after": LATER}, {"retry-after": LATER, "date": LATER}])
def test_a_given_time_counts_before_the_answers_own(headers: dict[str, str]) -> None:
    assert retry_after(headers, now=NOW) == 30
