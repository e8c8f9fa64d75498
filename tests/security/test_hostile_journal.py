"""A journal that a stranger made: refused, or read as data, and nothing in it runs."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import struct
import time
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, suppress
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from mcp import Client
from PIL import Image
from ways import Ruler

from langchain_vlm import image_tools
from llamaindex_vlm import VLMToolSpec
from vlm_core import ConfigError, DocumentReader, ImageAssistant, PageResult, VLMError
from vlm_core.cli import main
from vlm_core.jobs.journal import Journal
from vlm_core.mcp_server.server import image_server

Bounded: TypeAlias = Callable[[], AbstractContextManager[None]]
COLUMNS = (
    *("key", "state", "source", "page_number", "engine", "provider", "model", "seconds", "stored_at"),
    *("attempts", "input_tokens", "output_tokens", "cost_usd", "error", "result", "digest"),
)
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
PAGE = 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with one page in it; beside it the picture of another one."""
    path = tmp_path / "pages.journal"
    Image.linear_gradient("L").resize((40, 30)).save(tmp_path / "a.png")
    with Journal(path) as journal:
        journal.put("k", PageResult(text="TOTAL 9.00", source="old.png", page_number=1))
    return path


def run(path: Path, *statements: str, values: tuple[Any, ...] = ()) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement, values)


# --- what uses a journal -------------------------------------------------------------------------


def read_by_library(path: Path) -> None:
    with Journal(path) as journal:
        result = DocumentReader(Ruler(), journal=journal).read(str(path.with_name("a.png")))
    assert result.text == "40 x 30"


def read_by_langchain(path: Path) -> None:
    tool = image_tools(Ruler(), root_dir=path.parent, journal=path)[0]
    assert "40 x 30" in tool.invoke({"image": "a.png"})


def read_by_llamaindex(path: Path) -> None:
    tool = VLMToolSpec(Ruler(), root_dir=path.parent, journal=path).to_tool_list()[0]
    assert "40 x 30" in tool.call(image="a.png").content


def read_by_assistant(path: Path) -> None:
    with ImageAssistant(Ruler(), root_dir=path.parent, journal=path) as assistant:
        assert "40 x 30" in assistant.read_image("a.png").text


def read_by_mcp(path: Path) -> None:
    async def call() -> str:
        with ImageAssistant(Ruler(), root_dir=path.parent, journal=path) as assistant:
            async with Client(image_server(assistant, (path.parent,))) as client:
                result = await client.call_tool("read_image", {"image": "a.png"})
        return "".join(getattr(block, "text", "") for block in result.content)

    assert "40 x 30" in asyncio.run(call())


def command(*arguments: str) -> Callable[[Path], None]:
    def ended(path: Path) -> None:
        words = [word.replace("JOURNAL", str(path)).replace("FOLDER", str(path.parent)) for word in arguments]
        try:
            main(words)
        except SystemExit as end:
            assert end.code in (0, 1, 2, 3)  # noqa: PT017  how a command ends

    return ended


USES: dict[str, Callable[[Path], None]] = {
    "library": read_by_library,
    "assistant": read_by_assistant,
    "langchain": read_by_langchain,
    "llamaindex": read_by_llamaindex,
    "mcp": read_by_mcp,
    "list": command("journal", "list", "JOURNAL"),
    "list as JSON": command("journal", "list", "JOURNAL", "--json"),
    "list of a state": command("journal", "list", "JOURNAL", "--state", "failed"),
    "verify": command("journal", "verify", "JOURNAL"),
    "export": command("journal", "export", "JOURNAL", "FOLDER/out.jsonl"),
    "prune": command("journal", "prune", "JOURNAL", "--bad"),
    "read": command("read", "FOLDER/no.png", "--journal", "JOURNAL"),
}


@pytest.fixture(params=USES)
def use(request: pytest.FixtureRequest) -> Callable[[Path], None]:
    return USES[request.param]


# --- what runs -----------------------------------------------------------------------------------

