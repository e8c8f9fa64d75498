"""What a command says on standard error, and the exit code it ends with."""

from __future__ import annotations

import os
import re
import signal
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from vlm_core.errors import (
    AuthenticationFailed,
    BudgetExceeded,
    ConfigError,
    MissingKeyError,
    QuotaExhausted,
    VLMError,
)
from vlm_core.images.folders import is_about_link
from vlm_core.types import Finding, PageResult, PageState

FAILED, USAGE, SOME_FAILED, KEY_OR_QUOTA = 1, 2, 3, 4
BY_SIGNAL = 128
"""What shells add to a signal's number: 130 is Ctrl-C, 143 SIGTERM."""
# Arguments of the library that commands call otherwise.
_PARAMETERS = {
    "budget_usd": "budget",
    "root_dir": "root",
    "older_than_days": "older_than",
    "bad_only": "bad",
    "output_schema": "schema",
    "fallbacks": "fallback",
    "languages": "lang",
}
# How the library writes an argument: `name=...`, or with a value.
_ARGUMENT = re.compile(r"\b([a-z_]+)=(?:\.\.\.|True|(-?\d+(?:\.\d+)?)|(?=[,; ]))")
_CODES: tuple[tuple[type[VLMError], int], ...] = (
    (MissingKeyError, KEY_OR_QUOTA),
    (AuthenticationFailed, KEY_OR_QUOTA),
    (QuotaExhausted, KEY_OR_QUOTA),
    (ConfigError, USAGE),
    (VLMError, FAILED),
)
_NO_ACCESS = (MissingKeyError, AuthenticationFailed, QuotaExhausted)
# What is wrong with one page is then wrong with those behind it, and told once.
_SAME_FOR_ALL = (*_NO_ACCESS, BudgetExceeded)
_READ = (PageState.OK, PageState.BLANK)
_NAMED = 3  # files that are passed over, up to which each is named
_NUMBER = re.compile(r"\d+")


def say(message: str, argument: str | None = None) -> None:
    """Write one line to standard error, above a progress bar if there is one.

    Args:
        message: may hold what a stranger chose, such as a file's name.
        argument: as for `in_options`.
    """
    # Not print, which would break a progress bar in two.
    tqdm.write(f"vlm: {printable(in_options(message, argument))}", file=sys.stderr)


_options: dict[str, str] = {}


def use_options(options: Mapping[str, str]) -> None:
    """From here on, messages show these options.

    Args:
        options: what the running command calls its parameters on the command line.
    """
    _options.clear()
    _options.update(options)


def in_options(message: str, argument: str | None = None) -> str:
    """What the library says, with the running command's options in place of its arguments.

    Args:
        message: of an error or a warning.
        argument: the one that an error carries; its message may begin with it.

    Example:
        >>> use_options({"timeout": "--timeout", "root": "--root"})
        >>> in_options("Allow more time with timeout=..., or idle_timeout=...")
        'Allow more time with --timeout, or idle_timeout=...'
        >>> in_options("root_dir: x is not a folder", "root_dir")
        '--root x is not a folder'
    """

    def option(name: str) -> str | None:
        return _options.get(_PARAMETERS.get(name, name))

    def shown(match: re.Match[str]) -> str:
        name, value = match.groups()
        return " ".join(filter(None, (option(name), value))) if option(name) else match[0]

    if argument and (subject := option(argument)):
        message = re.sub(rf"^{argument}:? ", f"{subject} ", message)
    return _ARGUMENT.sub(shown, message)


def printable(text: str, allowed: str = "") -> str:
    """Text without the characters that a terminal obeys; they are written as escapes.

    Example:
        >>> printable("a\\x1b[31m.png")
        'a\\\\x1b[31m.png'
    """
    return "".join(
        character if character.isprintable() or character in allowed else ascii(character)[1:-1]
        for character in text
    )


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as they must be, for a reader and for grep alike.

    Example:
        >>> print(table([("NAME", "KEY"), ("novita", "not set")]))
        NAME    KEY
        novita  not set
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


# Of a page; the result has all.
_SHOWN_FINDINGS = 5
_LONGEST_SHOWN = 40


