"""Tables of a text as HTML."""

from __future__ import annotations

import pytest

from vlm_core.ocr.dialects.tables import tables_in, without_otsl

TEA = "<table><tr><td>Tea</td></tr></table>"


@pytest.mark.parametrize(
    ("text", "tables"),
    [
        pytest.param("no table", (), id="none"),
        pytest.param(f"a\n{TEA}\nb", (TEA,), id="html"),
        pytest.param(f"{TEA}{TEA}", (TEA, TEA), id="two"),
        pytest.param(f'<TABLE class="x">{TEA}</TABLE >', (f'<TABLE class="x">{TEA}</TABLE >',), id="nested"),
        pytest.param("<table><tr><td>cut", (), id="cut"),
        pytest.param(f"</table>{TEA}", (TEA,), id="end-without-start"),
        pytest.param("<tablet>", (), id="another-word"),
        pytest.param(
            "|a|b|\n|:-:|---|\n|1|2|\n",
            ("<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>",),
            id="markdown",
        ),
        pytest.param(
            "a | b\n--|--\n1 \\| 2 | <3",
            ("<table><tr><th>a</th><th>b</th></tr><tr><td>1 | 2</td><td>&lt;3</td></tr></table>",),
            id="markdown-without-edges",
        ),
        pytest.param("a | b\nc | d", (), id="pipes-without-a-rule"),
        pytest.param("|a|\n|-|", ("<table><tr><th>a</th></tr></table>",), id="head-alone"),
        pytest.param(
            f"|a|\n|-|\n|b|\n\n{TEA}",
            ("<table><tr><th>a</th></tr><tr><td>b</td></tr></table>", TEA),
            id="both",
        ),
    ],
)
def test_tables_are_found_in_their_order(text: str, tables: tuple[str, ...]) -> None:
    assert tables_in(text) == tables


@pytest.mark.parametrize(
    ("otsl", "html"),
    [
        pytest.param(
            "<fcel>a<fcel>b<nl><fcel>c<ecel><nl>",
            "<tr><td>a</td><td>b</td></tr><tr><td>c</td><td></td></tr>",
            id="plain",
        ),
        pytest.param("<fcel>a<lcel><lcel><nl>", '<tr><td colspan="3">a</td></tr>', id="wide"),
        pytest.param(
            "<fcel>a<fcel>b<nl><ucel><fcel>c<nl>",
            '<tr><td rowspan="2">a</td><td>b</td></tr><tr><td>c</td></tr>',
            id="high",
        ),
        pytest.param(
            "<fcel>a<lcel><fcel>b<nl><ucel><xcel><fcel>c<nl>",
            '<tr><td rowspan="2" colspan="2">a</td><td>b</td></tr><tr><td>c</td></tr>',
            id="both",
        ),
        pytest.param("<fcel>a<fcel>b", "<tr><td>a</td><td>b</td></tr>", id="cut"),
        pytest.param(
            "<fcel>a<nl><fcel>b<fcel>c<nl>", "<tr><td>a</td></tr><tr><td>b</td><td>c</td></tr>", id="ragged"
        ),
        pytest.param("<lcel><fcel>a<nl>", "<tr><td></td><td>a</td></tr>", id="joined-to-nothing"),
        pytest.param(
            "<fcel>a<lcel>lost<nl>", "<tr><td>a</td><td>lost</td></tr>", id="words-in-a-joined-cell"
        ),
        pytest.param("<fcel><b>&<nl>", "<tr><td>&lt;b&gt;&amp;</td></tr>", id="escaped"),
        pytest.param("<nl><nl><fcel>a<nl><nl>", "<tr><td>a</td></tr>", id="empty-rows"),
    ],
)
def test_otsl_becomes_html(otsl: str, html: str) -> None:
    assert without_otsl(otsl) == f"<table>{html}</table>"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("no tokens <here>", "no tokens <here>", id="no-otsl"),
        pytest.param(
            "Prices\n<fcel>a<nl>\nSource: us",
            "Prices\n\n<table><tr><td>a</td></tr></table>\n\nSource: us",
            id="words-around",
        ),
        pytest.param("<nl>", "", id="no-cell"),
    ],
)
def test_words_around_otsl_stay_where_they_are(text: str, expected: str) -> None:
    assert without_otsl(text) == expected


def test_one_wide_and_many_narrow_rows_make_no_more_cells_than_were_given() -> None:
    html = without_otsl("<fcel>a" * 3000 + "<nl>" + "<fcel>b<nl>" * 3000)
    assert html.count("<td>") == 6000
