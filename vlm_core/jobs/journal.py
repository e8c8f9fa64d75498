"""The record of pages that were read and paid for, so that no page is paid for twice.

An SQLite file of JSON, readable by its owner alone, since it holds the documents' text. No key, no
header and no picture is in it.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar

from vlm_core.errors import ConfigError, VLMError
from vlm_core.jobs import journal_rows, leases
from vlm_core.jobs.journal_file import JournalFile, prepare
from vlm_core.jobs.journal_rows import JournalPage, JournalTotals, Row
from vlm_core.jobs.leases import PageLease
from vlm_core.threads import on_own_thread
from vlm_core.types import PageResult
from vlm_core.warning import warn_caller

_SECONDS_A_DAY = 86_400
_Found = TypeVar("_Found")


class JournalWarning(UserWarning):
    """A journal cannot be used at the moment: pages are read all the same, and not recorded."""


def page_key(sha256: str, **what: Any) -> str:
    """The key of a page's result: the same for the same picture, read in the same way.

    Args:
        sha256: of the page's picture.
        what: all that may change the answer: task, prompt, schema, model, versions, options. It must
            be of what JSON has. Order does not count, None is as if it were not given, and 0.0 is 0.

    Raises:
        ConfigError: something has no place in JSON, or the picture's digest is empty.

    Example:
        >>> key = page_key("e774c5ce", model="qwen3-vl", options={"temperature": 0, "seed": 1})
        >>> key == page_key("e774c5ce", model="qwen3-vl", options={"seed": 1, "temperature": 0.0})
        True
        >>> key == page_key("e774c5ce", model="qwen3-vl", options={"seed": 2, "temperature": 0})
        False
    """
    return key_from(sha256, as_text(what))


def key_from(sha256: str, what: str) -> str:
    """As `page_key`, of what `as_text` has made once for many pages."""
    if not sha256:
        raise ConfigError("A page without a digest has no key", hint="Give PageImage.sha256.")
    return hashlib.sha256(f"[{json.dumps(sha256)},{what}]".encode()).hexdigest()


def as_text(what: Mapping[str, Any]) -> str:
    """All that may change an answer, in the one way in which it can be written.

    Raises:
        ConfigError: something has no place in JSON.

    Example:
        >>> as_text({"options": {"seed": 1.0}, "model": "qwen3-vl", "prompt": None})
        '{"model":"qwen3-vl","options":{"seed":1}}'
    """
    canonical = {name: _canonical(name, value) for name, value in what.items() if value is not None}
    return json.dumps(canonical, sort_keys=True, separators=(",", ":"))


def _canonical(name: str, value: object) -> object:
    """A value as JSON has it, and whole numbers without a point: 0 and 0.0 ask for the same."""
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _canonical(name, inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_canonical(name, inner) for inner in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if value is None or isinstance(value, (str, int, float)):
        return value
    # Not the value itself, which may be a secret.
    raise ConfigError(
        f"{name} holds a {type(value).__name__}, which has no place in JSON",
        hint="Give dicts with strings as keys, lists, strings, numbers, booleans and None.",
    )


class Journal:
    """A file of results that were paid for; one for any number of jobs, threads and processes.

    It never stops a job: where it cannot be read or written any more, there is one JournalWarning
    and pages are read without it. A row that was damaged or changed is as if it were not there.

    Args:
        path: of the file. A new one gets mode 0600, and its folder, if that is new too, 0700.
        create: whether a missing file is made.

    Raises:
        ConfigError: this is not a journal, it is of a later version, or it cannot be opened.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder, Journal(f"{folder}/pages.journal") as journal:
        ...     key = page_key("e774c5ce", model="qwen3-vl")
        ...     with journal.claim(key) as known:
        ...         if known is None:
        ...             journal.put(key, PageResult(text="TOTAL 9.00"))
        ...     journal.get(key).text
        'TOTAL 9.00'
    """

    def __init__(self, path: str | os.PathLike[str], *, create: bool = True) -> None:
        self.path = Path(path).expanduser().absolute()
        prepare(self.path, create=create)
        self._open()

    def _open(self) -> None:
        # Two, so that whoever reads does not wait for one who waits to write.
        self._reads, self._writes = JournalFile(self.path), JournalFile(self.path)
        self._has_warned = False

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.path = state["path"]
        self._open()

    def __repr__(self) -> str:
        return f"Journal({str(self.path)!r})"

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *reason: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. The journal opens it again if it is used again."""
        self._reads.close()
        self._writes.close()

    # --- for a job -------------------------------------------------------------------------------

    def get(self, key: str) -> PageResult | None:
        """A page's result if it was read well: its state is ok, blank, partial or mismatch. None if not.

        Args:
            key: what `page_key` made.

        Returns:
            The result as it was put. Source, page numbers and rotation are those of the page that
            was read then: put those of yours in their place.

        Raises:
            ResultVersionError: a later release wrote it.
        """
        return self._tried(self._reads, lambda connection: journal_rows.get(connection, key), instead=None)

    def put(self, key: str, result: PageResult) -> None:
        """Record a result. When this returns it is stored, even should the process be killed.

        A good result stays when a bad one comes later; the tokens and the cost of both are summed.
        Of a bad one, its text is kept only if it was truncated or looped.

        Args:
            key: what `page_key` made.
            result: of any state.
        """
        self._tried(self._writes, lambda connection: journal_rows.put(connection, key, result), instead=None)

    async def aget(self, key: str) -> PageResult | None:
        """As `get`, without blocking the event loop."""
        return await on_own_thread(self.get, key)

    async def aput(self, key: str, result: PageResult) -> None:
        """As `put`, without blocking the event loop. It is stored even if the caller is cancelled."""
        await on_own_thread(self.put, key, result)

    def claim(
        self, key: str, seconds: float = 900.0, *, wait: Callable[[float], object] = time.sleep
    ) -> PageLease:
        """Hold a page while it is read, so that no other process, thread or task reads it too.

        `with` and `async with` give its result if it was read already. They wait while another
        reads it. They give None if it is yours: read it, and `put` the result before the block ends.
        Where that result is a bad one, the waiter reads the page itself.

        Args:
            key: what `page_key` made.
            seconds: the longest time that the reading can take, an hour at most. Then another may take
                the page. He may do so at once where the process that had it has ended, on the same machine.
            wait: blocks for so many seconds, where `with` waits for another. An error that it raises
                ends the waiting.

        Example:
            See `Journal`.
        """
        # Of this claim and not of the process: of two tasks of one process only one may hold the page.
        token = secrets.token_hex(8)
        return PageLease(
            find=lambda: self.get(key),
            take=lambda: self._take(key, token, seconds),
            release=lambda: self._tried(self._writes, lambda c: leases.release(c, token), instead=None),
            wait=wait,
        )

    def _take(self, key: str, token: str, seconds: float) -> bool:
        now = time.time()
        # Most looks find a lease that holds, and need no lock for writing: its reader may want that.
        standing = self._tried(self._reads, lambda c: leases.find(c, key), instead=None)
        if standing and not leases.is_expired(standing, now, leases.this_place(), leases.is_running):
            return False
        mine = leases.own_lease(token, leases.expiry_of(now, seconds))
        # Where the journal cannot be written, the page is read all the same, perhaps by two.
        return self._tried(self._writes, lambda c: leases.acquire(c, key, mine, standing), instead=True)

    def _tried(
        self, file: JournalFile, operation: Callable[[sqlite3.Connection], _Found], instead: _Found
    ) -> _Found:
        """What an operation finds; where it fails, one warning, and something instead."""
        try:
            return file.run(operation)
        except (sqlite3.Error, ConfigError, OverflowError) as error:  # the last: of an integer
            self._warn(error)
            return instead

    def _warn(self, error: Exception) -> None:
        if not self._has_warned:
            self._has_warned = True
            message = (
                f"The journal {self.path} cannot be used: {error}. Pages are read all the same; those that "
                "are not recorded will be paid for again. Check the disk, or give another path."
            )
            warn_caller(message, JournalWarning)

    # --- for its owner ---------------------------------------------------------------------------

    def pages(self, state: str | None = None) -> Iterator[JournalPage]:
        """The pages in the order in which they first came.

        Args:
            state: only those that ended in it.

        Raises:
            VLMError: the journal cannot be read or written; so do all methods below.
        """
        return (row.page for row in self._rows(state))

    def results(self) -> Iterator[tuple[JournalPage, PageResult]]:
        """What the journal says of each page, with its result, in the order in which they first came.

        Of a page that was not read well, the result may lack the text. A row that was damaged is left out.

        Raises:
            ResultVersionError: a later release wrote one of the results.

        Example:
            >>> from tempfile import TemporaryDirectory
            >>> with TemporaryDirectory() as folder, Journal(f"{folder}/pages.journal") as journal:
            ...     journal.put(page_key("e774c5ce"), PageResult(text="TOTAL 9.00", source="a.png"))
            ...     [(page.source, result.text) for page, result in journal.results()]
            [('a.png', 'TOTAL 9.00')]
        """
        for _, page, result, refused in self._rows():
            if refused is not None:
                raise refused
            if result is not None:
                yield page, result

    def totals(self) -> JournalTotals:
        """How many pages there are of each state, and what was spent on all."""
        return self._done(self._reads, journal_rows.totals)

    def verify(self) -> list[str]:
        """What is wrong with the file, and with which pages: those will be read again.

        It tells damage. It does not tell who wrote a row: whoever may write to the file can write one that
        is whole.
        """
        try:
            return [*self._done(self._reads, journal_rows.damages), *self._damaged_rows()]
        except VLMError as error:
            return [error.message]

    def _damaged_rows(self) -> Iterator[str]:
        for _, page, result, refused in self._rows():
            if result is None:
                what = refused.message if refused else "its row was damaged or changed"
                yield f"{page.source}, page {page.page_number}: {what} (key {page.key})"

    def prune(
        self, *, older_than_days: float | None = None, bad_only: bool = False, model: str | None = None
    ) -> int:
        """Remove pages to which all that is said here applies, and overwrite what they held.

        Args:
            older_than_days: they were recorded longer ago than that.
            bad_only: they were not read well.
            model: this one read them.

        Returns:
            How many there were.

        Raises:
            ConfigError: nothing is said.
        """
        if older_than_days is None and not bad_only and model is None:
            hint = "Give older_than_days=, bad_only= or model=; to remove all, delete the file."
            raise ConfigError("It was not said which pages to remove", hint=hint)
        before = None if older_than_days is None else time.time() - older_than_days * _SECONDS_A_DAY
        return self._done(self._writes, lambda c: journal_rows.prune(c, before, bad_only, model))

    def export(self, file: IO[str]) -> int:
        """Write a line of JSON for each page, with all that is known of it.

        Args:
            file: is open for text. `result` is null where a row was damaged.

        Returns:
            How many lines.

        Raises:
            ResultVersionError: a later release wrote one of the results.
        """
        count = 0
        for _, page, result, refused in self._rows():
            if refused is not None:
                raise refused
            line = {**page.as_json(), "result": result and result.model_dump(mode="json")}
            file.write(json.dumps(line) + "\n")
            count += 1
        return count

    def _rows(self, state: str | None = None) -> Iterator[Row]:
        """Some at a time, so that others are not kept waiting."""
        last = journal_rows.BEFORE_ALL
        while rows := self._done(self._reads, partial(journal_rows.some, after=last, state=state)):
            yield from rows
            last = rows[-1].number

    def _done(self, file: JournalFile, operation: Callable[[sqlite3.Connection], _Found]) -> _Found:
        try:
            return file.run(operation)
        except sqlite3.Error as error:
            hint = "Look at it with `vlm journal verify`; if it is damaged, use a new one."
            raise VLMError(f"The journal {self.path} cannot be used: {error}", hint=hint) from error
