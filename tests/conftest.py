"""Where the real documents are, and what tests need everywhere."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from preloaded import Preloaded

# A busy machine is not the code's fault. `make test-slow` looks at more examples.
settings.register_profile("unhurried", deadline=None, max_examples=30)
settings.register_profile("deep", deadline=None, max_examples=100)
settings.load_profile("unhurried")

# A shell has what it starts in the background ignore Ctrl-C, and so would the programs that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

DATA = Path(os.environ.get("VLM_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real documents; a test that asks for it skips where it is absent."""
    if not DATA.is_dir():
        pytest.skip(f"no real documents in {DATA}; VLM_TEST_DATA names another folder")
    return DATA


@pytest.fixture(scope="session")
def preloaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Preloaded]:
    """Runs programs with the frameworks loaded. Processes of one test run share what was read of pages."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    programs = Preloaded(folder / "programs")
    yield programs
    programs.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what reads the real documents, which takes minutes: `make test-data` runs it."""
    for item in items:
        values = getattr(getattr(item, "callspec", None), "params", {})
        if "data" in getattr(item, "fixturenames", ()) and "data" not in values:
            item.add_marker("data")
        if item.get_closest_marker("xfail"):
            item.repr_failure = as_python_shows_it  # type: ignore[method-assign, assignment]


def as_python_shows_it(failure: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
    """A failure that is expected is shown to no reader: pytest's own view of it takes half a second."""
    return "".join(traceback.format_exception(failure.value))
