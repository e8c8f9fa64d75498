"""What a notebook shows of results, and what `repr` says."""

from __future__ import annotations

from pathlib import Path

import pytest

from vlm_core import Block, DocumentResult, Finding, PageResult, Table
from vlm_core.jobs.plan import Plan, RoutePlan
from vlm_core.types import Cell

RECEIPT = str(Path(__file__).parents[3] / "examples" / "scans" / "receipt.jpg")
HOSTILE = "<script>alert(1)</script>"
FINDING = Finding(kind="number_changed", text=HOSTILE, expected=HOSTILE)
PAGE = PageResult(text=HOSTILE, source=HOSTILE, engine=HOSTILE, findings=(FINDING,), checked_by="pdf")
TABLE = Table(cells=(Cell(row=0, column=0, text=HOSTILE),))


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(PAGE, id="page"),
        pytest.param(DocumentResult(source=HOSTILE, pages=(PAGE,)), id="document"),
        pytest.param(Block(kind="paragraph", text=HOSTILE), id="block"),
        pytest.param(Block(kind="table", text=HOSTILE, table=TABLE), id="block of a table"),
        pytest.param(TABLE, id="table"),
        pytest.param(FINDING, id="finding"),
        pytest.param(Plan(failed=((HOSTILE, HOSTILE),), routes=(RoutePlan(HOSTILE),)), id="plan"),
    ],
)
def test_what_a_page_says_is_escaped(value: object) -> None:
    shown = value._repr_html_()  # type: ignore[attr-defined]
    assert "&lt;script&gt;" in shown
    assert "<script" not in shown


def test_a_page_of_a_file_has_a_picture() -> None:
    page = PageResult(text="Tea", source=RECEIPT)
    assert (page._repr_png_() or b"")[:4] == b"\x89PNG"
    assert 'src="data:image/png;base64,' in page._repr_html_()


@pytest.mark.parametrize("source", ["", "<bytes>", "gone.png", "http://127.0.0.1:9/a.png", "\x00", "\ud800"])
def test_a_page_without_a_file_has_none(source: str) -> None:
    page = PageResult(text="Tea", source=source)
    assert page._repr_png_() is None
    assert "<img" not in page._repr_html_()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param(
            PageResult(text="Tea " * 999, source="a.png"),
            "PageResult(source='a.png', page_number=1, state='ok', lines=0, characters=3996)",
            id="page",
        ),
        pytest.param(
            DocumentResult(source="a", pages=(PageResult(), PageResult(state="failed"))),  # type: ignore[arg-type]
            "DocumentResult(source='a', pages=2, states='1 ok, 1 failed', characters=0)",
            id="document",
        ),
        pytest.param(TABLE, "Table(rows=1, columns=1, cells=1)", id="table"),
        pytest.param(Block(kind="heading", text="Tea"), "Block(kind='heading', text='Tea')", id="block"),
        pytest.param(
            Block(kind="code", text="a" * 99), f"Block(kind='code', text='{'a' * 80}…')", id="long block"
        ),
        pytest.param(
            Finding(kind="missing", expected="Tea"),
            "Finding(kind='missing', expected='Tea')",
            id="finding",
        ),
    ],
)
def test_repr_is_short(value: object, shown: str) -> None:
    assert repr(value) == shown
