"""The classes that the contract is held against: ours, and its peers where they are installed.

A test that asks for `kind` runs once for each class. What a peer is known to fail is told by the
marker `peer_fails`, by the name of its class; should it pass one day, the test says so.
"""

from __future__ import annotations

import asyncio
import gc
import io
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, NamedTuple

import pytest
from PIL import Image

from vlm_core.flow import policy
from vlm_core.testing import ScriptedServer

KEY = "canary-key-77ab01"
MODEL = "some/vlm"


class Kind(NamedTuple):
    """A class of LLMs, and how it is made."""

    name: str
    module: str
    settings: dict[str, Any]

    def make(self, server: ScriptedServer, **settings: Any) -> Any:
        """An LLM that asks the server."""
        usual = {"model": MODEL, "api_key": server.api_key, "api_base": server.base_url}
        made = getattr(import_module(self.module), self.name)
        return made(**{**usual, **self.settings, **settings})

    @property
    def is_installed(self) -> bool:
        try:
            import_module(self.module)
        except ModuleNotFoundError:
            return False
        return True


PEERS = (
    Kind("OpenAILike", "llama_index.llms.openai_like", {"is_chat_model": True}),
    Kind("DeepInfraLLM", "llama_index.llms.deepinfra", {}),
)
KINDS = (Kind("VLM", "llamaindex_vlm", {}), *PEERS)
LITTER = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
"""Peers leave connections open, which come to light in whichever test is next."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "peer_fails(**reasons): what each class named cannot do, and why")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "kind" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("peer_fails")
        reasons = marker.kwargs if marker else {}
        metafunc.parametrize("kind", [_param(kind, reasons.get(kind.name)) for kind in KINDS])


def _param(kind: Kind, reason: str | None) -> Any:
    marks: list[Any] = [] if kind.is_installed else [pytest.mark.skip(f"{kind.name} is not installed")]
    marks += [LITTER] if any(peer.is_installed for peer in PEERS) else []
    marks += [pytest.mark.xfail(strict=True, reason=reason)] if reason else []
    return pytest.param(kind, id=kind.name, marks=marks)


@pytest.fixture(autouse=True, scope="module")
def swept() -> Iterator[None]:
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "BASE_SECONDS", 0.01)


@pytest.fixture(autouse=True)
def no_loop_by_chance() -> None:
    """Where a thread never had an event loop, LlamaIndex makes one and leaves it open."""
    asyncio.run(asyncio.sleep(0))


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(api_key=KEY) as scripted:
        yield scripted


@pytest.fixture
def llm(kind: Kind, server: ScriptedServer) -> Any:
    return kind.make(server)


@pytest.fixture
def picture() -> Callable[..., bytes]:
    """Makes a picture of one shade, in any format."""

    def make(shade: int = 40, kind: str = "PNG", **options: Any) -> bytes:
        file = io.BytesIO()
        Image.new("L", (60, 40), shade).save(file, kind, **options)
        return file.getvalue()

    return make
