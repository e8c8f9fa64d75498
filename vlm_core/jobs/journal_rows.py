"""The rows of a journal: how a result is stored, read back, counted and removed."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

from vlm_core.errors import ResultVersionError
from vlm_core.types import PageResult, PageState

GOOD = (PageState.OK, PageState.BLANK, PageState.PARTIAL, PageState.MISMATCH)
"""Reading such a page again in the same way gives the same."""
_ALL = set(PageResult.model_fields) - {"error", "figure_images"}
_FACTS = _ALL - {"text", "lines", "found", "data", "raw", "evidence", "findings"}
# The fields that are stored of a result; of those with other states only the facts are.
_STORED = {
    PageState.OK: _ALL,
    PageState.BLANK: _ALL,
    PageState.PARTIAL: _ALL,
    PageState.MISMATCH: _ALL,
    PageState.TRUNCATED: _FACTS | {"text"},
    PageState.LOOPED: _FACTS | {"text"},
}
_BATCH = 500
# Of results, after which no further row is read at once.
_BATCH_BYTES = 16 * 2**20
BEFORE_ALL = -(2**63)
"""Less than the number of any row."""
# Characters of a name or an error.
_LONGEST_FACT = 4096


class JournalPage(NamedTuple):
    """What a journal says of a page.

    Attempts, tokens and cost are of all that was ever asked for it; the rest is of the result that
    is kept.
    """

    key: str
    source: str
    """Where the page was when it was last read."""
    page_number: int
    state: str
    engine: str
    provider: str | None
    model: str | None
    attempts: int
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    seconds: float
    error: str | None
    """Why there is no good result: the error's name and message."""
    stored_at: float
    """In seconds since 1970."""

    def as_json(self) -> dict[str, Any]:
        """The page as JSON has it, its time in words (ISO 8601, UTC).

        Example:
            >>> unknown = dict.fromkeys(JournalPage._fields)
            >>> JournalPage(**{**unknown, "key": "e774c5ce", "stored_at": 0.0}).as_json()["stored_at"]
            '1970-01-01T00:00:00+00:00'
        """
        when = None
        with suppress(TypeError, ValueError, OverflowError, OSError):  # of a row that was changed
            when = datetime.fromtimestamp(self.stored_at, UTC).isoformat(timespec="seconds")
        return {**self._asdict(), "stored_at": when}


class JournalTotals(NamedTuple):
    """What a journal holds and what it took; None where no provider said."""

    pages: Mapping[str, int]
    """How many of each state."""
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None


class Row(NamedTuple):
    """A row with its number and its result, which may be damaged, or of a later release."""

    number: int
    page: JournalPage
    result: PageResult | None
    refused: ResultVersionError | None = None
    """Where a later release wrote the result."""


_SUMMED = ("attempts", "input_tokens", "output_tokens", "cost_usd")
_COLUMNS = (*JournalPage._fields, "result", "digest")
_IS_GOOD = "state IN ({})".format(", ".join(f"'{state}'" for state in GOOD))
_STAYS = f"pages.{_IS_GOOD} AND NOT excluded.{_IS_GOOD}"


def _update(column: str) -> str:
    old, new = f"pages.{column}", f"excluded.{column}"
    if column in _SUMMED:
        return f"{column} = coalesce({old} + {new}, {old}, {new})"
    return f"{column} = CASE WHEN {_STAYS} THEN {old} ELSE {new} END"


# All that is put in here are the names above; values are bound.
_PUT = f"""INSERT INTO pages ({", ".join(_COLUMNS)}) VALUES ({", ".join("?" * len(_COLUMNS))})
    ON CONFLICT (key) DO UPDATE SET {", ".join(map(_update, _COLUMNS[1:]))}"""  # noqa: S608
_GET = "SELECT CAST(result AS BLOB), digest FROM pages WHERE key = ?"
_NUMBERS = {
    **dict.fromkeys(("page_number", "attempts", "input_tokens", "output_tokens"), "INTEGER"),
    **dict.fromkeys(("cost_usd", "seconds", "stored_at"), "REAL"),
}


def _typed(column: str) -> str:
    """A column as what it is, whatever stands in the row: SQLite lets any value into any column."""
    if column in _NUMBERS:
        return f"CAST({column} AS {_NUMBERS[column]})"
    return f"substr(CAST({column} AS TEXT), 1, {_LONGEST_FACT})"


_SOME = f"""SELECT rowid, {", ".join(map(_typed, JournalPage._fields))}, CAST(result AS BLOB), digest
    FROM pages WHERE rowid > ? AND (? IS NULL OR state = ?) ORDER BY rowid LIMIT {_BATCH}"""  # noqa: S608
