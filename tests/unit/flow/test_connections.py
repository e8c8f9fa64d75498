"""Connections close when nobody holds them any more."""

from __future__ import annotations

import gc
import warnings

from vlm_core.client import VLMClient
from vlm_core.testing import ScriptedServer


def test_a_client_that_is_dropped_closes_its_connections() -> None:
    with ScriptedServer() as server, warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always", ResourceWarning)
        client = VLMClient("some-vlm", base_url=server.base_url, api_key=server.api_key)
        client.chat("What is the total?")
        del client
        gc.collect()
    assert [str(warning.message) for warning in seen if warning.category is ResourceWarning] == []
