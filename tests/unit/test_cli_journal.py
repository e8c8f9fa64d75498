"""`vlm journal`: what it says of a journal, what it removes, and how it ends."""

from __future__ import annotations

import json
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from vlm_core.cli import main
from vlm_core.errors import RateLimited
from vlm_core.jobs.journal import Journal, page_key
from vlm_core.types import PageResult, PageState, Usage

GOOD = PageResult(
    text="TOTAL 9.00",
    source="receipt.png",
    engine="vlm",
    model="some-vlm",
    usage=Usage(input_tokens=1260, output_tokens=12),
    cost_usd=0.25,
)
BAD = PageResult(
    state=PageState.FAILED, source="a\x1b[31m.png", engine="vlm", error=RateLimited("too many requests")
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal of a page that was read and one that failed."""
    path = tmp_path / "pages.journal"
    with Journal(path) as journal:
        journal.put(page_key("e774c5ce"), GOOD)
        journal.put(page_key("0a0b0c0d"), BAD)
    return path


def damage(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE pages SET result = 'gone' WHERE state = 'ok'")


def run(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> str:
    """What a command writes to standard output, or to standard error where it fails."""
    with pytest.raises(SystemExit) as ended:
        main(["journal", *map(str, arguments)])
    written = capsys.readouterr()
    assert ended.value.code == code, written.err
    return written.err if code else written.out


def test_list_has_a_line_a_page_and_the_totals(capsys: pytest.CaptureFixture[str], path: Path) -> None:
    _, good, bad, _, totals = run(capsys, "list", path).splitlines()
    assert good.split()[:7] == ["ok", "receipt.png", "1", "vlm", "some-vlm", "1,272", "$0.25000"]
    assert bad.startswith("failed")
    assert "RateLimited: too many requests" in bad
    assert totals == "In all: 2 pages (1 failed, 1 ok), 1,260 tokens in, 12 tokens out, $0.25000"


def test_list_shows_no_text_and_no_commands_to_the_terminal(
    capsys: pytest.CaptureFixture[str], path: Path
) -> None:
    written = run(capsys, "list", path) + run(capsys, "list", path, "--json")
    assert "TOTAL 9.00" not in written
    assert "\x1b" not in written


def test_list_can_be_of_one_state_and_in_json(capsys: pytest.CaptureFixture[str], path: Path) -> None:
    (page,) = json.loads(run(capsys, "list", path, "--state", "failed", "--json"))
    assert (page["state"], page["source"], page["cost_usd"]) == ("failed", "a\x1b[31m.png", None)


def test_an_empty_journal_has_a_list_too(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    Journal(tmp_path / "empty").close()
    assert run(capsys, "list", tmp_path / "empty").endswith("In all: 0 pages\n")


def test_verify_says_that_all_is_well(capsys: pytest.CaptureFixture[str], path: Path) -> None:
    assert run(capsys, "verify", path).startswith("ok: 2 pages")


def test_verify_names_what_is_damaged(capsys: pytest.CaptureFixture[str], path: Path) -> None:
    damage(path)
    assert "receipt.png, page 1: its row was damaged" in run(capsys, "verify", path, code=1)


@pytest.mark.parametrize(
    ("options", "removed"),
    [
        pytest.param(["--bad"], "1 page removed", id="bad ones"),
        pytest.param(["--older-than", "0"], "2 pages removed", id="all"),
        pytest.param(["--older-than", "1"], "0 pages removed", id="none is so old"),
        pytest.param(["--model", "some-vlm"], "1 page removed", id="those of a model"),
    ],
)
def test_prune_says_how_many_it_removed(
    capsys: pytest.CaptureFixture[str], path: Path, options: list[str], removed: str
) -> None:
    assert run(capsys, "prune", path, *options).strip() == removed


def test_prune_without_a_word_of_which_is_a_wrong_command(
    capsys: pytest.CaptureFixture[str], path: Path
) -> None:
    assert "Give --older-than, --bad or --model" in run(capsys, "prune", path, code=2)


@pytest.mark.parametrize("to", ["-", "pages.jsonl"])
def test_export_writes_a_line_a_page(
    capsys: pytest.CaptureFixture[str], path: Path, monkeypatch: pytest.MonkeyPatch, to: str
) -> None:
    monkeypatch.chdir(path.parent)
    printed = run(capsys, "export", path, to)
    lines = (printed if to == "-" else Path(to).read_text()).splitlines()
    assert [json.loads(line)["result"]["text"] for line in lines] == ["TOTAL 9.00", ""]


def test_an_export_is_for_its_owner_alone(capsys: pytest.CaptureFixture[str], path: Path) -> None:
    run(capsys, "export", path, path.with_suffix(".jsonl"))
    assert stat.S_IMODE(path.with_suffix(".jsonl").stat().st_mode) == 0o600


def test_export_does_not_write_over_the_journal(capsys: pytest.CaptureFixture[str], path: Path) -> None:
    assert "is the journal itself" in run(capsys, "export", path, path, code=2)
    assert run(capsys, "verify", path).startswith("ok")


def test_export_to_where_nothing_can_be_fails(capsys: pytest.CaptureFixture[str], path: Path) -> None:
    assert "cannot be written" in run(capsys, "export", path, path / "below", code=1)


@pytest.mark.parametrize("command", ["list", "verify", "export", "prune"])
def test_what_is_no_journal_is_a_wrong_command(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, command: str
) -> None:
    (tmp_path / "notes").write_text("my notes\n" * 100)
    assert "cannot be opened" in run(capsys, command, tmp_path / "notes", code=2)
    assert "missing does not exist" in run(capsys, command, tmp_path / "missing", code=2)
    assert not (tmp_path / "missing").exists()


def test_a_damaged_file_fails(capsys: pytest.CaptureFixture[str], path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))
    assert "vlm journal verify" in run(capsys, "list", path, code=1)
    assert "malformed" in run(capsys, "verify", path, code=1)
