"""How much of a page is ink."""

from __future__ import annotations

import pytest

from vlm_core.images.blank import ink_share
from vlm_core.types import PageImage


@pytest.mark.parametrize(
    ("pixels", "share"),
    [
        pytest.param(bytes([255]) * 300, 0.0, id="white"),
        pytest.param(bytes([0]) * 90 + bytes([255]) * 210, 0.3, id="black-on-white"),
        pytest.param(bytes([255]) * 90 + bytes([0]) * 210, 0.3, id="white-on-black"),
        pytest.param(bytes([200]) * 90 + bytes([230]) * 210, 0.0, id="nearly-the-same"),
        pytest.param(bytes([255, 0, 0]) * 10 + bytes([255]) * 270, 0.1, id="red"),
    ],
)
def test_ink_is_what_is_not_paper(pixels: bytes, share: float) -> None:
    assert ink_share(PageImage(pixels=pixels, width=10, height=10)) == share
