"""Who is at work on a page: so that of several processes, threads and tasks only one pays for it.

A claim is a row of the journal with its owner, and a time at which it ends whatever becomes of him.
"""

from __future__ import annotations

import logging
import os
import platform
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from vlm_core.threads import begin, on_own_thread, until_done
from vlm_core.types import PageResult

FIRST_PAUSE_SECONDS = 0.01
LONGEST_PAUSE_SECONDS = 0.5
LONGEST_SECONDS = 3600.0
"""For which a page is claimed. A claim that ends later is of no program like this one."""
# Of two machines, at the most.
_CLOCKS_DIFFER_SECONDS = 300.0
_GROWTH = 1.5
_logger = logging.getLogger("vlm_core")


class Lease(NamedTuple):
    """A claim as it stands in the journal.

    Example:
        >>> Lease("a token", place="", pid=1, started="", expires_at=10.0).expires_at
        10.0
    """

    token: str
    """Of this one claim."""
    place: str
    """The running system in which `pid` means something."""
    pid: int
    started: str
    """When the process began, for numbers of processes come again; empty where it cannot be told."""
    expires_at: float
    """In seconds since 1970."""


def own_lease(token: str, expires_at: float) -> Lease:
    """A claim of this process."""
    pid = os.getpid()
    return Lease(token, this_place(), pid, _state_and_start(pid)[1], expires_at)


def expiry_of(now: float, seconds: float) -> float:
    """When a claim ends that begins now: after so many seconds, and an hour at most.

    Example:
        >>> expiry_of(10.0, 5.0), expiry_of(10.0, 86_400.0)
        (15.0, 3610.0)
    """
    return now + min(seconds, LONGEST_SECONDS)


def is_expired(claim: Lease, now: float, place: str, is_running: Callable[[int, str], bool]) -> bool:
    """Whether another may take a page that is claimed.

    Args:
        claim: what stands.
        now: in seconds since 1970.
        place: where we are. Of a process elsewhere only the time tells.
        is_running: whether a process of this number and start still runs.

    Example:
        >>> claim = Lease("a token", place="here", pid=1, started="", expires_at=10.0)
        >>> is_expired(claim, 9.0, "here", lambda pid, started: False)
        True
        >>> is_expired(claim, 9.0, "elsewhere", lambda pid, started: False)
        False
    """
    # One that is to last longer than any of ours was made by another program, or by a clock that is wrong.
    if not now < claim.expires_at < now + LONGEST_SECONDS + _CLOCKS_DIFFER_SECONDS:
        return True
    return claim.place == place and not is_running(claim.pid, claim.started)


def pauses() -> Iterator[float]:
    """How many seconds to wait before each look at what another does; without end.

    Example:
        >>> from itertools import islice
        >>> [round(seconds, 4) for seconds in islice(pauses(), 4)]
        [0.01, 0.015, 0.0225, 0.0338]
    """
    seconds = FIRST_PAUSE_SECONDS
    while True:
        yield seconds
        seconds = min(_GROWTH * seconds, LONGEST_PAUSE_SECONDS)


# --- processes -----------------------------------------------------------------------------------


@cache
def this_place() -> str:
    """This run of the system, and on Linux the container; numbers of processes mean nothing beyond."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return platform.node()


def is_running(pid: int, started: str) -> bool:
    """Whether a process of this machine still runs; True where that cannot be told.

    Args:
        pid: its number.
        started: as in `Lease`; empty lets any process of this number count.

    Example:
        >>> is_running(os.getpid(), "")
        True
    """
    if os.name != "posix":
        return True  # os.kill would end it there
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # another user's
    state, start = _state_and_start(pid)
    return state not in ("Z", "X") and (not start or not started or start == started)


def _state_and_start(pid: int) -> tuple[str, str]:
    """The 3rd and 22nd field of /proc/PID/stat (proc_pid_stat(5)); empty where there is no such file."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "", ""
    fields = stat.rpartition(")")[2].split()  # the 2nd one is a name in brackets, which may hold anything
    return fields[0], fields[19]


