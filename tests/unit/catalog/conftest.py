"""A registry that forgets what a test adds to it."""

from __future__ import annotations

import pytest

from vlm_core.catalog import alternatives, known
from vlm_core.catalog.models import FAMILIES
from vlm_core.catalog.offers import OFFERS
from vlm_core.catalog.providers import PROVIDERS


@pytest.fixture
def fresh_registry(monkeypatch: pytest.MonkeyPatch) -> known.Registry:
    """The registry that all look-ups use, holding what the package brings and nothing else."""
    registry = known.Registry((*PROVIDERS, *FAMILIES, *OFFERS))
    monkeypatch.setattr(known, "_REGISTRY", registry)
    monkeypatch.setattr(alternatives, "_warned", set())
    return registry