RUNS = {
    "a trigger that loops": f"CREATE TRIGGER t AFTER INSERT ON pages BEGIN SELECT ({ENDLESS}); END",
    "a trigger on updates": f"CREATE TRIGGER t BEFORE UPDATE ON pages BEGIN SELECT ({ENDLESS}); END",
    "a trigger on deletes": f"CREATE TRIGGER t AFTER DELETE ON pages BEGIN SELECT ({ENDLESS}); END",
    "a trigger on claims": f"CREATE TRIGGER t AFTER INSERT ON claims BEGIN SELECT ({ENDLESS}); END",
    "a trigger that forges": "CREATE TRIGGER t AFTER INSERT ON claims BEGIN DELETE FROM pages; END",
    "a view": f"CREATE VIEW v AS {ENDLESS}",
    "a view in place of the pages": (
        "DROP TABLE pages;CREATE VIEW pages AS WITH RECURSIVE n(key) AS (SELECT 1 UNION ALL SELECT key + 1"
        f" FROM n) SELECT key, key AS rowid, {', '.join(f'key AS {name}' for name in COLUMNS[1:])} FROM n"
    ),
    "a view in place of the claims": f"DROP TABLE claims;CREATE VIEW claims AS {ENDLESS}",
    "a column that is computed": "ALTER TABLE pages ADD COLUMN big AS (hex(zeroblob(100000000)))",
    "a check": "DROP TABLE claims;CREATE TABLE claims (key, CHECK (zeroblob(900000000)))",
    "an index of its own": "CREATE INDEX i ON pages (hex(zeroblob(length(key))))",
    "another table": "CREATE TABLE more (a)",
    "a virtual table": "CREATE VIRTUAL TABLE search USING fts5(text)",
    "columns of other names": "DROP TABLE pages;CREATE TABLE pages (key, rowid, state)",
}


@pytest.mark.parametrize("made", RUNS.values(), ids=RUNS)
def test_a_file_in_which_something_would_run_is_refused(path: Path, made: str) -> None:
    run(path, *made.split(";C")[:1], *(f"C{more}" for more in made.split(";C")[1:]))
    with pytest.raises(ConfigError, match="that no journal has") as caught:
        Journal(path)
    assert "another path" in caught.value.hint


@pytest.mark.parametrize("made", [RUNS["a trigger on claims"], RUNS["a view"]], ids=["trigger", "view"])
def test_what_would_run_is_refused_by_whatever_uses_it(
    path: Path, made: str, use: Callable[[Path], None], bounded: Bounded
) -> None:
    run(path, made)
    with bounded(), suppress(ConfigError):  # as the commands end by themselves
        use(path)


