"""Values that are held against a page: found by value, told what stands there instead, and by which words."""

from __future__ import annotations

from functools import reduce
from typing import Any

import pytest

from vlm_core.evidence import fields as fields_module
from vlm_core.evidence import tree
from vlm_core.evidence.tree import DEEPEST, LONGEST_VALUE, MOST_VALUES, prove
from vlm_core.ocr.printed_line import lines_of_text
from vlm_core.ocr.printed_page import PrintedPage
from vlm_core.types import ExtractedField, PageResult, TextLine

WIDTH, HEIGHT = 1000, 1000
RECEIPT = """
ACME HARDWARE (M) SDN BHD
12, JALAN TAMPOI 7/4
81200 JOHOR BAHRU
Date: 25/03/2018   Due 12/04/2018
HAMMER   1   1,150.00
NAILS   10   12.50
SUB-TOTAL   1,162.50
ROUNDING   -0.02
TOTAL   1,162.48
CASH   1,200.00
CHANGE   37.52
"""


def page(text: str, number: int = 1) -> PrintedPage:
    """A page as a PDF has it: rows of words, three blanks between two lines of one row."""
    lines = []
    for row, line in enumerate(text.strip().splitlines()):
        left = 0.05
        for part in line.split("   "):
            width = 0.011 * len(part)
            lines.append(
                TextLine(text=part, bbox=(left, 0.04 * row, left + width, 0.04 * row + 0.03), row=row)
            )
            left += width + 0.1
    result = PageResult(lines=tuple(lines), width=WIDTH, height=HEIGHT, page_number=number)
    return PrintedPage(result, lines_of_text(lines, WIDTH, HEIGHT))


def proved(name: str, value: Any, text: str = RECEIPT, **options: Any) -> ExtractedField:
    schema = {"properties": {name: options.pop("schema", {})}}
    return prove({name: value}, schema, [page(text)], **options).fields[name]


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        pytest.param("company", "Acme Hardware (M) Sdn Bhd", "ACME HARDWARE (M) SDN BHD", id="another case"),
        pytest.param("price", 1150, "1,150.00", id="a whole number"),
        pytest.param("price", 1150.0, "1,150.00", id="a float"),
        pytest.param("price", "RM 1150.00", "1,150.00", id="a currency"),
        pytest.param("price", "1.150,00", "1,150.00", id="the other way of writing"),
        pytest.param("date", "2018-03-25", "25/03/2018", id="a date as ISO has it"),
        pytest.param("date", "25 March 2018", "25/03/2018", id="the month's name"),
        pytest.param("due", "2018-04-12", "12/04/2018", id="another date of the page settles the order"),
        pytest.param("rounding", -0.02, "0.02", id="a negative number"),
    ],
)
def test_a_value_is_exact_however_it_is_written(name: str, value: Any, text: str) -> None:
    field = proved(name, value)
    assert (field.status, field.text, field.agreement, field.ok) == ("exact", text, 1.0, True)
    assert field.page == 1
    assert field.bbox is not None


@pytest.mark.parametrize(
    ("name", "value", "text", "kind"),
    [
        pytest.param("price", 1158.0, "1,150.00", "number_changed", id="a digit"),
        pytest.param("date", "2018-03-26", "25/03/2018", "number_changed", id="a date"),
        pytest.param("due", "2018-12-04", "12/04/2018", "number_changed", id="day and month"),
        pytest.param("company", "ACNE HARDWARE", "ACME HARDWARE", "text_changed", id="a letter"),
        pytest.param("total", "9162.48", "1,162.48", "number_changed", id="what has the same label"),
    ],
)
def test_a_wrong_value_says_what_stands_there_instead(name: str, value: Any, text: str, kind: str) -> None:
    proof = prove({name: value}, None, [page(RECEIPT)])
    field = proof.fields[name]
    assert (field.status, field.text, field.ok) == ("contradicted", text, False)
    assert [(finding.kind, finding.expected, finding.path) for finding in proof.findings] == [
        (kind, text, f"/{name}")
    ]


@pytest.mark.parametrize(
    ("value", "status"),
    [
        pytest.param("Zebra Crossing Ltd", "not_found", id="invented"),
        pytest.param(True, "not_checked", id="a truth value"),
        pytest.param(None, "not_checked", id="nothing"),
        pytest.param("", "not_checked", id="an empty text"),
    ],
)
def test_what_is_not_on_the_page_says_so(value: Any, status: str) -> None:
    field = proved("company", value)
    assert (field.status, field.bboxes, field.page) == (status, (), None)


@pytest.mark.parametrize(
    ("value", "needs_review"),
    [
        pytest.param("1,162.48", False, id="the total"),
        pytest.param("1,162.50", True, id="the subtotal"),
        pytest.param("1,200.00", True, id="the cash"),
        pytest.param("37.52", True, id="the change"),
        pytest.param("12.50", True, id="the price of an article"),
    ],
)
def test_a_total_is_told_by_the_words_beside_it(value: str, needs_review: bool) -> None:
    field = proved("total", value)
    assert (field.status, field.needs_review) == ("exact", needs_review)


def test_another_amount_says_which_one_is_meant() -> None:
    (finding,) = prove({"total": 1200.0}, None, [page(RECEIPT)]).findings
    assert (finding.kind, finding.expected, finding.severity) == ("unverified", "1,162.48", "review")


