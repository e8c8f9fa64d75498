"""The command line, `vlm`: a command a file. What it needs beyond the library is loaded when it runs."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

# What the extra `cli` brings, typer's own needs among it.
_EXTRA = ("typer", "rich", "click", "shellingham")


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command, and end the program.

    Args:
        argv: the arguments; those of the program by default.

    Raises:
        SystemExit: always, with the exit code.
    """
    with _minding_sigterm():
        _run(argv)


@contextmanager
def _minding_sigterm() -> Iterator[None]:
    """Whatever it comes to interrupt, as while a command is loaded, the exit code is 143."""
    # Only the main thread may set a handler; a test or a notebook may run a command on another.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    usual = signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, usual)


def _end(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def _run(argv: Sequence[str] | None) -> None:
    try:
        from vlm_core.cli.app import app
    except ModuleNotFoundError as missing:
        # A module of ours that is missing is a bug, and has a traceback.
        if missing.name not in _EXTRA:
            raise
        install = "pip install 'vlm-adapters[cli]'"
        print(
            f"vlm: the package {missing.name} is not installed. Install it with: {install}", file=sys.stderr
        )
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    app(args=argv, prog_name="vlm")