_BY_STATE = f"""SELECT {_typed("state")} AS state, count(*) FROM pages GROUP BY 1
    ORDER BY count(*) DESC, state"""  # noqa: S608
_SPENT = f"""SELECT sum({_typed("input_tokens")}), sum({_typed("output_tokens")}), sum({_typed("cost_usd")})
    FROM pages"""  # noqa: S608
_PRUNE = f"""DELETE FROM pages WHERE (:before IS NULL OR stored_at < :before)
    AND NOT (:bad_only AND {_IS_GOOD}) AND (:model IS NULL OR model = :model)"""  # noqa: S608


def put(connection: sqlite3.Connection, key: str, result: PageResult) -> None:
    """Store a result, unless it is a bad one where a good one is; sum what was spent."""
    connection.execute(_PUT, _as_row(key, result)).close()


def get(connection: sqlite3.Connection, key: str) -> PageResult | None:
    """The good result of this key, if there is one that is whole.

    Raises:
        ResultVersionError: a later release wrote it.
    """
    with closing(connection.execute(_GET, (key,))) as rows:
        row = rows.fetchone()
    result = None if row is None else _result(key, *row)
    return result if result and result.state in GOOD else None


def some(connection: sqlite3.Connection, after: int, state: str | None) -> list[Row]:
    """The rows that come next, a bounded number of them; none at the end.

    Args:
        connection: to the journal.
        after: the number of the last row before.
        state: only those in it.
    """
    batch: list[Row] = []
    size = 0
    with closing(connection.execute(_SOME, (after, state, state))) as rows:
        for row in rows:
            if row[0] <= after:
                raise sqlite3.DatabaseError("its rows are in no order")
            batch.append(_from_row(row))
            after, size = row[0], size + len(row[-2] or b"")
            if size > _BATCH_BYTES:
                break
    return batch


def totals(connection: sqlite3.Connection) -> JournalTotals:
    """How many pages of each state, and what was spent on all."""
    with closing(connection.execute(_BY_STATE)) as states, closing(connection.execute(_SPENT)) as spent:
        return JournalTotals(dict(states.fetchall()), *spent.fetchone())


def damages(connection: sqlite3.Connection) -> list[str]:
    """What SQLite finds wrong with the file."""
    with closing(connection.execute("PRAGMA integrity_check")) as rows:
        return [str(problem) for (problem,) in rows if problem != "ok"]


def prune(connection: sqlite3.Connection, before: float | None, bad_only: bool, model: str | None) -> int:
    """Remove rows and give their space back; how many there were.

    Args:
        connection: to the journal.
        before: only those stored before that, in seconds since 1970.
        bad_only: only those of a bad state.
        model: only those of this model.
    """
    which = {"before": before, "bad_only": bad_only, "model": model}
    count = connection.execute(_PRUNE, which).rowcount
    connection.execute("DELETE FROM claims WHERE expires_at < ?", (time.time(),))
    # The rows are gone; that the file shrinks can wait, should somebody be using it.
    with suppress(sqlite3.OperationalError):
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
    return count


def _as_row(key: str, result: PageResult) -> tuple[Any, ...]:
    usage = result.usage
    stored = result.model_dump(mode="json", include=_STORED.get(result.state, _FACTS))
    payload = json.dumps(stored, separators=(",", ":"))
    row = (
        key,
        result.source,
        result.page_number,
        result.state.value,
        result.engine,
        result.provider,
        result.model,
        result.attempts,
        usage and usage.input_tokens,
        usage and usage.output_tokens,
        result.cost_usd,
        result.seconds,
        result.error and f"{type(result.error).__name__}: {result.error}",
        time.time(),
        payload,
        _digest(key, payload.encode()),
    )
    return tuple(_unicode(value) if isinstance(value, str) else value for value in row)


def _unicode(text: str) -> str:
    """Text as SQLite takes it; a file's name need not be Unicode."""
    return text.encode("utf-8", "backslashreplace").decode()


def _from_row(row: Sequence[Any]) -> Row:
    number, *columns, payload, digest = row
    page = JournalPage(*columns)
    try:
        result = _result(page.key, payload, digest)
    except ResultVersionError as error:
        return Row(number, page, None, error)
    return Row(number, page, result if result and result.state == page.state else None)


def _result(key: object, payload: object, digest: object) -> PageResult | None:
    """The result in a row; None where the row was damaged or changed.

    Raises:
        ResultVersionError: a later release wrote it.
    """
    if not (isinstance(key, str) and isinstance(payload, bytes) and _digest(key, payload) == digest):
        return None
    try:
        return PageResult.model_validate(json.loads(payload))
    except (ValueError, TypeError, RecursionError):
        return None


def _digest(key: str, payload: bytes) -> str:
    return hashlib.sha256(key.encode() + b"\n" + payload).hexdigest()
