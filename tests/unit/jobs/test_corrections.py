"""Corrections as they go into a journal, and whether they may."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vlm_core import (
    ConfigError,
    Finding,
    InputError,
    Journal,
    PageResult,
    apply_corrections,
    page_key,
)
from vlm_core.jobs.corrections import is_journal

FINDING = Finding(kind="number_changed", text="17.90", expected="11.90", start=6, end=11)
RESULT = PageResult(
    text="Total 17.90", raw="Total 17.90", source="a.png", sha256="e7", engine="vlm", model="m",
    findings=(FINDING,), cost_usd=0.01,
)  # fmt: skip
PAGE = {
    "source": "a.png", "page_number": 1, "sha256": "e7", "engine": "vlm", "model": "m", "read": "Total 17.90",
    "text": "Total 11.90", "decisions": [{"finding": 0, "action": "accept", "was": "17.90", "text": "11.90"}],
}  # fmt: skip
KEY = page_key("e7", model="m")


def told(**page: Any) -> dict[str, Any]:
    return {"format": "vlm-corrections", "version": 1, "pages": [{**PAGE, **page}]}


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    journal = Journal(tmp_path / "a.journal")
    journal.put(KEY, RESULT)
    return journal


def result_of(journal: Journal) -> PageResult:
    result = journal.get(KEY)
    assert result is not None
    return result


def test_the_text_is_another_one_and_the_answer_stays(journal: Journal) -> None:
    assert apply_corrections(told(), journal) == (1, 0, ())
    result = result_of(journal)
    assert (result.text, result.raw, result.corrected) == ("Total 11.90", "Total 17.90", True)


def test_what_a_page_took_is_not_counted_again(journal: Journal) -> None:
    apply_corrections(told(), journal)
    assert journal.totals().cost_usd == 0.01


def test_a_second_time_nothing_changes(journal: Journal) -> None:
    apply_corrections(told(), journal)
    assert apply_corrections(told(), journal) == (0, 1, ())


def test_ignored_findings_are_gone_and_the_text_is_not_corrected(journal: Journal) -> None:
    ignored = {"finding": 0, "action": "ignore", "was": "17.90", "text": "17.90"}
    apply_corrections(told(text="Total 17.90", decisions=[ignored]), journal)
    result = result_of(journal)
    assert (result.findings, result.corrected, len(result.corrections)) == ((), False, 1)


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        pytest.param({"sha256": "other"}, "the journal does not have it", id="another picture"),
        pytest.param({"sha256": ""}, "review the journal itself", id="no picture"),
        pytest.param({"model": "n"}, "as n read it", id="another model"),
        pytest.param({"read": "Sum 17.90"}, "another text for it by now", id="another text"),
        pytest.param(
            {"decisions": [{"finding": 0, "action": "accept", "was": "8"}]},
            "another text",
            id="another finding",
        ),
        pytest.param(
            {"decisions": [{"finding": 7, "action": "accept", "was": "17.90"}]},
            "another text",
            id="a finding that is not there",
        ),
    ],
)
def test_a_page_that_is_not_the_one_that_was_looked_at_is_refused(
    page: dict[str, Any], reason: str, journal: Journal
) -> None:
    applied = apply_corrections(told(**page), journal)
    assert applied.pages == 0
    assert reason in applied.refused[0]
    assert result_of(journal) == RESULT


def test_words_that_a_reader_joined_are_the_same_text(journal: Journal) -> None:
    key = page_key("e8")
    journal.put(key, PageResult(text="compe-\ntitive", sha256="e8", engine="vlm", model="m"))
    page = {"sha256": "e8", "read": "competitive", "text": "Competitive", "decisions": [], "by_hand": True}
    assert apply_corrections(told(**page), journal).pages == 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param({}, "format", id="something else"),
        pytest.param({**told(), "version": 2}, "version", id="a later version"),
        pytest.param(told(page_number="one"), "page_number", id="a wrong type"),
        pytest.param({**told(), "more": 1}, "more", id="more than is known"),
    ],
)
def test_what_are_not_corrections_is_refused(data: Any, reason: str, journal: Journal) -> None:
    with pytest.raises(InputError, match=reason):
        apply_corrections(data, journal)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"{", id="cut"),
        pytest.param(b"\xff\xfe", id="bytes"),
        pytest.param(b"[" * 99999, id="deep"),
    ],
)
def test_a_file_that_is_not_json_is_refused(content: bytes, journal: Journal, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_bytes(content)
    with pytest.raises(InputError, match=r"c\.json does not hold JSON"):
        apply_corrections(tmp_path / "c.json", journal)


def test_corrections_come_from_a_file(journal: Journal, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(json.dumps(told()), encoding="utf-8")
    assert apply_corrections(tmp_path / "c.json", journal.path).pages == 1


def test_a_missing_journal_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"The journal .* does not exist"):
        apply_corrections(told(), tmp_path / "none.journal")
    assert not (tmp_path / "none.journal").exists()


def test_a_journal_is_told_from_a_document(journal: Journal, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    assert [is_journal(path) for path in (journal.path, tmp_path / "a.png", tmp_path)] == [True, False, False]
