"""The journal: what it keeps, whom it lets in, and what becomes of a job where it cannot be used."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import logging
import os
import pickle
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from vlm_core.errors import ConfigError, RateLimited, ResultVersionError, VLMError
from vlm_core.jobs import journal_file, leases
from vlm_core.jobs.journal import Journal, JournalWarning, page_key
from vlm_core.jobs.leases import Lease, is_expired, is_running, pauses
from vlm_core.secret import Secret
from vlm_core.types import PageResult, PageState, TextLine, Usage

KEY = page_key("e774c5ce", model="some-vlm")
OTHER_KEY = page_key("0a0b0c0d", model="some-vlm")
GOOD = PageResult(
    text="TOTAL 9.00",
    source="receipt.png",
    page_number=2,
    total_pages=3,
    lines=(TextLine(text="TOTAL 9.00", bbox=(0.1, 0.8, 0.6, 0.83), score=0.5),),
    engine="vlm",
    provider="novita",
    model="some-vlm",
    usage=Usage(input_tokens=1260, output_tokens=12),
    cost_usd=0.25,
    seconds=1.5,
    warnings=("one box is empty",),
)
BAD = GOOD.model_copy(update={"state": PageState.FAILED, "error": RateLimited("too many requests")})
LOOPED = BAD.model_copy(update={"state": PageState.LOOPED})


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "pages.journal") as journal:
        yield journal


def change(journal: Journal, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(journal.path)) as connection, connection:
        connection.execute(statement, values)


def claimed(journal: Journal) -> int:
    with closing(sqlite3.connect(journal.path)) as connection:
        count: int = connection.execute("SELECT count(*) FROM claims").fetchone()[0]
        return count


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def only_warning(said: str) -> Iterator[None]:
    """There is one warning in the block, a JournalWarning that says this."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    assert [warning.category for warning in caught] == [JournalWarning]
    assert said in str(caught[0].message)


# --- opening -------------------------------------------------------------------------------------


def test_all_its_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    with Journal(tmp_path / "new" / "pages.journal") as journal:
        journal.put(KEY, GOOD)
        assert mode(tmp_path / "new") == 0o700
        assert {path.name: mode(path) for path in (tmp_path / "new").iterdir()} == {
            "pages.journal": 0o600,
            "pages.journal-wal": 0o600,
            "pages.journal-shm": 0o600,
        }


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    Journal(tmp_path / "pages.journal").close()
    assert mode(tmp_path) == 0o755


