"""What a command says on standard error, and the exit code it ends with."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from vlm_core.errors import AuthenticationFailed, ConfigError, MissingKeyError, QuotaExhausted, VLMError
from vlm_core.types import PageResult, PageState

FAILED, USAGE, SOME_FAILED, KEY_OR_QUOTA, INTERRUPTED = 1, 2, 3, 4, 130
_OPTIONS = {
    "with password=...": "with VLM_PASSWORD or --password",
    "pass allow_private_urls=True": "give --allow-private-urls",
    "max_pages=": "--max-pages ",
    ", or pass api_key=...": " or VLM_API_KEY",
    "pass it as api_key=...": "pass it in VLM_API_KEY",
    "Pass api_key=...": "Set VLM_API_KEY",
    "with base_url=...": "with --base-url",
    "needs base_url=...": "needs --base-url",
    "max_tokens=...": "--max-tokens",
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
        self.interrupted = False
        self._read = 0
        self._failed = 0
        self._refused = 0
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
            if self._refused < 2 or not isinstance(page.error, _NO_ACCESS):  # it is the same for all pages
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

    @property
    def exit_code(self) -> int:
        """0 if all went well, else the first that applies of 130, 4, 3 and 1."""
        if self.interrupted:
            return INTERRUPTED
        if not self._failed:
            return 0
        if self._refused:
            return KEY_OR_QUOTA
        return SOME_FAILED if self._read or self._some_text else FAILED

    def until_interrupted(self, items: Iterable[_Item]) -> Iterator[_Item]:
        """Items until Ctrl-C, after which what there is of them can still be written."""
        try:
            yield from items
        except KeyboardInterrupt:
            self.interrupt()

    def interrupt(self) -> None:
        """Ctrl-C was pressed: pages begun are waited for, unless it is pressed again."""
        self.interrupted = True
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        say("interrupted; what was read is kept")


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
