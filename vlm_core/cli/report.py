"""What a command says on standard error, and the exit code it ends with."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from vlm_core.errors import (
    AuthenticationFailed,
    BudgetExceeded,
    ConfigError,
    MissingKeyError,
    QuotaExhausted,
    VLMError,
)
from vlm_core.types import PageResult, PageState

FAILED, USAGE, SOME_FAILED, KEY_OR_QUOTA = 1, 2, 3, 4
_BY_SIGNAL = 128
"""What shells add to a signal's number: 130 is Ctrl-C, 143 SIGTERM."""
_STOPS = (signal.SIGINT, signal.SIGTERM)
_OPTIONS = {
    "with password=...": "with VLM_PASSWORD or --password",
    "pass allow_private_urls=True": "give --allow-private-urls",
    "max_pages=": "--max-pages ",
    ", or pass api_key=...": " or VLM_API_KEY",
    "pass it as api_key=...": "pass it in VLM_API_KEY",
    "Pass api_key=...": "Set VLM_API_KEY",
    "with base_url=...": "with --base-url",
    "needs base_url=...": "needs --base-url",
    "give base_url=...": "give --base-url",
    "root_dir: ": "--root ",
    "max_tokens=...": "--max-tokens",
    "budget_usd=...": "--budget",
    "budget_usd": "--budget",
    "timeout=...": "--timeout",
    "older_than_days=, bad_only= or model=": "--older-than, --bad or --model",
}
"""What the library's messages call an argument, and what it is here."""
_CODES: tuple[tuple[type[VLMError], int], ...] = (
    (MissingKeyError, KEY_OR_QUOTA),
    (AuthenticationFailed, KEY_OR_QUOTA),
    (QuotaExhausted, KEY_OR_QUOTA),
    (ConfigError, USAGE),
    (VLMError, FAILED),
)
_NO_ACCESS = (MissingKeyError, AuthenticationFailed, QuotaExhausted)
_SAME_FOR_ALL = (*_NO_ACCESS, BudgetExceeded)
"""What is wrong with one page is then wrong with those behind it, and told once."""
_READ = (PageState.OK, PageState.BLANK)
_NAMED = 3  # files that are passed over, up to which each is named
_Item = TypeVar("_Item")


def say(message: str) -> None:
    """Write one line to standard error, above a progress bar if there is one.

    Args:
        message: may hold what a stranger chose, such as a file's name.
    """
    tqdm.write(f"vlm: {printable(in_options(message))}", file=sys.stderr)


def in_options(message: str) -> str:
    """What the library says, with the command's options in place of its arguments.

    Example:
        >>> in_options("Allow more time with timeout=...")
        'Allow more time with --timeout'
    """
    for argument, option in _OPTIONS.items():
        message = message.replace(argument, option)
    return message


def printable(text: str, kept: str = "") -> str:
    """Text without the characters that a terminal obeys; they are written as escapes.

    Example:
        >>> printable("a\\x1b[31m.png")
        'a\\\\x1b[31m.png'
    """
    return "".join(
        character if character.isprintable() or character in kept else ascii(character)[1:-1]
        for character in text
    )


