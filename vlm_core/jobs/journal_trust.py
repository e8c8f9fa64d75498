"""A journal is opened as a stranger's file: it has our tables and nothing else, and its cost is bounded.

An SQLite file is more than data. Its triggers, views and generated columns run when it is read or written,
its pages may refer to each other in a circle, and a rollback journal beside it may name a file to be deleted.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path

from vlm_core.errors import ConfigError

LONGEST_VALUE_BYTES = 16 * 2**20
"""Of one value, and of one row."""
_STEPS_AT_ONCE = 10_000
"""Steps of SQLite's machine after which they are counted."""
_LEAST_STEPS = 10_000_000
_STEPS_A_BYTE = 4
"""Reading all of a whole journal takes less than one a byte, and rewriting it two."""
_OF_SEVERAL_FILES = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
"""Ends a rollback journal that names another file (https://sqlite.org/fileformat2.html#the_rollback_journal)."""
_HINT = "Use it only if you know who made it; give another path for a new one."


def check_beside(path: Path) -> None:
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
            raise ConfigError(f"{path}-journal names another file, so that {path} is not opened", hint=_HINT)


def distrust(connection: sqlite3.Connection, path: Path) -> None:
    """Bound what the file can make SQLite do.

    Args:
        connection: to the file, of which nothing was read yet.
        path: of the file.
    """
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE_BYTES)
    connection.execute("PRAGMA trusted_schema = OFF").close()
    connection.execute("PRAGMA cell_size_check = ON").close()
    limit_steps(connection, path)


def limit_steps(connection: sqlite3.Connection, path: Path) -> None:
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


def check_schema(connection: sqlite3.Connection, path: Path, tables: Mapping[str, str]) -> None:
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
                raise ConfigError(f"{path} has a {kind} in it that no journal has", hint=_HINT)


def _plain(sql: str) -> str:
    return " ".join(sql.split())
