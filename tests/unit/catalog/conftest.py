"""A registry that forgets what a test adds to it."""

from __future__ import annotations

import pytest

from vlm_core.catalog import registry, resolve_route
from vlm_core.catalog.model_rows import FAMILIES
from vlm_core.catalog.offer_rows import OFFERS
from vlm_core.catalog.provider_rows import PROVIDERS


@pytest.fixture
def fresh_registry(monkeypatch: pytest.MonkeyPatch) -> registry.Registry:
    """The registry that all look-ups use, holding what the package brings and nothing else."""
    fresh = registry.Registry((*PROVIDERS, *FAMILIES, *OFFERS))
    monkeypatch.setattr(registry, "_REGISTRY", fresh)
    monkeypatch.setattr(resolve_route, "_warned", set())
    return fresh