class Report:
    """Tells of pages that failed, and of what else went on, and keeps count.

    Args:
        quiet: tell of failures only.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self._stopped_by = 0
        self._waits = False
        self._read = 0
        self._failed = 0
        self._refused = 0
        self._alike = 0
        self._some_text = False
        self._skipped: list[tuple[str, str]] = []

    def page(self, page: PageResult) -> None:
        """A page has come to its end."""
        self._some_text = self._some_text or bool(page.text)
        if page.state in _READ:
            self._read += 1
        else:
            self._failed += 1
            self._refused += isinstance(page.error, _NO_ACCESS)
            self._alike += isinstance(page.error, _SAME_FOR_ALL)
            if self._alike < 2 or not isinstance(page.error, _SAME_FOR_ALL):
                say(_with_place(page, _failure(page)))
        for warning in () if self.quiet else page.warnings:
            say(_with_place(page, warning))

    def skipped(self, name: str, reason: str) -> None:
        """A file in a folder was passed over."""
        self._skipped.append((name, reason))

    def tell_skipped(self) -> None:
        """Say which files were passed over: each by its name, or where they are many, how many of a kind."""
        if self.quiet or not self._skipped:
            return
        if len(self._skipped) <= _NAMED:
            for name, reason in self._skipped:
                say(f"skipped {name}: {reason}")
            return
        kinds = Counter(Path(name).suffix.lower() or "without a suffix" for name, _ in self._skipped)
        counts = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
        say(f"skipped {len(self._skipped)} files that are no documents: {counts}")

    def tell_alike(self) -> None:
        """Say how many pages more failed for a reason that was told once."""
        if self._alike > 1:
            say(f"pages that were not read for the same reason: {self._alike - 1} more")

    @property
    def exit_code(self) -> int:
        """0 if all went well, else the first that applies of 130 or 143, 4, 3 and 1."""
        if self.interrupted:
            return _BY_SIGNAL + self._stopped_by
        if not self._failed:
            return 0
        if self._refused:
            return KEY_OR_QUOTA
        return SOME_FAILED if self._read or self._some_text else FAILED

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C or SIGTERM has stopped it."""
        return self._stopped_by > 0

    def until_interrupted(self, items: Generator[_Item, None, None]) -> Iterator[_Item]:
        """Items until Ctrl-C or SIGTERM, after which what there is of them can still be written.

        A signal cuts the waiting for an item short, and never the writing of one.
        """
        with closing(items), self._minding_signals():
            while not self.interrupted and (item := self._next(items)) is not None:
                yield item

    def interrupt(self, number: int = signal.SIGINT) -> None:
        """A signal has come: pages begun are waited for, unless there is a second one."""
        self._note(number)
        say("interrupted; what was read is kept")

    def _note(self, number: int) -> None:
        self._stopped_by = number
        for stop in _STOPS:
            signal.signal(stop, signal.SIG_DFL)

    def _next(self, items: Iterator[_Item]) -> _Item | None:
        self._waits = True
        try:
            return next(items, None)
        except KeyboardInterrupt:
            self._note(self._stopped_by or signal.SIGINT)
            return None
        finally:
            self._waits = False

    @contextmanager
    def _minding_signals(self) -> Iterator[None]:
        def stop(number: int, _frame: object) -> None:
            self._note(number)
            if self._waits:
                raise KeyboardInterrupt

        usual = {number: signal.getsignal(number) for number in _STOPS}
        for number, handler in usual.items():
            if handler is not signal.SIG_IGN:  # as nohup and shells have it for what runs behind them
                signal.signal(number, stop)
        try:
            yield
        finally:
            if self.interrupted:
                self.interrupt(self._stopped_by)  # told now, when nothing more is begun
            else:
                for number, handler in usual.items():
                    signal.signal(number, handler)


def _failure(page: PageResult) -> str:
    if page.error is None:
        return page.state.value
    return f"{page.error}" if isinstance(page.error, VLMError) else f"{page.error!r}"


def _with_place(page: PageResult, message: str) -> str:
    """A message with the source and the page it is about, where it does not name them itself."""
    number = f"page {page.page_number}" if page.total_pages else ""
    place = ", ".join(part for part in (page.source, number) if part and part not in message)
    return f"{place}: {message}" if place else message


@contextmanager
def exit_code_for_errors(report: Report) -> Iterator[None]:
    """Turn what goes wrong with a whole command into a line on standard error and an exit code.

    Raises:
        SystemExit: something went wrong.
    """
    try:
        yield
    except BrokenPipeError:
        # Whoever read our output has enough. Python would complain when it flushes it at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        report.interrupt()
    except VLMError as error:
        say(str(error))
        raise SystemExit(next(code for kind, code in _CODES if isinstance(error, kind))) from None
    except OSError as error:
        say(f"{error.filename or 'the output'} cannot be written: {error.strerror or error}")
        raise SystemExit(FAILED) from None
