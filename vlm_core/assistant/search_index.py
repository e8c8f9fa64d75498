"""Pages that were read, to be found by their words: an index of SQLite (FTS5) in memory.

It is made anew from what is read, and never stored: a page that stands in the journal is read from there. So
no file of a stranger is ever an index, and what is removed from a journal stands nowhere else.

Words are indexed by pieces of three letters. Engines run words together, leave letters out and take O for 0;
a word is found by most of its pieces then.
"""

from __future__ import annotations

import json
import math
import re
import sqlite3
import unicodedata
import weakref
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from threading import Lock
from typing import Any

from vlm_core.assistant.library import DocumentKey
from vlm_core.assistant.page_selection import scores
from vlm_core.assistant.text_matching import LOOKALIKES
from vlm_core.types import Box, PageResult, PageState, TextLine

PIECE = 3
"""Letters of a piece."""
MOST_PAGES = 20_000
"""In the index; of more, those that were read first are left out."""
MOST_PIECES = 250
"""Of what is sought."""
# Pages with the best scores, of which it is counted how many of the pieces they have.
_COMPARED = 50
# Scripts written without blanks, in which two characters are a piece.
_UNSPACED = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_RUNS = re.compile(f"[{_UNSPACED}]+|[^{_UNSPACED}]+")
_PAGES = (
    "CREATE TABLE pages (id INTEGER PRIMARY KEY AUTOINCREMENT, document BLOB, number INTEGER, total INTEGER, "
    "state TEXT, lines TEXT, UNIQUE (document, number))"
)
_PIECES = "CREATE VIRTUAL TABLE pieces USING fts5(text, tokenize = 'unicode61 remove_diacritics 0')"
LEAST_SHARE = 0.6
"""Of the pieces that the page with most of them has: a page with fewer is not found."""
_DIGEST = 32
_NO_BOX = (0.0, 0.0, 1.0, 1.0)


def pieces(text: str) -> list[str]:
    """The pieces by which a text is found.

    Example:
        >>> pieces("Sanyu RM 9.00: 合計金額")
        ['5an', 'any', 'nyu', 'rm', '900', '合計', '計金', '金額']
    """
    folded = unicodedata.normalize("NFKC", text).casefold().translate(LOOKALIKES)
    words = ("".join(filter(str.isalnum, word)) for word in folded.split())
    return [piece for word in words for run in _RUNS.findall(word) for piece in _pieces(run)]


def _pieces(run: str) -> Iterator[str]:
    length = 2 if "\u3040" <= run[0] <= "\ud7af" else PIECE
    if len(run) == 1 and length == PIECE:
        return  # a letter alone stands on every page
    for start in range(max(1, len(run) - length + 1)):
        yield run[start : start + length]


@dataclass(frozen=True)
class IndexedPage:
    """A page that was found."""

    document: DocumentKey
    number: int
    total_pages: int
    lines: tuple[TextLine, ...]
    has_boxes: bool
    """Whether it is known where its lines stand."""
    pieces: frozenset[str]
    """Those that were sought and stand on it."""
    share: float = 0.0
    """Of what was sought, from 0 to 1; a piece that stands on few pages counts for more."""


