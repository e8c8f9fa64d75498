"""`vlm review` and `vlm read --review`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vlm_core import Finding, Journal, PageResult, page_key
from vlm_core.cli import main

SCANS = Path(__file__).parents[2] / "examples" / "scans"


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return int(str(ended.value.code or 0))


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "a.journal"
    finding = Finding(kind="number_changed", text="17.90", expected="11.90", start=6, end=11)
    with Journal(path) as opened:
        for number in (2, 1):
            page = PageResult(
                text="Total 17.90",
                source=str(SCANS / "fax.tif"),
                page_number=number,
                sha256=f"e{number}",
                engine="vlm",
                findings=(finding,),
            )
            opened.put(page_key(f"e{number}"), page)
    return path


def test_a_journal_becomes_a_page(journal: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("review", journal, "-o", tmp_path / "r.html") == 0
    assert "r.html has 2 pages and 2 findings" in capsys.readouterr().err
    text = (tmp_path / "r.html").read_text("utf-8")
    assert text.index('"page_number":1') < text.index('"page_number":2')


def test_a_document_is_read_for_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("review", SCANS / "receipt.jpg", "--single-file", "-o", tmp_path / "r.html") == 0
    assert "r.html has 1 page and 0 findings" in capsys.readouterr().err


def test_a_missing_document_gives_no_page(tmp_path: Path) -> None:
    assert run("review", tmp_path / "none.journal", "-o", tmp_path / "r.html") == 1
    assert list(tmp_path.iterdir()) == []


def test_read_writes_a_page_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("read", SCANS / "receipt.jpg", "-o", tmp_path / "r.md", "--review", tmp_path / "r.html")
    assert run(*arguments) == 0
    assert (tmp_path / "r.md").exists()
    assert (tmp_path / "r.html").exists()


def corrections(tmp_path: Path, *numbers: int) -> Path:
    pages = [
        {
            "source": "fax.tif", "page_number": number, "sha256": f"e{number}", "engine": "vlm",
            "read": "Total 17.90", "text": "Total 11.90",
            "decisions": [{"finding": 0, "action": "accept", "was": "17.90", "text": "11.90"}],
        }
        for number in numbers
    ]  # fmt: skip
    path = tmp_path / "corrections.json"
    path.write_text(json.dumps({"format": "vlm-corrections", "version": 1, "pages": pages}), "utf-8")
    return path


def test_corrections_go_into_the_journal(
    journal: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("review", journal, "--apply", corrections(tmp_path, 1)) == 0
    assert "has 1 page with corrections" in capsys.readouterr().err
    assert not (tmp_path / "review.html").exists()


def test_corrections_that_do_not_fit_are_told_with_code_3(
    journal: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("review", journal, "--apply", corrections(tmp_path, 1, 9)) == 3
    assert "not corrected: fax.tif, page 9: the journal does not have it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(("{scan}", "--apply", "{corrections}"), "--apply needs a journal", id="no journal"),
        pytest.param(("{journal}", "{scan}"), "Give it alone", id="a journal and a document"),
    ],
)
def test_a_wrong_command_is_refused(
    arguments: tuple[str, ...],
    told: str,
    journal: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    places = {
        "scan": SCANS / "receipt.jpg", "journal": journal, "corrections": corrections(tmp_path, 1),
    }  # fmt: skip
    assert run("review", *(one.format(**places) for one in arguments)) == 2
    assert told in capsys.readouterr().err
