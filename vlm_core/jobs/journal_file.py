"""The journal's SQLite file: made for its owner alone, opened as a stranger's, safe over threads and forks.

An SQLite file is more than data. Its triggers, views and generated columns run when it is read or written,
its pages may refer to each other in a circle, and a rollback journal beside it may name a file to be deleted.
So it must have our tables and nothing else, and what it can cost is bounded.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from threading import Lock
from typing import TypeVar
from weakref import WeakSet

from vlm_core.errors import ConfigError
from vlm_core.jobs.leases import pauses
from vlm_core.threads import at_fork

APPLICATION_ID = 0x564C4D4A
"""Tells a journal from other SQLite files: "VLMJ" in ASCII."""
SCHEMA_VERSION = 1
BUSY_SECONDS = 5.0
"""How long another process's lock is waited for."""

_TABLES = {
    "pages": """CREATE TABLE pages (
        key TEXT NOT NULL UNIQUE, state TEXT NOT NULL, source TEXT, page_number INTEGER, engine TEXT,
        provider TEXT, model TEXT, seconds REAL, stored_at REAL, attempts INTEGER, input_tokens INTEGER,
        output_tokens INTEGER, cost_usd REAL, error TEXT, result TEXT, digest TEXT)""",
    "claims": """CREATE TABLE claims (
        key TEXT NOT NULL PRIMARY KEY, token TEXT, place TEXT, pid INTEGER, started TEXT, expires_at REAL)""",
}
_SCHEMA = (
    *_TABLES.values(),
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)
LONGEST_VALUE_BYTES = 16 * 2**20
"""Of one value, and of one row."""
# Steps of SQLite's machine after which they are counted.
_STEPS_AT_ONCE = 10_000
_LEAST_STEPS = 10_000_000
# Reading all of a whole journal takes less than one a byte, and rewriting it two.
_STEPS_A_BYTE = 4
# Ends a rollback journal that names another file
# (https://sqlite.org/fileformat2.html#the_rollback_journal).
_OF_SEVERAL_FILES = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
_STRANGE_HINT = "Use it only if you know who made it; give another path for a new one."
_Found = TypeVar("_Found")


class JournalFile:
    """One connection to a journal, opened on first use, and again after a close, a failure or a fork.

    Args:
        path: of the file, which `prepare` has created.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None
        self._is_failing = False
        with _registering:
            _files.add(self)

    def __del__(self) -> None:
        self._disconnect()

    def run(self, operation: Callable[[sqlite3.Connection], _Found]) -> _Found:
        """What an operation returns that is given the connection; one thread at a time.

        Raises:
            sqlite3.Error: it failed, and nothing of it is stored.
            ConfigError: the file is not a journal any more.
        """
        with self._lock:
            try:
                # Once it has failed it is still tried, but no page is to wait for it.
                patience = 0.0 if self._is_failing else BUSY_SECONDS
                if self._connection is None:
                    self._connection = _connected(self._path, patience)
                _limit_steps(self._connection, self._path)
                outcome = operation(self._connection)
            except (sqlite3.Error, ConfigError):
                self._is_failing = True
                self._disconnect()
                raise
            if self._is_failing:  # this connection has the short patience: the next one waits again
                self._is_failing = False
                self._disconnect()
            return outcome

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        with self._lock:
            self._disconnect()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def pause(self) -> None:
        """Close the connection, and refuse every use until `resume`."""
        self._lock.acquire()
        self._disconnect()

    def resume(self) -> None:
        """End a pause."""
        self._lock.release()


def prepare(path: Path, *, create: bool) -> None:
    """Make sure that a journal is there and can be read.

    Args:
        path: of the file.
        create: make it where there is none, with mode 0600, and its folder with mode 0700.

    Raises:
        ConfigError: it is something else, of a later version, missing, locked, or cannot be opened.
    """
    try:
        if create and not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Another process may have made it meanwhile, which is as good.
            with suppress(FileExistsError):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        if not stat.S_ISREG(path.stat().st_mode):
            raise ConfigError(f"{path} is not a regular file", hint=_OTHER_PATH)
        _connected(path, BUSY_SECONDS).close()
    except FileNotFoundError as error:
        raise ConfigError(f"The journal {path} does not exist", hint="Check the path.") from error
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"The journal {path} cannot be opened: {reason}", hint=_OTHER_PATH) from error
    except sqlite3.Error as error:
        raise ConfigError(f"The journal {path} cannot be opened: {error}", hint=_hint(error)) from error


_OTHER_PATH = "Give the path of a journal, or of a new file in a folder that can be written to."


def _hint(error: sqlite3.Error) -> str:
    if _is_busy(error):
        return "Another program has locked it: end that, or use another file."
    return _OTHER_PATH


def _is_busy(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _connected(path: Path, busy_seconds: float) -> sqlite3.Connection:
    _check_beside(path)
    # rw: a file that was removed is not made anew without the right mode.
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=rw", uri=True, timeout=busy_seconds, isolation_level=None,
        check_same_thread=False,
    )  # fmt: skip
    try:
        _distrust(connection, path)
        if _is_new(connection, path):
            _set_up(connection, busy_seconds)
        _check_schema(connection, path, _TABLES)
        in_wal_mode = _value(connection, "PRAGMA journal_mode") == "wal"
        # In WAL mode a commit outlives the process without a sync. Some network disks have no WAL.
        connection.execute(f"PRAGMA synchronous = {'NORMAL' if in_wal_mode else 'FULL'}")
        # What is deleted is a document's text: it is overwritten.
        connection.execute("PRAGMA secure_delete = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _value(connection: sqlite3.Connection, question: str) -> object:
    with closing(connection.execute(question)) as rows:
        return rows.fetchone()[0]


def _is_new(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether it is an empty file.

    Raises:
        ConfigError: it is a database, but not such a journal.
    """
    connection.execute("BEGIN")  # another process may be making it a journal meanwhile
    application = _value(connection, "PRAGMA application_id")
    version = _value(connection, "PRAGMA user_version")
    tables = _value(connection, "SELECT count(*) FROM sqlite_master")
    connection.execute("COMMIT")
    if application == APPLICATION_ID and isinstance(version, int) and version > SCHEMA_VERSION:
        raise ConfigError(
            f"The journal {path} is of version {version}, and this program knows {SCHEMA_VERSION} at most",
            hint="Upgrade it with: pip install -U vlm-adapters; or use another file.",
        )
    if application == APPLICATION_ID:
        return version == 0
    if tables or application or version:
        raise ConfigError(f"{path} is an SQLite database, but not a journal", hint=_OTHER_PATH)
    return True