def test_what_is_put_into_it_while_it_is_open_ends_as_well(path: Path, bounded: Bounded) -> None:
    with Journal(path) as journal, bounded(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        journal.put("open", PageResult(text="a"))
        run(path, RUNS["a trigger that loops"])
        journal.put("other", PageResult(text="a"))
    assert "interrupted" in str(caught[0].message)


# --- what cannot be read to its end --------------------------------------------------------------


def in_a_circle(path: Path) -> None:
    """Every page of the table but the last has three hundred children, all of them the next one."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        ((root,),) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'pages'").fetchall()
    data = bytearray(path.read_bytes())
    first_new = len(data) // PAGE + 1
    levels = [root, *range(first_new, first_new + 17)]
    data += bytes(PAGE * (len(levels) - 1))
    for page, child in pairwise(levels):
        data[(page - 1) * PAGE : page * PAGE] = interior(child)
    data[(levels[-1] - 1) * PAGE : levels[-1] * PAGE] = leaf()
    data[28:32] = struct.pack(">I", len(data) // PAGE)
    path.write_bytes(data)


def interior(child: int) -> bytes:
    cells = [struct.pack(">IB", child, number % 100 + 1) for number in range(300)]
    head = struct.pack(">BHHHBI", 5, 0, len(cells), PAGE - 5 * len(cells), 0, child)
    places = b"".join(struct.pack(">H", PAGE - 5 * (number + 1)) for number in range(len(cells)))
    return (head + places).ljust(PAGE - 5 * len(cells), b"\0") + b"".join(reversed(cells))


def leaf() -> bytes:
    record = bytes([17, *[0] * 16])  # sixteen columns, all of them NULL
    cell = bytes([len(record), 5]) + record
    head = struct.pack(">BHHHB", 13, 0, 1, PAGE - len(cell), 0) + struct.pack(">H", PAGE - len(cell))
    return head.ljust(PAGE - len(cell), b"\0") + cell


def test_pages_that_refer_to_each_other_in_a_circle_are_read_to_an_end(
    path: Path, use: Callable[[Path], None], bounded: Bounded
) -> None:
    in_a_circle(path)
    with bounded(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        use(path)


def test_a_value_of_many_megabytes_is_not_read(path: Path) -> None:
    run(path, "UPDATE pages SET result = zeroblob(20000000)")
    with Journal(path) as journal:
        with pytest.raises(VLMError, match="too big"):
            list(journal.pages())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert journal.get("k") is None


def test_a_journal_beside_it_that_names_another_file_is_not_followed(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "precious"
    other.write_text("mine")
    named = str(other).encode()
    ending = struct.pack(">II", len(named), sum(named)) + b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
    head = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + struct.pack(">5I", 0, 0, 1, 512, PAGE)
    Path(f"{path}-journal").write_bytes(head.ljust(512, b"\0") + named + ending)
    with pytest.raises(ConfigError, match="names another file"):
        Journal(path)
    assert other.read_text() == "mine"


# --- what is of the wrong type -------------------------------------------------------------------

VALUES: dict[str, object] = {
    "bytes": b"\xff\xfe\x00",
    "a text": "many\x1b[31m\n",
    "a number": 7,
    "a huge number": 2**62,
    "a fraction": -1.5,
    "without end": float("inf"),
    "a long text": "x" * 100_000,
    "nothing": None,
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("column", COLUMNS)
def test_a_column_of_another_type_is_no_raw_error(path: Path, column: str, value: object) -> None:
    run(path, f"UPDATE pages SET {column} = ?", values=("" if value is None else value,))
    with Journal(path) as journal:
        (page,) = journal.pages()
        assert isinstance(page.source, str)
        assert journal.totals().pages
        assert isinstance(journal.verify(), list)
        assert journal.export(StringIO()) == 1
        journal.get("k")


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_columns_of_other_types_are_shown_as_they_can_be(path: Path, value: object) -> None:
    others = ", ".join(f"{name} = :value" for name in COLUMNS[2:])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"UPDATE pages SET {others}", {"value": value})
    for name in ("list", "list as JSON", "verify", "export", "library"):
        USES[name](path)


def test_rows_of_any_number_are_listed(path: Path) -> None:
    run(path, "UPDATE pages SET rowid = -5")
    with Journal(path) as journal:
        assert [page.source for page in journal.pages()] == ["old.png"]


def test_an_export_is_json_whatever_the_columns_hold(path: Path, tmp_path: Path) -> None:
    run(path, "UPDATE pages SET source = ?, cost_usd = 'much'", values=(b"\xff\xfe",))
    USES["export"](path)
    (line,) = (tmp_path / "out.jsonl").read_text().splitlines()
    assert json.loads(line)["source"] == "\ufffd\ufffd"


# --- claims --------------------------------------------------------------------------------------


@pytest.mark.parametrize("ahead", [4000.0, 1e6, 1e12, 1e300, float("inf")])
def test_a_claim_dated_far_ahead_is_no_claim(path: Path, ahead: float) -> None:
    far = ("other", "a token", "elsewhere", 1, "", time.time() + ahead)
    run(path, "INSERT INTO claims VALUES (?, ?, ?, ?, ?, ?)", values=far)
    with Journal(path) as journal, journal.claim("other") as known:
        assert known is None


def test_a_claim_is_for_an_hour_at_most(path: Path) -> None:
    with Journal(path) as journal, journal.claim("other", seconds=1e9), closing(sqlite3.connect(path)) as it:
        ((ends,),) = it.execute("SELECT expires_at FROM claims").fetchall()
    assert ends <= time.time() + 3600
