"""An answer as a dialect reads it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vlm_core.ocr.dialects.dialect import Reading
from vlm_core.ocr.dialects.registry import find_dialect


@pytest.fixture
def parse() -> Callable[..., Reading]:
    """Parse an answer of a model about a picture of 1,000 × 500 pixels."""

    def parsed(dialect: str, text: str, task: str = "markdown", **more: Any) -> Reading:
        return find_dialect(dialect).parse(text, task, **{"width": 1000, "height": 500, **more})

    return parsed