class SearchIndex:
    """Pages by their words, for any number of threads.

    Where Python's SQLite lacks FTS5, all pages are compared one by one: slower, with the same outcome.

    Args:
        most_pages: that are kept.

    Example:
        >>> index = SearchIndex()
        >>> index.add(("a.png", bytes(32)), PageResult(text="TOTAL 9.00", total_pages=1))
        >>> [page.number for page in index.find("total", [("a.png", bytes(32))])]
        [1]
    """

    def __init__(self, most_pages: int = MOST_PAGES) -> None:
        self._most_pages = most_pages
        self._lock = Lock()
        self._connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        weakref.finalize(self, self._connection.close)  # Python 3.13 warns of one that is left open
        self._connection.execute(_PAGES)
        self.has_fts5 = _made(self._connection)

    def add(self, document: DocumentKey, page: PageResult) -> None:
        """Keep a page that was read, in place of what was read of it before."""
        rows: list[tuple[str, Box | None, int | None]]
        rows = [(line.text, line.bbox, line.row) for line in page.lines]
        rows = rows or [(row, None, None) for row in page.text.splitlines()]
        values = (page.page_number, page.total_pages, page.state.value, json.dumps(rows))
        found = " ".join(pieces("\n".join(row[0] for row in rows)))
        with self._lock:
            self._drop("document = ? AND number = ?", _blob(document), page.page_number)
            put = "INSERT INTO pages (document, number, total, state, lines) VALUES (?, ?, ?, ?, ?)"
            number = self._connection.execute(put, (_blob(document), *values)).lastrowid or 0
            if self.has_fts5:
                self._connection.execute("INSERT INTO pieces (rowid, text) VALUES (?, ?)", (number, found))
            self._drop("id <= ?", number - self._most_pages)

    def _drop(self, which: str, *values: object) -> None:
        if self.has_fts5:
            dropped = f"DELETE FROM pieces WHERE rowid IN (SELECT id FROM pages WHERE {which})"  # noqa: S608
            self._connection.execute(dropped, values)
        self._connection.execute(f"DELETE FROM pages WHERE {which}", values)  # noqa: S608  words of ours

    def states(self, document: DocumentKey) -> dict[int, PageState]:
        """How the pages of a document ended that were read, by their numbers."""
        asked = "SELECT number, state FROM pages WHERE document = ? ORDER BY number"
        with self._lock, closing(self._connection.execute(asked, (_blob(document),))) as rows:
            return {number: PageState(state) for number, state in rows}

    def close(self) -> None:
        """Forget everything; more can be added."""
        with self._lock:
            self._drop("1")

    def find(self, query: str, documents: Container[DocumentKey], most: int = 10) -> list[IndexedPage]:
        """The pages that have most to do with some words, the best first.

        Args:
            query: what is sought.
            documents: in which.
            most: pages.
        """
        sought = list(dict.fromkeys(pieces(query)))[:MOST_PIECES]
        if not sought:
            return []
        with self._lock:
            ranked = self._by_fts5(sought) if self.has_fts5 else self._one_by_one(query)
            own = (number for number, document in ranked if _key(document) in documents)
            rows = map(self._row, islice(own, _COMPARED))
            found = _weighed([_page(row, set(sought)) for row in rows], len(sought))
        least = max((page.share for page in found), default=0.0) * LEAST_SHARE
        return [page for page in found if page.share >= least][:most]

    def _by_fts5(self, sought: list[str]) -> list[tuple[int, bytes]]:
        wanted = " OR ".join(f'"{piece}"' for piece in sought)
        asked = (
            "SELECT id, document FROM pieces JOIN pages ON id = pieces.rowid "
            "WHERE pieces MATCH ? ORDER BY rank, id"
        )
        with closing(self._connection.execute(asked, (wanted,))) as rows:
            return rows.fetchall()

    def _one_by_one(self, query: str) -> list[tuple[int, bytes]]:
        with closing(self._connection.execute("SELECT id, document, lines FROM pages ORDER BY id")) as rows:
            known = rows.fetchall()
        scored = zip(known, scores(query, [_text(lines) for _, _, lines in known], pieces), strict=True)
        ranked = sorted(scored, key=lambda pair: -pair[1])
        return [(number, document) for (number, document, _), score in ranked if score > 0]

    def _row(self, number: int) -> tuple[Any, ...]:
        asked = "SELECT document, number, total, lines FROM pages WHERE id = ?"
        with closing(self._connection.execute(asked, (number,))) as rows:
            row: tuple[Any, ...] = rows.fetchone()
            return row


def _made(connection: sqlite3.Connection) -> bool:
    """Whether the index could be made."""
    try:
        connection.execute(_PIECES)
    except sqlite3.OperationalError as error:
        if "no such module" in str(error):
            return False
        raise
    return True


def _page(row: tuple[Any, ...], sought: set[str]) -> IndexedPage:
    document, number, total, lines = row
    rows = json.loads(lines)
    texts = [TextLine(text=text, bbox=bbox or _NO_BOX, row=on) for text, bbox, on in rows]
    has_boxes = any(bbox is not None for _, bbox, _ in rows)
    own = frozenset(sought.intersection(pieces(_text(lines))))
    return IndexedPage(_key(document), number, total, tuple(texts), has_boxes, own)


def _weighed(pages: Sequence[IndexedPage], sought: int) -> list[IndexedPage]:
    """Pages with the share that they have of so many pieces."""
    having = Counter(piece for page in pages for piece in page.pieces)
    weights = {piece: math.log(1 + len(pages) / count) for piece, count in having.items()}
    absent = (sought - len(having)) * math.log(1 + len(pages)) if pages else 0.0
    whole = sum(weights.values()) + absent
    return [replace(page, share=sum(map(weights.__getitem__, page.pieces)) / whole) for page in pages]


def _text(lines: str) -> str:
    return "\n".join(row[0] for row in json.loads(lines))


def _blob(document: DocumentKey) -> bytes:
    """A key as SQLite takes it; a file's name need not be Unicode."""
    name, digest = document
    return digest + name.encode("utf-8", "surrogatepass")


def _key(blob: bytes) -> DocumentKey:
    return blob[_DIGEST:].decode("utf-8", "surrogatepass"), blob[:_DIGEST]