def _set_up(connection: sqlite3.Connection, busy_seconds: float) -> None:
    """Make the tables, unless another process has done so meanwhile."""
    _switch_to_wal(connection, time.monotonic() + busy_seconds)
    connection.execute("BEGIN IMMEDIATE")
    if _value(connection, "PRAGMA user_version") == 0:
        for statement in _SCHEMA:
            connection.execute(statement)
    connection.execute("COMMIT")


def _switch_to_wal(connection: sqlite3.Connection, deadline: float) -> None:
    # SQLite itself does not wait here for one that does the same.
    for seconds in pauses():
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() > deadline:
                raise
            time.sleep(seconds)
        else:
            return


# --- a stranger's file ---------------------------------------------------------------------------


def _check_beside(path: Path) -> None:
    """Refuse a rollback journal that names another file, which SQLite would delete.

    Args:
        path: of the journal.

    Raises:
        ConfigError: there is one.
    """
    with suppress(FileNotFoundError), open(f"{path}-journal", "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - len(_OF_SEVERAL_FILES)))
        if file.read() == _OF_SEVERAL_FILES:
            raise ConfigError(
                f"{path}-journal names another file, so that {path} is not opened", hint=_STRANGE_HINT
            )


def _distrust(connection: sqlite3.Connection, path: Path) -> None:
    """Bound what the file can make SQLite do.

    Args:
        connection: to the file, of which nothing was read yet.
        path: of the file.
    """
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE_BYTES)
    connection.execute("PRAGMA trusted_schema = OFF").close()
    connection.execute("PRAGMA cell_size_check = ON").close()
    _limit_steps(connection, path)


def _limit_steps(connection: sqlite3.Connection, path: Path) -> None:
    """Give what is done next a number of steps that grows with the file, and no more.

    A file whose pages refer to each other in a circle is read without end otherwise.
    """
    size = _size(path) + _size(f"{path}-wal")
    rounds = iter(range((_LEAST_STEPS + _STEPS_A_BYTE * size) // _STEPS_AT_ONCE))
    connection.set_progress_handler(lambda: next(rounds, None) is None, _STEPS_AT_ONCE)


def _size(path: str | Path) -> int:
    """Of a file in bytes; 0 where there is none."""
    with suppress(FileNotFoundError):
        return os.stat(path).st_size
    return 0


def _check_schema(connection: sqlite3.Connection, path: Path, tables: Mapping[str, str]) -> None:
    """Refuse a file that has more in it than the tables of a journal, or others of their names.

    Args:
        connection: to the file.
        path: of the file.
        tables: what made them, by their names.

    Raises:
        ConfigError: there is a trigger, a view, an index or a table that no journal has.
    """
    known = {("table", name, _plain(sql)) for name, sql in tables.items()}
    with closing(connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master")) as rows:
        for kind, name, table, sql in rows:
            is_own_index = kind == "index" and sql is None and table in tables
            if not is_own_index and (kind, name, _plain(str(sql))) not in known:
                raise ConfigError(f"{path} has a {kind} in it that no journal has", hint=_STRANGE_HINT)


def _plain(sql: str) -> str:
    return " ".join(sql.split())


# --- forks ---------------------------------------------------------------------------------------

_files: WeakSet[JournalFile] = WeakSet()
_registering = Lock()
_paused: list[JournalFile] = []


def _pause_all() -> None:
    """Before a fork: SQLite's locks do not survive it, so that no connection may be open."""
    _registering.acquire()
    _paused.extend(_files)
    for file in _paused:
        file.pause()


def _resume_all() -> None:
    for file in _paused:
        file.resume()
    _paused.clear()
    _registering.release()


at_fork(before=_pause_all, in_parent=_resume_all, in_child=_resume_all)
