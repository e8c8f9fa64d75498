"""What to use instead of a model that is not known, or about to end."""

from __future__ import annotations

import warnings
from datetime import date

import pytest

from vlm_core.catalog.registry import models_of, register
from vlm_core.catalog.resolve_route import (
    SunsetWarning,
    nearest_models,
    resolve,
    same_family_routes,
    warn_of_sunset,
)
from vlm_core.catalog.schema import ModelProfile

pytestmark = pytest.mark.usefixtures("fresh_registry")
ENDING = "hyperbolic:Qwen/Qwen2.5-VL-72B-Instruct"


@pytest.mark.parametrize(
    ("route", "nearest"),
    [
        pytest.param(
            "novita:Qwen/Qwen2.5-VL-72B-Instruct", "qwen/qwen2.5-vl-72b-instruct", id="other capitals"
        ),
        pytest.param("novita:qwen/qwen2-5-vl-72b", "qwen/qwen2.5-vl-72b-instruct", id="another spelling"),
        pytest.param(
            "deepinfra:Qwen/Qwen2.5-VL-72B-Instruct", "Qwen/Qwen2.5-VL-32B-Instruct", id="another size"
        ),
    ],
)
def test_the_nearest_models_of_the_provider_come_first(route: str, nearest: str) -> None:
    assert nearest_models(resolve(route))[0] == nearest


def test_a_model_is_not_its_own_nearest() -> None:
    refused = resolve("deepinfra:Qwen/Qwen2.5-VL-32B-Instruct")
    assert nearest_models(refused)
    assert refused.model not in nearest_models(refused)


def test_a_model_like_none_has_no_nearest() -> None:
    assert nearest_models(resolve("novita:whisper-large")) == ()


def test_routes_of_the_same_family_are_other_providers_and_not_ending_themselves() -> None:
    routes = same_family_routes(resolve(ENDING))
    assert routes[0].lower().endswith("qwen2.5-vl-72b-instruct")
    assert "novita:qwen/qwen2.5-vl-72b-instruct" in routes
    assert not [route for route in routes if route.startswith(("hyperbolic:", "together:"))]


def test_a_model_of_no_family_has_no_other_routes() -> None:
    assert same_family_routes(resolve("novita:some/model")) == ()


def test_every_model_that_hyperbolic_offers_is_about_to_end() -> None:
    assert [model.sunset for model in models_of("hyperbolic")] == ["announced"] * 4


def test_an_announced_end_is_told_once_with_other_routes() -> None:
    with pytest.warns(SunsetWarning, match="no date is known") as said:
        warn_of_sunset(resolve(ENDING))
    assert "novita:qwen/qwen2.5-vl-72b-instruct" in str(said[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_sunset(resolve(ENDING))


@pytest.mark.parametrize(
    ("today", "said"),
    [
        pytest.param(date(2026, 1, 4), "ends on 2026-01-05", id="before"),
        pytest.param(date(2026, 1, 5), "ends on 2026-01-05", id="the day"),
        pytest.param(date(2026, 1, 6), "ended on 2026-01-05", id="after"),
    ],
)
def test_a_date_is_told_as_past_or_to_come(today: date, said: str) -> None:
    with pytest.warns(SunsetWarning, match=said):
        warn_of_sunset(resolve("together:Qwen/Qwen2.5-VL-72B-Instruct"), today)


def test_a_model_that_stays_is_not_spoken_of(recwarn: pytest.WarningsRecorder) -> None:
    warn_of_sunset(resolve("novita:qwen/qwen2.5-vl-72b-instruct"))
    assert not recwarn.list


def test_an_ending_model_that_nobody_else_serves_is_told_so() -> None:
    register(ModelProfile(prefix="", provider="novita", model="only/here", family="only", sunset="announced"))
    with pytest.warns(SunsetWarning, match="no other route is known"):
        warn_of_sunset(resolve("novita:only/here"))
