"""The command line, `vlm`: a command a file. What it needs beyond the library is loaded when it runs."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Sequence

_EXTRA = ("typer", "rich", "click", "shellingham")
"""What the extra `cli` brings, typer's own needs among it."""


def _terminated(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command, and end the program.

    Args:
        argv: the arguments; those of the program by default.

    Raises:
        SystemExit: always, with the exit code.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _terminated)  # until a command minds it
    try:
        from vlm_core.cli.app import app
    except ModuleNotFoundError as missing:
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
