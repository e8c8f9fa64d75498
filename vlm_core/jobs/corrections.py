"""Corrections of a person, as the review page writes them, and how they go into a journal."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field, ValidationError

from vlm_core.errors import ConfigError, InputError
from vlm_core.jobs.journal import Journal
from vlm_core.structure.corrected import Decision, corrected
from vlm_core.structure.evidence_boxes import letters_of, with_text
from vlm_core.types import CorrectionAction, PageResult
from vlm_core.types.value import Value

FORMAT = "vlm-corrections"
VERSION = 1
_MOST_BYTES = 256 * 2**20
_HINT = "Give the file that the review page has saved, as it was saved."


class FindingDecision(Value):
    """What was decided about a finding."""

    finding: int = Field(ge=0)
    """Its number among the page's findings, from 0."""
    action: CorrectionAction
    was: str = ""
    """What the finding's text was."""
    text: str = ""
    """What stands in its place now."""


class PageCorrections(Value):
    """What was decided about one page."""

    source: str
    page_number: int
    sha256: str
    """Of the page's picture."""
    engine: str
    model: str | None = None
    read: str
    """The page's text as it was looked at."""
    text: str
    """And as it is now."""
    by_hand: bool = False
    """Whether a person edited the whole text."""
    decisions: tuple[FindingDecision, ...] = ()


class Corrections(Value):
    """A file of corrections: `corrections.json` of the review page.

    Example:
        >>> Corrections(format="vlm-corrections", version=1).pages
        ()
    """

    format: Literal["vlm-corrections"]
    version: Literal[1]
    pages: tuple[PageCorrections, ...] = ()


class AppliedCorrections(NamedTuple):
    """What became of corrections."""

    pages: int
    """Whose text or findings are others in the journal now."""
    already: int
    """Pages that were corrected so before."""
    refused: tuple[str, ...]
    """Pages that could not be corrected, each with the reason."""


def apply_corrections(
    corrections: str | os.PathLike[str] | Mapping[str, Any], journal: str | os.PathLike[str] | Journal
) -> AppliedCorrections:
    """Put what a person corrected on a review page into a journal, as the pages' text.

    Whatever reads the same pages in the same way with this journal gives the corrected text then: readers,
    loaders and the command line. A page is found by its picture, its engine and the text that was looked at,
    so that a page that was read anew meanwhile is not changed. What a model answered stays in `raw`.

    Args:
        corrections: the file, or what it holds.
        journal: of the job that read the pages.

    Returns:
        How many pages were corrected, and which could not be.

    Raises:
        InputError: the file is missing, or does not hold corrections.
        ConfigError: the journal does not exist.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from vlm_core import page_key
        >>> page = {"source": "a.png", "page_number": 1, "sha256": "e774c5ce", "engine": "vlm",
        ...         "read": "TOTAL 9.O0", "text": "TOTAL 9.00", "by_hand": True}
        >>> with TemporaryDirectory() as folder, Journal(f"{folder}/pages.journal") as journal:
        ...     key = page_key("e774c5ce", model="qwen3-vl")
        ...     journal.put(key, PageResult(text="TOTAL 9.O0", sha256="e774c5ce", engine="vlm"))
        ...     told = {"format": "vlm-corrections", "version": 1, "pages": [page]}
        ...     apply_corrections(told, journal).pages, journal.get(key).text
        (1, 'TOTAL 9.00')
    """
    pages = _validated(corrections if isinstance(corrections, Mapping) else _in_file(corrections)).pages
    if isinstance(journal, Journal):
        return _applied(pages, journal)
    with Journal(journal, create=False) as opened:
        return _applied(pages, opened)


def _in_file(path: str | os.PathLike[str]) -> object:
    file = Path(path).expanduser()
    try:
        with file.open("rb") as opened:
            data = opened.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise InputError(f"{path} has more than {_MOST_BYTES >> 20} MiB", hint=_HINT)
        return json.loads(data)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}", hint=_HINT) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} does not hold JSON: {error}", hint=_HINT) from error


def _validated(data: object) -> Corrections:
    try:
        return Corrections.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise InputError(f"These are not corrections: {where}: {first['msg']}", hint=_HINT) from None


def _applied(pages: Sequence[PageCorrections], journal: Journal) -> AppliedCorrections:
    wanted = {page.sha256 for page in pages if page.sha256}
    # All are found before any is changed: rows are read in batches.
    known: dict[str, list[tuple[str, PageResult]]] = defaultdict(list)
    for row, result in journal.results():
        if result.sha256 in wanted:
            known[result.sha256].append((row.key, result))
    done, already, refused = 0, 0, []
    for page in pages:
        found = list(_found(page, known[page.sha256]))
        if found:
            for key, result in found:
                _put(journal, key, result, page)
            done += 1
        elif any(result.corrections and result.text == page.text for _, result in known[page.sha256]):
            already += 1
        else:
            refused.append(f"{page.source}, page {page.page_number}: {_reason(page, known[page.sha256])}")
    return AppliedCorrections(done, already, tuple(refused))


def _put(journal: Journal, key: str, result: PageResult, page: PageCorrections) -> None:
    decisions = [Decision(one.finding, one.action, one.text) for one in page.decisions]
    now = corrected(result, page.text, decisions, by_hand=page.by_hand)
    # What the page took was recorded when it was read.
    journal.put(key, now.model_copy(update={"attempts": 0, "usage": None, "cost_usd": None}))


def _found(page: PageCorrections, rows: Iterable[tuple[str, PageResult]]) -> Iterator[tuple[str, PageResult]]:
    """The results of a page that was looked at, each as it was looked at."""
    for key, result in rows:
        looked_at = _as_looked_at(page, result) if _is_of(page, result) else None
        if looked_at is not None and _fits(page, looked_at):
            yield key, looked_at


def _is_of(page: PageCorrections, result: PageResult) -> bool:
    return (result.engine or page.engine) == page.engine and result.model == page.model


def _as_looked_at(page: PageCorrections, result: PageResult) -> PageResult | None:
    """A result with the text that a reader makes of it: without furniture, words of two lines as one."""
    if result.text == page.read:
        return result
    letters, at = letters_of(result.text), 0
    for line in filter(None, map(letters_of, page.read.splitlines())):
        place = letters.find(line, at)
        if place < 0:
            return None
        at = place + len(line)
    return with_text(result, page.read) if at else None


def _fits(page: PageCorrections, result: PageResult) -> bool:
    """Whether the findings are those that were decided."""
    findings = result.findings
    return all(
        one.finding < len(findings) and findings[one.finding].text == one.was for one in page.decisions
    )


def _reason(page: PageCorrections, rows: Sequence[tuple[str, PageResult]]) -> str:
    if not page.sha256:
        return "it was not read when it was looked at; review the journal itself"
    if not rows:
        return "the journal does not have it"
    if not any(_is_of(page, result) for _, result in rows):
        return f"the journal does not have it as {page.model or page.engine} read it"
    return "the journal has another text for it by now; review it again"


def is_journal(path: Path) -> bool:
    """Whether a file is an SQLite database, as journals are; documents are not.

    Args:
        path: of a file, which may be missing.

    Raises:
        ConfigError: the file cannot be read.
    """
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(16) == b"SQLite format 3\0"
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror}", hint="Check its permissions."
        ) from error
