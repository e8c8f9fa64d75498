"""Endpoints to ask, without anyone there to answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vlm_core.catalog.routes import Endpoint
from vlm_core.catalog.schema import ImageLimits, ModelProfile, Provider
from vlm_core.secret import Secret

MakeEndpoint = Callable[..., Endpoint]


@pytest.fixture
def make_endpoint() -> MakeEndpoint:
    """Makes an endpoint; arguments are those of a provider, or limits, model, thinking, api_key, headers."""

    def make(
        *,
        model: str = "m",
        limits: ImageLimits | None = None,
        thinking: bool | None = None,
        api_key: str | None = None,
        headers: dict[str, str] | None = None,
        **provider: Any,
    ) -> Endpoint:
        return Endpoint(
            provider=Provider(name="lab", **provider),
            model=model,
            profile=ModelProfile(prefix="m", thinking=thinking),
            limits=limits or ImageLimits(),
            base_url="http://lab.example/v1",
            api_key=Secret(api_key) if api_key else None,
            headers={name: Secret(value) for name, value in (headers or {}).items()},
        )

    return make


@pytest.fixture
def lab(make_endpoint: MakeEndpoint) -> Endpoint:
    """An endpoint of which nothing is known."""
    return make_endpoint()