def _finding_in_words(finding: Finding) -> str:
    """A finding as a line of a report has it.

    Example:
        >>> _finding_in_words(Finding(kind="number_changed", text="17.90", expected="11.90"))
        "'17.90' (the page has '11.90')"
    """
    written, printed = (
        repr(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…")
        for text in (finding.text, finding.expected)
    )
    if finding.kind == "missing":
        return f"{printed} is missing"
    if finding.kind == "repeated":
        return f"{written} is said twice"
    return f"{written} (the page has {printed})" if finding.expected else f"{written} is not on the page"


class Report:
    """Tells of pages that failed or need a look, and of what else went on, and keeps count.

    Args:
        quiet: tell of those pages only.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self._read = 0
        self._failed = 0
        self._partial = 0
        self._refused = 0
        self._alike = 0
        self._some_text = False
        self._skipped: list[tuple[str, str]] = []
        self._warned: dict[str, tuple[str, int]] = {}
        """The first of warnings that differ in their numbers only, and how many came after it."""

    def page(self, page: PageResult) -> None:
        """A page has come to its end."""
        self._some_text = self._some_text or bool(page.text)
        warnings = page.warnings
        if page.state in _READ:
            self._read += 1
        elif page.state is PageState.PARTIAL:
            self._partial += 1
            say(_with_place(page, ": ".join((page.state.value, *warnings[:1]))))
            warnings = warnings[1:]
        elif page.state is PageState.MISMATCH:
            self._partial += 1
            say(_with_place(page, f"mismatch: {page.agreement or 0:.0%} of its text is on the page"))
        else:
            self._failed += 1
            self._refused += isinstance(page.error, _NO_ACCESS)
            self._alike += isinstance(page.error, _SAME_FOR_ALL)
            if self._alike < 2 or not isinstance(page.error, _SAME_FOR_ALL):
                say(_with_place(page, _failure(page)))
        if page.state is not PageState.MISMATCH:
            self._tell_findings(page)
        for warning in () if self.quiet else warnings:
            self._warn(page, warning)

    def _tell_findings(self, page: PageResult) -> None:
        """What of a page that was checked is to be looked at."""
        found = [_finding_in_words(finding) for finding in page.findings if finding.severity == "review"]
        if found and not self.quiet:
            more = f"; and {len(found) - _SHOWN_FINDINGS} more" if len(found) > _SHOWN_FINDINGS else ""
            say(_with_place(page, f"to be looked at: {'; '.join(found[:_SHOWN_FINDINGS])}{more}"))

    def skipped(self, name: str, reason: str) -> None:
        """A file in a folder was passed over."""
        self._skipped.append((name, reason))

    @contextmanager
    def telling_warnings(self) -> Iterator[None]:
        """Say what is warned of as all else is said, without a line of this program's code."""

        def tell(message: Warning | str, *_: object, **__: object) -> None:
            if not self.quiet:
                say(str(message))

        with warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = tell
            yield

    def tell_skipped(self) -> None:
        """Say which files were passed over: each by its name, or where they are many, how many of a kind."""
        if self.quiet or not self._skipped:
            return
        if len(self._skipped) <= _NAMED:
            for name, reason in self._skipped:
                say(f"skipped {name}: {reason}")
            return
        links = [name for name, reason in self._skipped if is_about_link(reason)]
        if links:
            say(f"skipped {len(links)} links, to folders or to files elsewhere; the first is {links[0]}")
        names = [name for name, reason in self._skipped if not is_about_link(reason)]
        kinds = Counter(Path(name).suffix.lower() or "without a suffix" for name in names)
        if names:
            counts = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
            say(f"skipped {len(names)} files that are not documents: {counts}")

    def tell_alike(self) -> None:
        """Say how often there was again what was told once."""
        if self._alike > 1:
            say(f"pages that were not read for the same reason: {self._alike - 1} more")
        for warning, more in self._warned.values():
            if more:
                pages = f"{more} more page{'s' * (more > 1)}"
                say(f"{pages}: {warning} (-f jsonl has the warnings of each)")

    @property
    def exit_code(self) -> int:
        """0 if all went well, else the first that applies of 4, 3 and 1."""
        if self._refused:
            return KEY_OR_QUOTA
        if self._failed and not (self._read or self._partial or self._some_text):
            return FAILED
        return SOME_FAILED if self._failed or self._partial else 0

    def _warn(self, page: PageResult, warning: str) -> None:
        """Tell of a warning, unless the like was told; they may differ in their numbers."""
        # "12 boxes could not be read" on each of a hundred pages would hide what else is wrong.
        kind = _NUMBER.sub("#", warning)
        first, more = self._warned.get(kind, (warning, -1))
        self._warned[kind] = first, more + 1
        if more < 0:
            say(_with_place(page, warning))


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
def exit_code_for_errors() -> Iterator[None]:
    """Turn what goes wrong with a whole command into a line on standard error and an exit code.

    Raises:
        SystemExit: something went wrong.
    """
    try:
        yield
    except BrokenPipeError:
        # Whoever read our output has enough. Python would complain when it flushes it at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt as interrupt:
        say("interrupted")
        raise SystemExit(BY_SIGNAL + getattr(interrupt, "number", signal.SIGINT)) from None
    except VLMError as error:
        say(str(error), error.argument)
        raise SystemExit(next(code for kind, code in _CODES if isinstance(error, kind))) from None
    except OSError as error:
        say(f"{error.filename or 'the output'} cannot be written: {error.strerror or error}")
        raise SystemExit(FAILED) from None
