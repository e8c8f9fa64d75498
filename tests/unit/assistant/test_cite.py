"""cite(): claims of an answer, with the places that bear them, and those that nothing bears."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.documents import Document
from llama_index.core.schema import NodeWithScore, TextNode

from vlm_core import Chunk, CitedAnswer, ConfigError, DocumentResult, PageResult, TextLine, cite
from vlm_core.types import Evidence, PageBox

ROWS = (
    "BRACKENFIELD NURSERY",
    "Invoice 7052",
    "Date 22/05/2026",
    "Lavender in pots 1,150.00",
    "TOTAL 1,180.50",
)
LINES = tuple(
    TextLine(text=row, bbox=(0.1, at / 10, 0.9, (at + 1) / 10), row=at) for at, row in enumerate(ROWS)
)
PAGE = PageResult(text="\n".join(ROWS), lines=LINES, source="slip.png", page_number=2, total_pages=3)
TEXT = "\n".join(ROWS)
BOXES = "2:0.1000,0.0000,0.9000,0.1000"


def line(text: str, at: int) -> TextLine:
    return TextLine(text=text, bbox=(0.1, at / 10, 0.9, (at + 1) / 10), row=at)


def first(answer: str, documents: Any = PAGE) -> Any:
    return cite(answer, documents).claims[0]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        pytest.param("Invoice 7052 is of Brackenfield Nursery.", "close", id="its words"),
        pytest.param("Lavender in pots 1,150.00", "exact", id="as it stands"),
        pytest.param("The total is 1180.5.", "close", id="a number written otherwise"),
        pytest.param("The total is 1,280.50.", "contradicted", id="another number"),
        pytest.param("The date of invoice 7052 is 2026-05-22.", "close", id="a date written otherwise"),
        pytest.param("The date of invoice 7052 is 2026-05-23.", "contradicted", id="another date"),
        pytest.param("The driver came back on Monday morning.", "not_found", id="invented"),
        pytest.param('It says "Brackenfield Nursery" at the top.', "close", id="a quotation"),
        pytest.param('It says "Thornfield Nursery" at the top.', "not_found", id="another quotation"),
    ],
)
def test_a_sentence_is_borne_or_not(answer: str, status: str) -> None:
    claim = first(answer)
    assert (claim.kind, claim.status) == ("sentence", status), claim
    assert bool(claim.citations) == (status != "not_found")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("The total of the nursery " + "and so on " * 200 + "is 1,180.50.", id="long sentence"),
        pytest.param("The total is 1,180.50. " * 2501, id="many claims"),
    ],
)
def test_what_is_not_looked_for_is_a_claim_that_is_not_checked(answer: str) -> None:
    cited = cite(answer, PAGE)
    assert cited.claims[-1].status == "not_checked"
    assert cited.claims[-1].end == len(answer.rstrip())
    assert cited.unsupported


@pytest.mark.parametrize(
    ("document", "source", "page", "boxes"),
    [
        pytest.param(DocumentResult(source="slip.png", pages=(PAGE,)), "slip.png", 2, 1, id="result"),
        pytest.param(PAGE, "slip.png", 2, 1, id="page"),
        pytest.param(
            Chunk(text=TEXT, source="a.pdf", pages=(2,), boxes=(PageBox(2, (0, 0, 1, 0.5)),)),
            *("a.pdf", 2, 1),
            id="chunk",
        ),
        pytest.param(Document(TEXT, metadata={"source": "a.pdf", "page": 1}), "a.pdf", 2, 0, id="Document"),
        pytest.param(
            Document(TEXT, metadata={"source": "a.pdf", "pages": "2,3", "boxes": BOXES}),
            *("a.pdf", 2, 1),
            id="Document in chunk mode",
        ),
        pytest.param(
            Document(TEXT, metadata={"source": "a.pdf", "page_label": "2", "bbox": "0.1,0.1,0.9,0.2"}),
            *("a.pdf", 2, 1),
            id="Document in block mode",
        ),
        pytest.param(
            NodeWithScore(node=TextNode(text=TEXT, metadata={"file_path": "a.pdf", "page_label": "2"})),
            *("a.pdf", 2, 0),
            id="node",
        ),
        pytest.param({"text": TEXT, "metadata": {"source": "a.pdf", "page": 1}}, "a.pdf", 2, 0, id="dict"),
        pytest.param(TEXT, "", 1, 0, id="text"),
    ],
)
def test_every_kind_of_document_tells_its_place(document: Any, source: str, page: int, boxes: int) -> None:
    for documents in (document, [document]):
        (place,) = first("The total is 1,180.50.", documents).citations
        assert (place.source, place.page, len(place.boxes)) == (source, page, boxes)


def test_a_number_has_a_claim_of_its_own_with_its_line() -> None:
    sentence, number = cite("The total is 1,180.50.", PAGE).claims
    assert (number.kind, number.text, number.status) == ("number", "1,180.50", "exact")
    assert number.citations[0].boxes == (LINES[4].bbox,)
    assert sentence.start == 0
    assert number.start == 13


def test_a_model_page_has_the_boxes_that_a_check_found() -> None:
    box = (0.1, 0.4, 0.9, 0.5)
    start = TEXT.index("TOTAL")
    found = Evidence(start=start, end=len(TEXT), bboxes=(box,), status="exact", agreement=1.0)
    page = PageResult(text=TEXT, source="slip.png", evidence=(found,))
    assert first("The total is 1,180.50.", page).citations[0].boxes == (box,)


def test_a_chunk_with_a_box_for_each_block_is_cited_by_block() -> None:
    boxes = (PageBox(1, (0, 0, 1, 0.1)), PageBox(1, (0, 0.5, 1, 0.6)))
    chunk = Chunk(text="Brackenfield Nursery\n\nTOTAL 9.00", source="a.pdf", pages=(1,), boxes=boxes)
    assert first("The total is 9.00.", chunk).citations[0].boxes == ((0, 0.5, 1, 0.6),)


def test_a_sentence_may_be_borne_by_several_places_of_one_page() -> None:
    claim = first("Brackenfield Nursery charges a total of 1,180.50.")
    assert claim.status == "close"
    assert {box for place in claim.citations for box in place.boxes} == {LINES[0].bbox, LINES[4].bbox}


def test_a_line_that_says_a_sentence_is_cited_alone() -> None:
    (place,) = first("Lavender in pots 1,150.00").citations
    assert place.boxes == (LINES[3].bbox,)


def test_a_date_that_goes_on_in_the_next_line_is_found() -> None:
    sentence, value = cite(
        "Ships arrived on 2018-03-12.", "Ships arrived on 12\nMarch 2018 in the morning"
    ).claims
    assert (sentence.status, value.status) == ("close", "exact")


def test_an_answer_of_many_sentences_is_looked_for_in_many_pages() -> None:
    pages = [
        PageResult(
            text="",
            page_number=number,
            lines=tuple(line(f"Item {number}-{at} costs {number}.{at}0", at) for at in range(9)),
        )
        for number in range(1, 101)
    ]
    answer = " ".join(f"Item {number}-3 costs {number}.30." for number in range(1, 101))
    sentences = [claim for claim in cite(answer, pages).claims if claim.kind == "sentence"]
    assert [claim.citations[0].page for claim in sentences] == list(range(1, 101))


def test_the_document_that_bears_a_claim_is_named() -> None:
    other = Document("Terms of delivery", metadata={"source": "terms.pdf", "page": 0})
    assert first("The total is 1,180.50.", [other, PAGE]).documents == (1,)


@pytest.mark.parametrize(
    "answer",
    ["", "What is it?", "Here is what I found:", "Sure!", "---", "# ", "[1]"],
)
def test_what_claims_nothing_is_no_claim(answer: str) -> None:
    assert cite(answer, PAGE).claims == ()


def test_marks_of_sources_and_abbreviations_are_left_alone() -> None:
    cited = cite("1. Invoice no. 7052 is of Brackenfield Nursery [1].\n- **TOTAL 1,180.50** [2, 3]", PAGE)
    assert [claim.text for claim in cited.claims if claim.kind == "number"] == ["7052", "1,180.50"]
    assert cited.ok


def test_the_answer_can_be_shown_with_its_sources() -> None:
    shown = cite("The total is 1,180.50. It was blue and very heavy.", PAGE).with_marks()
    assert shown == "The total is 1,180.50. [1] It was blue and very heavy.\n\n[1] slip.png, page 2"


@pytest.mark.parametrize("documents", [[17], [object()]], ids=["number", "object"])
def test_what_is_not_a_document_is_refused(documents: Any) -> None:
    with pytest.raises(ConfigError, match="a document is"):
        cite("The total is 9.00.", documents)


@given(st.text(max_size=200))
def test_claims_are_parts_of_the_answer(answer: str) -> None:
    cited = cite(answer, PAGE)
    assert all(answer[claim.start : claim.end] == claim.text for claim in cited.claims)
    sentences = [claim for claim in cited.claims if claim.kind == "sentence"]
    assert all(one.end <= other.start for one, other in pairwise(sentences))


def test_a_cited_answer_is_plain_json() -> None:
    cited = cite("The total is 1,180.50.", PAGE)
    assert CitedAnswer.model_validate_json(cited.model_dump_json()) == cited