@pytest.mark.parametrize("name", ["a?mode=memory", "100%41", "a b#c", "ü.journal", ":memory:"])
def test_it_is_in_the_file_of_its_name(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Journal(name) as journal:
        monkeypatch.chdir("/")
        journal.put(KEY, GOOD)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert journal.get(KEY) == GOOD
    journal.close()


def other_database(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def later_journal(path: Path) -> None:
    Journal(path).close()
    other_database(path, "PRAGMA user_version = 7")


WRONG: list[Any] = [
    pytest.param(lambda path: path.write_text("my notes\n" * 500), "not a database", id="a text"),
    pytest.param(lambda path: other_database(path, "CREATE TABLE t (a)"), "not a journal", id="a database"),
    pytest.param(
        lambda path: other_database(path, "PRAGMA user_version = 1"), "not a journal", id="a version"
    ),
    pytest.param(
        lambda path: other_database(path, "PRAGMA application_id = 9"), "not a journal", id="an app's"
    ),
    pytest.param(lambda path: path.mkdir(), "not a regular file", id="a folder"),
    pytest.param(lambda path: os.mkfifo(path), "not a regular file", id="a pipe"),
    pytest.param(later_journal, "version 7.*pip install -U", id="a later version"),
    pytest.param(lambda path: path.symlink_to(path), "cannot be opened", id="a link to itself"),
]


@pytest.mark.parametrize(("make", "said"), WRONG)
def test_what_is_no_journal_is_refused_and_left_alone(
    tmp_path: Path, make: Callable[[Path], object], said: str
) -> None:
    path = tmp_path / "wrong"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(ConfigError, match=said):
        Journal(path)
    assert before is None or path.read_bytes() == before


@pytest.mark.parametrize(
    ("path", "create"),
    [
        pytest.param("missing.journal", False, id="not to be made"),
        pytest.param("a-file/pages.journal", True, id="below a file"),
        pytest.param("null\0byte", True, id="a null byte"),
    ],
)
def test_a_path_where_nothing_can_be_is_refused(tmp_path: Path, path: str, create: bool) -> None:
    (tmp_path / "a-file").touch()
    with pytest.raises(ConfigError, match="journal"):
        Journal(tmp_path / path, create=create)
    assert not (tmp_path / "missing.journal").exists()


def test_an_empty_file_becomes_a_journal(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    with Journal(tmp_path / "empty") as journal:
        journal.put(KEY, GOOD)
        assert journal.get(KEY) == GOOD


def test_a_new_file_that_another_holds_is_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_file, "BUSY_SECONDS", 0.0)
    with closing(sqlite3.connect(tmp_path / "a", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ConfigError, match=r"locked.*Another program"):
            Journal(tmp_path / "a")


def test_a_new_file_that_another_holds_for_a_moment_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(tmp_path / "a", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        def release() -> Iterator[float]:
            yield 0.0
            other.execute("ROLLBACK")
            yield 0.0

        monkeypatch.setattr(journal_file, "pauses", release)
        Journal(tmp_path / "a").close()


def test_many_may_make_the_same_journal_at_once(tmp_path: Path) -> None:
    start = threading.Barrier(8)

    def open_and_put(path: Path, number: int) -> None:
        start.wait()
        with Journal(path) as journal:
            journal.put(page_key(f"{number + 1}"), GOOD)

    paths = [tmp_path / f"{number}.journal" for number in range(15)]  # not each of them is a close race
    with ThreadPoolExecutor(8) as pool:
        for path in paths:
            list(pool.map(open_and_put, [path] * 8, range(8)))
    for path in paths:
        with Journal(path) as journal:
            assert journal.totals().pages == {"ok": 8}


# --- what it keeps -------------------------------------------------------------------------------


def test_of_a_page_that_was_never_read_nothing_is_known(journal: Journal) -> None:
    assert journal.get(KEY) is None


@pytest.mark.parametrize(
    "result",
    [
        pytest.param(GOOD, id="all fields"),
        pytest.param(PageResult(state=PageState.BLANK), id="blank"),
        pytest.param(PageResult(text="", source="scan-\udcff.png"), id="a name that is not Unicode"),
        pytest.param(PageResult(text="a\x00b\ud800\u202e", warnings=("\udfff",)), id="odd characters"),
        pytest.param(PageResult(attempts=0, cost_usd=0.0, usage=Usage()), id="zeros"),
    ],
)
def test_a_good_result_comes_back_as_it_was_put(journal: Journal, result: PageResult) -> None:
    journal.put(KEY, result)
    journal.close()
    assert journal.get(KEY) == result
    assert journal.verify() == []


GOOD_STATES = (PageState.OK, PageState.BLANK, PageState.PARTIAL, PageState.MISMATCH)
BAD_STATES = [state for state in PageState if state not in GOOD_STATES]


def test_a_page_that_was_read_in_part_is_not_read_again(journal: Journal) -> None:
    part = GOOD.model_copy(update={"state": PageState.PARTIAL, "unread": ((0.1, 0.2, 0.9, 0.3),)})
    journal.put(KEY, part)
    assert journal.get(KEY) == part


def test_a_page_whose_text_is_anothers_is_not_paid_for_again(journal: Journal) -> None:
    other = GOOD.model_copy(update={"state": PageState.MISMATCH})
    journal.put(KEY, other)
    assert journal.get(KEY) == other


@pytest.mark.parametrize("state", BAD_STATES)
def test_a_bad_result_is_recorded_and_never_given(journal: Journal, state: PageState) -> None:
    journal.put(KEY, BAD.model_copy(update={"state": state}))
    assert journal.get(KEY) is None
    (page,) = journal.pages()
    assert (page.state, page.source, page.page_number, page.cost_usd) == (state, "receipt.png", 2, 0.25)
    assert page.error is not None
    assert page.error.startswith("RateLimited: too many requests")
    assert journal.verify() == []


@pytest.mark.parametrize(
    ("state", "is_kept"),
    [(state, state in (PageState.TRUNCATED, PageState.LOOPED)) for state in BAD_STATES],
)
def test_of_bad_results_only_a_begun_text_is_kept(journal: Journal, state: PageState, is_kept: bool) -> None:
    journal.put(KEY, BAD.model_copy(update={"state": state}))
    journal.close()
    assert (b"TOTAL 9.00" in journal.path.read_bytes()) == is_kept


@pytest.mark.parametrize(
    ("results", "state"),
    [
        pytest.param([BAD, GOOD], "ok", id="a good one replaces a bad one"),
        pytest.param([GOOD, BAD], "ok", id="a bad one does not replace a good one"),
        pytest.param([BAD, LOOPED], "looped", id="the later of two bad ones"),
    ],
)
def test_of_two_results_the_better_stays_and_both_were_paid(
    journal: Journal, results: list[PageResult], state: str
) -> None:
    for result in results:
        journal.put(KEY, result)
    assert journal.get(KEY) == (GOOD if state == "ok" else None)
    (page,) = journal.pages()
    assert (page.state, page.attempts, page.input_tokens, page.output_tokens, page.cost_usd) == (
        state, 2, 2520, 24, 0.5,
    )  # fmt: skip


def test_what_no_provider_said_stays_unknown(journal: Journal) -> None:
    journal.put(KEY, PageResult(text="a"))
    journal.put(KEY, PageResult(text="b"))
    (page,) = journal.pages()
    assert (page.input_tokens, page.output_tokens, page.cost_usd) == (None, None, None)
    assert journal.totals()[1:] == (None, None, None)


def test_totals_are_over_all_states(journal: Journal) -> None:
    assert journal.totals() == ({}, None, None, None)
    for number, result in enumerate([GOOD, GOOD, BAD]):
        journal.put(page_key(f"{number + 1}"), result)
    assert journal.totals() == ({"ok": 2, "failed": 1}, 3780, 36, 0.75)


def test_pages_come_in_the_order_of_their_first_coming(journal: Journal) -> None:
    keys = [page_key(f"{number + 1}") for number in range(1100)]
    with closing(sqlite3.connect(journal.path)) as connection, connection:
        journal.put(keys[0], GOOD)
        fields = "state, source, page_number, engine, attempts, seconds, stored_at, result, digest"
        connection.executemany(
            f"INSERT INTO pages (key, {fields}) SELECT ?, {fields} FROM pages LIMIT 1",
            [(key,) for key in keys[1:]],
        )
    journal.put(keys[0], GOOD)
    assert [page.key for page in journal.pages()] == keys
    assert [page.key for page in journal.pages("failed")] == []


def test_export_is_a_line_of_json_a_page(journal: Journal) -> None:
    journal.put(KEY, GOOD)
    journal.put(OTHER_KEY, BAD)
    file = io.StringIO()
    assert journal.export(file) == 2
    good, bad = map(json.loads, file.getvalue().splitlines())
    assert PageResult.model_validate(good["result"]) == GOOD
    assert bad["error"].startswith("RateLimited")
    assert bad["stored_at"].endswith("+00:00")
    assert bad["result"]["text"] == ""


# --- damage --------------------------------------------------------------------------------------


def with_digest(text: str) -> tuple[str, object, object]:
    """A change that whoever knows how the digest is made can make."""
    from vlm_core.jobs.journal_rows import _digest

    return "UPDATE pages SET result = ?, digest = ?", text, _digest(KEY, text.encode())


DAMAGES: list[Any] = [
    pytest.param(("UPDATE pages SET result = replace(result, '9.00', '900')",), id="another text"),
    pytest.param(("UPDATE pages SET result = NULL",), id="no result"),
    pytest.param(("UPDATE pages SET result = 7",), id="a number"),
    pytest.param(("UPDATE pages SET result = ?", b"\xff\xfe{"), id="no text"),
    pytest.param(("UPDATE pages SET digest = NULL",), id="no digest"),
    pytest.param(("UPDATE pages SET key = ? ", OTHER_KEY), id="another page's"),
    pytest.param(with_digest('{"text": "a", "colour": "of a later version"}'), id="an unknown field"),
    pytest.param(with_digest('{"text": 7}'), id="a wrong type"),
    pytest.param(with_digest("[]"), id="a list"),
    pytest.param(with_digest("[" * 100_000), id="no end of lists"),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_row_is_as_if_it_were_not_there(journal: Journal, damage: tuple[Any, ...]) -> None:
    journal.put(KEY, GOOD)
    change(journal, *damage)
    assert journal.get(KEY) is None
    assert journal.get(OTHER_KEY) is None
    (problem,) = journal.verify()
    assert "receipt.png, page 2" in problem
    file = io.StringIO()
    journal.export(file)
    assert json.loads(file.getvalue())["result"] is None


def rewritten(journal: Journal, change_result: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Put another result into the one row, with the digest that belongs to it."""
    with closing(sqlite3.connect(journal.path)) as connection:
        (stored,) = connection.execute("SELECT result FROM pages").fetchone()
    payload = json.dumps(change_result(json.loads(stored)))
    digest = hashlib.sha256(f"{KEY}\n{payload}".encode()).hexdigest()
    change(journal, "UPDATE pages SET result = ?, digest = ?", payload, digest)


OF_0_1_0 = {
    "text": "TOTAL 9.00",
    "state": "ok",
    "source": "receipt.png",
    "page_number": 2,
    "total_pages": 3,
    "lines": [{"text": "TOTAL 9.00", "bbox": [0.1, 0.8, 0.6, 0.83], "score": 0.5, "block": 0, "row": None}],
    "width": 600,
    "height": 800,
    "rotation": 0,
    "sha256": "e774c5ce",
    "engine": "vlm",
    "provider": "novita",
    "model": "some-vlm",
    "usage": {
        "input_tokens": 1260,
        "output_tokens": 12,
        "image_tokens": None,
        "cached_tokens": None,
        "reasoning_tokens": None,
        "cost_usd": None,
    },
    "cost_usd": 0.25,
    "attempts": 1,
    "seconds": 1.5,
    "language": None,
    "tables": ["<table><tr><td>TOTAL</td><td>9.00</td></tr></table>"],
    "data": None,
    "raw": "",
    "unread_share": 0.0,
    "unread": [],
    "warnings": ["one box is empty"],
}


def test_a_row_of_0_1_0_is_read(journal: Journal) -> None:
    journal.put(KEY, GOOD)
    rewritten(journal, lambda stored: OF_0_1_0)
    known = journal.get(KEY)
    assert known is not None
    assert (known.text, known.lines, known.usage) == (GOOD.text, GOOD.lines, GOOD.usage)
    assert journal.verify() == []


def test_a_row_of_a_later_version_is_refused_and_stays(journal: Journal) -> None:
    journal.put(KEY, GOOD)
    rewritten(journal, lambda stored: {**stored, "version": 99, "of_later": True})
    with pytest.raises(ResultVersionError, match="version 99") as caught:
        journal.get(KEY)
    assert caught.value.version == 99
    assert "Upgrade" in caught.value.hint
    assert journal.verify() == [f"receipt.png, page 2: {caught.value.message} (key {KEY})"]
    with pytest.raises(ResultVersionError):
        journal.export(io.StringIO())
    assert [page.state for page in journal.pages()] == ["ok"]


@pytest.mark.parametrize("version", ["3", 0, -1, 2.5, None])
def test_a_row_whose_version_is_no_version_is_damaged(journal: Journal, version: object) -> None:
    journal.put(KEY, GOOD)
    rewritten(journal, lambda stored: {**stored, "version": version})
    assert journal.get(KEY) is None


def test_a_bad_result_does_not_pass_for_a_good_one(journal: Journal) -> None:
    journal.put(KEY, BAD)
    change(journal, "UPDATE pages SET state = 'ok'")
    assert journal.get(KEY) is None
    assert len(journal.verify()) == 1


def test_a_damaged_row_is_replaced(journal: Journal) -> None:
    journal.put(KEY, GOOD)
    change(journal, "UPDATE pages SET result = 'gone'")
    with journal.claim(KEY) as known:
        assert known is None
        journal.put(KEY, GOOD)
    assert journal.get(KEY) == GOOD


def test_a_damaged_file_is_one_warning_and_no_error(journal: Journal) -> None:
    for number in range(50):
        journal.put(page_key(f"{number + 1}"), GOOD)
    journal.close()
    size = journal.path.stat().st_size
    with journal.path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))
    with only_warning("malformed"):
        assert journal.get(page_key("1")) is None
        journal.put(KEY, GOOD)
        with journal.claim(KEY) as known:
            assert known is None
    assert journal.verify() != []
    with pytest.raises(VLMError, match="malformed"):
        list(journal.pages())


# --- where it cannot be used ---------------------------------------------------------------------


@contextmanager
def locked(journal: Journal) -> Iterator[None]:
    with closing(sqlite3.connect(journal.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def full(journal: Journal) -> Iterator[None]:
    """No file of this process may grow; what the system then says is what a full disk makes of SQLite."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("trouble", [locked, full])
def test_what_cannot_be_recorded_is_one_warning_until_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: Callable[[Journal], Any]
) -> None:
    monkeypatch.setattr(journal_file, "BUSY_SECONDS", 0.0)
    with Journal(tmp_path / "pages.journal") as journal:
        with trouble(journal), only_warning(str(journal.path)):
            for _ in range(3):
                with journal.claim(KEY) as known:
                    assert known is None
                    journal.put(KEY, GOOD)
        assert journal.get(KEY) is None
        journal.put(KEY, GOOD)
        assert journal.get(KEY) == GOOD


def test_an_integer_that_sqlite_cannot_hold_is_no_error(journal: Journal) -> None:
    with only_warning("too large"):
        journal.put(KEY, GOOD.model_copy(update={"page_number": 2**64}))


def test_reading_does_not_wait_for_writing(journal: Journal) -> None:
    journal.put(KEY, GOOD)
    with locked(journal), journal.claim(KEY) as known:  # BUSY_SECONDS would pass, with a warning at the end
        assert journal.get(KEY) == GOOD
        assert known == GOOD


def test_reading_does_not_wait_for_a_thread_that_waits_to_write(journal: Journal) -> None:
    journal.put(KEY, GOOD)
    writing, has_read = threading.Event(), threading.Event()

    def write(connection: sqlite3.Connection) -> bool:
        writing.set()
        return has_read.wait(10)

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(journal._writes.run, write)
        assert writing.wait(30)
        assert journal.get(KEY) == GOOD
        has_read.set()
        assert future.result(30)


@pytest.fixture
def folder_of_a_plain_user() -> Iterator[Path]:
    """A folder of whoever the test runs as, who is never root: root may do all."""
    is_root = os.geteuid() == 0
    folder = Path(tempfile.mkdtemp())
    if is_root:
        os.chown(folder, 65534, 65534)
        os.seteuid(65534)
    try:
        yield folder
    finally:
        if is_root:
            os.seteuid(0)
        folder.chmod(0o700)
        shutil.rmtree(folder)


def test_a_journal_that_may_only_be_read_gives_what_it_has(folder_of_a_plain_user: Path) -> None:
    path = folder_of_a_plain_user / "pages.journal"
    with Journal(path) as journal:
        journal.put(KEY, GOOD)
        path.chmod(0o400)
        with Journal(path) as read_only, only_warning("readonly"):
            assert read_only.get(KEY) == GOOD
            with read_only.claim(OTHER_KEY) as known:
                assert known is None
                read_only.put(OTHER_KEY, GOOD)


def test_a_file_that_may_not_be_read_is_a_wrong_setting(folder_of_a_plain_user: Path) -> None:
    Journal(folder_of_a_plain_user / "pages.journal").close()
    (folder_of_a_plain_user / "pages.journal").chmod(0o000)
    with pytest.raises(ConfigError, match="cannot be opened"):
        Journal(folder_of_a_plain_user / "pages.journal")


def test_a_folder_that_may_not_be_written_to_is_a_wrong_setting(folder_of_a_plain_user: Path) -> None:
    folder_of_a_plain_user.chmod(0o500)
    with pytest.raises(ConfigError, match="Permission denied"):
        Journal(folder_of_a_plain_user / "pages.journal")


# --- threads, copies -----------------------------------------------------------------------------


def test_one_journal_serves_many_threads(journal: Journal) -> None:
    def put_and_get(number: int) -> PageResult | None:
        key = page_key(f"{number + 1}")
        journal.put(key, GOOD.model_copy(update={"page_number": number}))
        return journal.get(key)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(put_and_get, range(200)))
    assert [result and result.page_number for result in found] == list(range(200))


def test_a_pickled_journal_is_the_same_file(journal: Journal) -> None:
    journal.put(KEY, GOOD)
    with pickle.loads(pickle.dumps(journal)) as copied:
        assert copied.get(KEY) == GOOD
        copied.put(OTHER_KEY, GOOD)
    assert journal.get(OTHER_KEY) == GOOD


# --- claims --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "over"),
    [
        pytest.param(Lease("t", "here", 1, "s", 11.0), False, id="a process that runs"),
        pytest.param(Lease("t", "here", 1, "s", 10.0), True, id="its time is over"),
        pytest.param(Lease("t", "here", 2, "s", 11.0), True, id="a process that has ended"),
        pytest.param(Lease("t", "here", 1, "x", 11.0), True, id="another process of this number"),
        pytest.param(Lease("t", "elsewhere", 2, "s", 11.0), False, id="a process elsewhere"),
        pytest.param(Lease("t", "elsewhere", 2, "s", 9.0), True, id="its time is over elsewhere"),
    ],
)
def test_when_a_claim_is_over(claim: Lease, over: bool) -> None:
    assert is_expired(claim, 10.0, "here", lambda pid, started: (pid, started) == (1, "s")) == over


def test_waits_grow_to_a_bound() -> None:
    seconds = list(islice(pauses(), 50))
    assert seconds == sorted(seconds)
    assert (seconds[0], seconds[-1]) == (leases.FIRST_PAUSE_SECONDS, leases.LONGEST_PAUSE_SECONDS)


def test_a_process_is_known_by_its_number_and_its_start() -> None:
    own = leases.own_lease("t", 0.0)
    assert is_running(own.pid, own.started)
    if own.started:
        assert not is_running(own.pid, f"{own.started}0")


def test_a_process_that_was_killed_and_not_yet_waited_for_does_not_run() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert is_running(child.pid, "")
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not is_running(child.pid, "") or not Path("/proc/self/stat").exists()
    assert not is_running(child.pid, "")


def test_a_claim_gives_what_is_known_and_holds_what_is_not(journal: Journal) -> None:
    with journal.claim(KEY) as known:
        assert known is None
        assert claimed(journal) == 1
        journal.put(KEY, GOOD)
    assert claimed(journal) == 0
    with journal.claim(KEY) as known:
        assert known == GOOD
        assert claimed(journal) == 0


def test_a_claim_ends_with_its_block_however_that_ends(journal: Journal) -> None:
    with pytest.raises(KeyboardInterrupt), journal.claim(KEY):
        raise KeyboardInterrupt
    assert claimed(journal) == 0


def test_a_claim_whose_time_is_over_is_taken_and_its_first_owner_leaves_it_alone(journal: Journal) -> None:
    with journal.claim(KEY, seconds=0):
        second = journal.claim(KEY)
        assert second.__enter__() is None
    assert claimed(journal) == 1
    second.__exit__()
    assert claimed(journal) == 0


def test_claims_of_other_pages_do_not_wait(journal: Journal) -> None:
    with journal.claim(KEY) as known, journal.claim(OTHER_KEY) as other:
        assert (known, other) == (None, None)


class Waiting(logging.Handler):
    """Knows when somebody waits for a claim."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if "waiting for a page" in record.getMessage():
            self.begun.set()


@pytest.fixture
def waiting() -> Iterator[Waiting]:
    handler, logger = Waiting(), logging.getLogger("vlm_core")
    before = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(before)


@pytest.mark.parametrize(
    ("result", "given"),
    [
        pytest.param(GOOD, GOOD, id="gets its result"),
        pytest.param(BAD, None, id="reads the page itself where that went wrong"),
        pytest.param(None, None, id="reads the page itself where there is none"),
    ],
)
def test_a_second_thread_waits_for_the_first_and(
    journal: Journal, waiting: Waiting, result: PageResult | None, given: PageResult | None
) -> None:
    def second() -> PageResult | None:
        with journal.claim(KEY) as known:
            return known

    with ThreadPoolExecutor(1) as pool:
        with journal.claim(KEY):
            future = pool.submit(second)
            assert waiting.begun.wait(30)
            assert not future.done()
            if result is not None:
                journal.put(KEY, result)
        assert future.result(30) == given


async def test_of_many_tasks_one_reads_the_page(journal: Journal) -> None:
    reads = 0

    async def task() -> PageResult | None:
        nonlocal reads
        async with journal.claim(KEY) as known:
            if known is None:
                reads += 1
                for _ in range(50):
                    await asyncio.sleep(0)  # a loop that is blocked would never come back here
                journal.put(KEY, GOOD)
            return known

    found = await asyncio.gather(*(task() for _ in range(10)))
    assert reads == 1
    assert found.count(GOOD) == 9
    assert claimed(journal) == 0


async def test_a_task_that_is_cancelled_while_it_waits_leaves_nothing(
    journal: Journal, waiting: Waiting
) -> None:
    async def second() -> None:
        async with journal.claim(KEY):
            raise AssertionError("it is another's")

    async with journal.claim(KEY):
        task = asyncio.create_task(second())
        await asyncio.to_thread(waiting.begun.wait, 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert claimed(journal) == 1
    assert claimed(journal) == 0


async def test_a_task_that_is_cancelled_while_it_reads_gives_the_page_up(journal: Journal) -> None:
    is_reading = asyncio.Event()

    async def first() -> None:
        async with journal.claim(KEY):
            is_reading.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(first())
    await is_reading.wait()
    assert claimed(journal) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert claimed(journal) == 0


@pytest.mark.parametrize("step", ["_find", "_take"])
def test_an_interrupt_while_a_page_is_claimed_leaves_no_claim(journal: Journal, step: str) -> None:
    claim = journal.claim(KEY)
    do: Callable[[], object] = getattr(claim, step)

    def do_and_be_interrupted() -> object:
        done = do()
        if claimed(journal):
            signal.raise_signal(signal.SIGINT)
        return done

    setattr(claim, step, do_and_be_interrupted)
    with pytest.raises(KeyboardInterrupt):
        claim.__enter__()
    assert claimed(journal) == 0


def test_a_changed_claim_is_no_error(journal: Journal) -> None:
    with journal.claim(KEY):
        change(journal, "UPDATE claims SET pid = 'x', expires_at = 'y', token = NULL, place = ?", b"\x00")
        with journal.claim(KEY) as known:
            assert known is None


# --- removal -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("which", "left"),
    [
        pytest.param({"older_than_days": 30}, {"new", "new bad"}, id="old ones"),
        pytest.param({"bad_only": True}, {"old", "new"}, id="bad ones"),
        pytest.param({"model": "other-vlm"}, {"old", "old bad", "new bad"}, id="those of a model"),
        pytest.param({"older_than_days": 30, "bad_only": True}, {"old", "new", "new bad"}, id="old bad ones"),
    ],
)
def test_prune_removes_what_all_conditions_apply_to(
    journal: Journal, which: dict[str, Any], left: set[str]
) -> None:
    pages = {
        "old": GOOD,
        "old bad": BAD,
        "new": GOOD.model_copy(update={"model": "other-vlm"}),
        "new bad": BAD,
    }
    for name, result in pages.items():
        journal.put(page_key(name), result.model_copy(update={"source": name}))
    change(journal, "UPDATE pages SET stored_at = stored_at - 31 * 86400 WHERE source LIKE 'old%'")
    assert journal.prune(**which) == 4 - len(left)
    assert {page.source for page in journal.pages()} == left


def test_what_was_pruned_is_in_no_file_any_more(journal: Journal, tmp_path: Path) -> None:
    journal.put(KEY, GOOD)
    assert any(b"TOTAL 9.00" in path.read_bytes() for path in tmp_path.iterdir())
    assert journal.prune(older_than_days=0) == 1
    assert not any(b"TOTAL 9.00" in path.read_bytes() for path in tmp_path.iterdir())


def test_a_file_shrinks_by_what_was_pruned(journal: Journal) -> None:
    journal.put(KEY, GOOD.model_copy(update={"text": "a" * 100_000}))
    journal.prune(older_than_days=0)
    assert journal.path.stat().st_size < 100_000


def test_prune_must_be_told_what_to_remove(journal: Journal) -> None:
    with pytest.raises(ConfigError, match="which pages"):
        journal.prune()


# --- keys ----------------------------------------------------------------------------------------

ASKED: dict[str, Any] = {
    "task": "text",
    "prompt": "Read it.",
    "schema": None,
    "model": "some-vlm",
    "dialect_version": 1,
    "options": {"temperature": 0, "max_tokens": 512, "stop": ["a", "b"]},
}


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"task": "markdown"}, id="task"),
        pytest.param({"prompt": "Read it. "}, id="prompt"),
        pytest.param({"schema": {}}, id="schema"),
        pytest.param({"model": "some-vlm-2"}, id="model"),
        pytest.param({"dialect_version": 2}, id="version"),
        pytest.param({"options": {**ASKED["options"], "temperature": 0.1}}, id="an option"),
        pytest.param({"options": {**ASKED["options"], "stop": ["b", "a"]}}, id="order in a list"),
        pytest.param({"options": {**ASKED["options"], "seed": None}}, id="null in an option"),
        pytest.param({"dialect_version": True}, id="true is not 1"),
        pytest.param({"dialect_version": "1"}, id="a string is not a number"),
    ],
)
def test_what_changes_an_answer_changes_the_key(changed: dict[str, Any]) -> None:
    assert page_key("e774c5ce", **ASKED) != page_key("e774c5ce", **{**ASKED, **changed})
    assert page_key("e774c5ce", **ASKED) != page_key("e774c5cf", **ASKED)


def test_what_changes_no_answer_changes_no_key() -> None:
    other = dict(reversed(ASKED.items()))
    del other["schema"]
    other["options"] = {"stop": ("a", "b"), "max_tokens": 512.0, "temperature": 0.0}
    assert page_key("e774c5ce", **ASKED) == page_key("e774c5ce", **other)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(Secret("sk-a1b2c3d4e5"), id="a secret"),
        pytest.param([b"sk-a1b2c3d4e5"], id="bytes"),
        pytest.param({1: "sk-a1b2c3d4e5"}, id="a number as a key"),
        pytest.param({"a": {"sk-a1b2c3d4e5"}}, id="a set"),
    ],
)
def test_what_is_not_of_json_has_no_key_and_is_not_shown(value: object) -> None:
    with pytest.raises(ConfigError, match="options holds a") as caught:
        page_key("e774c5ce", options=value)
    assert "sk-a1b2c3d4e5" not in str(caught.value)


def test_a_picture_without_a_digest_has_no_key() -> None:
    with pytest.raises(ConfigError, match="digest"):
        page_key("", model="some-vlm")
