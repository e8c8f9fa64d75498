"""Every way in which a stranger's file reaches us, and a bound on what it may cost."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeAlias

import pytest
from ways import WAYS, Answer, Ruler

Look: TypeAlias = Callable[[Path], Answer]
"""Reads a file, and gives the text that the caller gets, of an error too."""
Bounded: TypeAlias = Callable[[], AbstractContextManager[None]]
MOST_CPU_SECONDS = 5.0


@pytest.fixture
def bounded() -> Bounded:
    """Fails where what is done takes more than 5 s of this process's CPU, and breaks it off soon after."""

    def broken_off(*_: object) -> None:
        raise AssertionError("it goes on and on")

    @contextmanager
    def bound() -> Iterator[None]:
        before, handler = time.process_time(), signal.signal(signal.SIGPROF, broken_off)
        signal.setitimer(signal.ITIMER_PROF, 2 * MOST_CPU_SECONDS)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, handler)
        assert time.process_time() - before < MOST_CPU_SECONDS

    return bound


@pytest.fixture
def ruler() -> Ruler:
    """An engine that reads the size of a page."""
    return Ruler()


@pytest.fixture(params=WAYS)
def look(request: pytest.FixtureRequest) -> Look:
    """Each way in which a file is read."""
    return lambda path: WAYS[request.param](path, Ruler())