# --- the table -----------------------------------------------------------------------------------

_FIND = """SELECT CAST(token AS TEXT), CAST(place AS TEXT), CAST(pid AS INTEGER), CAST(started AS TEXT),
    CAST(expires_at AS REAL) FROM claims WHERE key = ?"""
_TAKE = """INSERT INTO claims (key, token, place, pid, started, expires_at) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET token = excluded.token, place = excluded.place, pid = excluded.pid,
    started = excluded.started, expires_at = excluded.expires_at WHERE claims.token IS ?"""


def find(connection: sqlite3.Connection, key: str) -> Lease | None:
    """The claim on a page, if there is one."""
    with closing(connection.execute(_FIND, (key,))) as rows:
        row = rows.fetchone()
    return None if row is None else Lease(*row)


def acquire(connection: sqlite3.Connection, key: str, claim: Lease, instead_of: Lease | None) -> bool:
    """Claim a page, in one step.

    Args:
        connection: to the journal.
        key: of the page.
        claim: what is to stand.
        instead_of: the one that is over, if there was one.

    Returns:
        Whether it worked; else another was quicker.
    """
    return connection.execute(_TAKE, (key, *claim, instead_of and instead_of.token)).rowcount == 1


def release(connection: sqlite3.Connection, token: str) -> None:
    """Give up a claim of this process. In a forked child it stays, for it is the parent's."""
    connection.execute("DELETE FROM claims WHERE token = ? AND pid = ?", (token, os.getpid()))


# --- waiting -------------------------------------------------------------------------------------


class PageLease:
    """Holds a page while it is read: `with` and `async with` give what is known of it, or None.

    None means that the page is the caller's to read, alone, until the end of the block.
    Both wait while another is at work on it.

    Args:
        find: the page's result, if it was read.
        take: claims the page, and says whether that worked.
        release: gives up the claim.
        wait: blocks for so many seconds. An error that it raises ends the waiting.

    Example:
        >>> with PageLease(find=lambda: None, take=lambda: True, release=lambda: print("released")) as known:
        ...     print(known)
        None
        released
    """

    def __init__(
        self,
        find: Callable[[], PageResult | None],
        take: Callable[[], bool],
        release: Callable[[], None],
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        self._find = find
        self._take = take
        self._release = release
        self._wait = wait
        self._known: PageResult | None = None
        self._is_held = False

    def __enter__(self) -> PageResult | None:
        for seconds in self._waits():
            self._wait(seconds)
        return self._known

    def __exit__(self, *reason: object) -> None:
        self._give_up()

    async def __aenter__(self) -> PageResult | None:
        import asyncio  # slow to load, and not needed where all is done in threads

        waits = self._waits()
        while True:
            look = begin(partial(next, waits, None))
            try:
                await until_done(look)
            except BaseException:  # cancelled; the thread may still take the page
                look.add_done_callback(lambda _: self._give_up())
                raise
            seconds = look.result()
            if seconds is None:
                return self._known
            await asyncio.sleep(seconds)

    async def __aexit__(self, *reason: object) -> None:
        await on_own_thread(self._give_up)

    def _waits(self) -> Iterator[float]:
        """The seconds to wait, one after the other, until the page is known or ours."""
        for number, seconds in enumerate(pauses()):
            if self._is_settled():
                return
            if number == 0:
                _logger.info("waiting for a page that another is reading")
            yield seconds

    def _is_settled(self) -> bool:
        self._known = self._find()
        if self._known is not None:
            return True
        try:
            self._is_held = self._take()
            # Whoever had it may have been done after the first look, and before it was ours.
            self._known = self._find() if self._is_held else None
        except BaseException:
            self._is_held = True  # it may be: a Ctrl-C can come between any two steps
            self._give_up()
            raise
        if self._known is not None:
            self._give_up()
        return self._is_held or self._known is not None

    def _give_up(self) -> None:
        if self._is_held:
            self._is_held = False
            self._release()