def test_an_amount_without_words_is_a_note_and_for_strict_more() -> None:
    bare = "HAMMER   1   11.50\nNAILS   10   12.50"
    findings = [
        prove({"total": 11.5}, None, [page(bare)], strict=strict).findings[0] for strict in (False, True)
    ]
    assert [finding.severity for finding in findings] == ["note", "review"]


def test_a_part_of_a_number_is_not_the_number() -> None:
    assert not proved("price", "162.48").ok


def test_a_part_of_a_word_is_not_the_word() -> None:
    assert not proved("name", "HARD").ok


def test_a_value_over_several_lines_has_a_box_for_each() -> None:
    field = proved("address", "12, Jalan Tampoi 7/4, 81200 Johor Bahru")
    assert (field.status, len(field.bboxes)) == ("close", 2)


def test_letters_from_several_places_are_not_a_value() -> None:
    assert not proved("company", "ACME HARDWARE JOHOR BAHRU").ok


def test_a_date_that_may_be_another_one_is_a_note() -> None:
    proof = prove({"date": "2018-04-12"}, None, [page("Date 12/04/2018")])
    assert proof.fields["date"].status == "close"
    assert [(finding.kind, finding.severity) for finding in proof.findings] == [("unverified", "note")]


def test_the_page_of_a_value_is_found() -> None:
    pages = [page("Terms of delivery", 1), page("Date 25/03/2018\nTOTAL   9.00", 2)]
    fields = prove({"total": 9, "terms": "Terms of delivery"}, None, pages).fields
    assert (fields["total"].page, fields["terms"].page) == (2, 1)


def test_equal_values_stand_beside_their_neighbours() -> None:
    text = "TEA   2.00\nCAKE   2.00\nMILK   2.00"
    items = [{"name": name, "price": 2.0} for name in ("CAKE", "MILK", "TEA")]
    fields = prove({"items": items}, None, [page(text)]).fields["items"]
    assert [field["price"].bbox[1] for field in fields] == [field["name"].bbox[1] for field in fields]


def test_prices_that_changed_rows_are_told() -> None:
    text = "TEA   2.00\nCAKE   3.50"
    items = [{"name": "TEA", "price": 3.5}, {"name": "CAKE", "price": 2.0}]
    found = prove({"items": items}, None, [page(text)]).findings
    assert [(finding.path, finding.expected) for finding in found] == [
        ("/items/0/price", "2.00"),
        ("/items/1/price", "3.50"),
    ]


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({"x-not-printed": True}, id="a conclusion"),
        pytest.param({"enum": ["invoice", "receipt"]}, id="one of a few words"),
        pytest.param({"anyOf": [{"const": "receipt"}, {"type": "null"}]}, id="one of them, or none"),
    ],
)
def test_what_need_not_be_printed_is_not_checked(schema: dict[str, Any]) -> None:
    assert proved("kind", "receipt", schema=schema).status == "not_checked"


def test_the_fields_are_the_tree_of_the_data() -> None:
    data = {"shop": {"name": "ACME"}, "items": [{"price": 12.5}], "a/b": 1}
    fields = prove(data, None, [page(RECEIPT)]).fields
    paths = fields["shop"]["name"].path, fields["items"][0]["price"].path, fields["a/b"].path
    assert paths == ("/shop/name", "/items/0/price", "/a~1b")


def test_without_pages_nothing_is_checked() -> None:
    proof = prove({"total": 9}, None, [])
    assert (proof.fields["total"].status, proof.findings) == ("not_checked", ())


@pytest.mark.parametrize(
    ("data", "path"),
    [
        pytest.param(["NAILS"] * (MOST_VALUES + 2), f"/{MOST_VALUES}", id="more values than are looked for"),
        pytest.param(["NAILS", "word " * LONGEST_VALUE], "/1", id="a text that is too long"),
        pytest.param(["NAILS", "other words", "NAILS"], "/1", id="more comparing than there is room for"),
    ],
)
def test_what_is_not_looked_for_is_told(data: list[Any], path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "MOST_COMPARED", 100)
    fields, findings = prove(data, None, [page(RECEIPT)])
    left = [field.path for field in fields if field.status == "not_checked"]
    assert (fields[0].status, left[0]) == ("exact", path)
    assert [(finding.kind, finding.severity, finding.path) for finding in findings] == [
        ("unverified", "review", path)
    ]


def test_a_rate_may_be_written_as_a_share() -> None:
    assert proved("rate", 0.06, "GST 6 %").status == "exact"


def test_a_value_that_is_deeper_than_the_tree_is_one_field() -> None:
    data = reduce(lambda inner, _: [inner], range(2 * DEEPEST), "NAILS")
    fields, _ = prove(data, None, [page(RECEIPT)])
    for _ in range(DEEPEST):
        (fields,) = fields
    assert (fields.status, fields.value) == ("not_checked", reduce(lambda x, _: [x], range(DEEPEST), "NAILS"))


def test_what_is_read_on_one_page_is_not_compared_with_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []
    monkeypatch.setattr(fields_module, "standing_instead", lambda value, page: compared.append(value.text))
    found = prove({"item": "NAILS"}, None, [page("HAMMER   1", 1), page(RECEIPT, 2)]).fields["item"]
    assert (found.status, found.page, compared) == ("exact", 2, [])
