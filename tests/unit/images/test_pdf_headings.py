"""Headings that a PDF tells itself: by its fonts, by the tags of its text, by its outline."""

from __future__ import annotations

from itertools import count

import pytest
from small_pdfs import pdf, stream

from vlm_core import read
from vlm_core.types import DocumentResult

PROSE = [
    "The ferry leaves the northern harbour every morning at seven, and takes some forty minutes",
    "across the bay; in winter, when the ice is thick, a bus goes round by the bridge instead and",
    "needs twice as long. Whoever brings a bicycle pays two crowns more, on either of the two, and",
    "children below the age of six travel for nothing on all days but the first one of the year.",
]
REGULAR, BOLD = "F", "B"


class Page:
    """What is drawn from the top of a page down, with the number of the content that each part marks."""

    def __init__(self) -> None:
        self.content, self._y, self._numbers = "", 780, count()
        self.tags: list[tuple[str, int]] = []

    def say(self, *lines: str, tag: str = "P", font: str = REGULAR, size: int = 11) -> Page:
        number = next(self._numbers)
        self.tags.append((tag, number))
        self.content += f"/{tag} <</MCID {number}>> BDC\n"
        for line in lines:
            self.content += f"BT /{font} {size} Tf 60 {self._y} Td ({line}) Tj ET\n"
            self._y -= 14
        self.content += "EMC\n"
        return self


def document(page: Page, *titles: tuple[str, int], tagged: bool = False) -> bytes:
    """A PDF of one page, with its tags, or with an outline of titles that stand beside each other."""
    elements, outline = 8, 8 + len(page.tags) * tagged
    fonts = [b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica%b>>" % bold for bold in (b"", b"-Bold")]
    kids = " ".join(f"{elements + at} 0 R" for at in range(len(page.tags)))
    tree = f"<</Type/StructTreeRoot/K[{kids}]/ParentTree<</Nums[0[{kids}]]>>/RoleMap<</Header2/H2>>>>"
    marks = [
        f"<</Type/StructElem/S/{tag}/P 7 0 R/Pg 3 0 R/K {number}>>".encode() for tag, number in page.tags
    ]
    catalogue = "/MarkInfo<</Marked true>>/StructTreeRoot 7 0 R" if tagged else ""
    catalogue += f"/Outlines {outline} 0 R" if titles else ""
    entries = [f"<</First {outline + 1} 0 R/Last {outline + len(titles)} 0 R/Count {len(titles)}>>".encode()]
    for at, (title, target) in enumerate(titles, 1):
        following = f"/Next {outline + at + 1} 0 R" if at < len(titles) else ""
        entry = f"<</Title({title})/Parent {outline} 0 R/Dest[{target} 0 R/Fit]{following}>>"
        entries.append(entry.encode())
    return pdf(
        f"<</Type/Catalog/Pages 2 0 R{catalogue}>>".encode(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/StructParents 0"
        b"/Resources<</Font<</F 5 0 R/B 6 0 R>>>>>>",
        stream(page.content.encode()),
        *fonts,
        tree.encode(),
        *(marks if tagged else []),
        *entries,
    )


def headings(data: bytes) -> list[tuple[str, int | None]]:
    found: DocumentResult = read(data)
    return [(block.text, block.level) for block in found.blocks if block.kind == "heading"]


def plain_page(tag: str = "P") -> Page:
    """A page on which nothing looks like a heading: each text follows the last one, in one print."""
    return Page().say("How to cross the bay", tag=tag).say(*PROSE).say("On foot", tag="P").say(*PROSE)


def test_a_line_that_looks_like_the_others_is_not_a_heading() -> None:
    assert headings(document(plain_page())) == []


def test_a_line_in_a_bold_font_is_a_heading() -> None:
    page = Page().say(*PROSE).say("On foot", font=BOLD).say(*PROSE)
    assert headings(document(page)) == [("On foot", 1)]


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(Page().say("On foot", font=BOLD).say(*PROSE, font=BOLD), id="all of the page"),
        pytest.param(Page().say(*PROSE).say("Table 3: Fares", font=BOLD).say(*PROSE), id="a caption"),
        pytest.param(Page().say(*PROSE).say("Fares in crowns:", font=BOLD).say(*PROSE), id="a colon"),
        pytest.param(Page().say(*PROSE).say("Last ferry at nine", font=BOLD), id="nothing follows"),
    ],
)
def test_bold_print_alone_does_not_make_a_heading(page: Page) -> None:
    assert headings(document(page)) == []


def test_bold_print_is_told_of_a_line() -> None:
    page = Page().say("On foot", font=BOLD).say(*PROSE)
    lines = read(document(page)).pages[0].lines
    assert [line.is_bold for line in lines] == [True, False, False, False, False]


@pytest.mark.parametrize(
    ("tag", "level"),
    [
        pytest.param("H1", 1, id="first level"),
        pytest.param("H3", 3, id="third level"),
        pytest.param("H", 1, id="without a number"),
        pytest.param("Header2", 2, id="a name of the file's own"),
    ],
)
def test_a_tag_makes_a_heading(tag: str, level: int) -> None:
    assert headings(document(plain_page(tag), tagged=True)) == [("How to cross the bay", level)]


def test_tags_that_make_most_of_a_page_a_heading_are_not_believed() -> None:
    page = Page().say("How to cross the bay", tag="H1").say(*PROSE, tag="H1")
    assert headings(document(page, tagged=True)) == []


def test_an_outline_makes_headings() -> None:
    data = document(plain_page(), ("How to cross the bay", 3), ("On Foot", 3))
    assert headings(data) == [("How to cross the bay", 1), ("On foot", 1)]


@pytest.mark.parametrize(
    "titles",
    [
        pytest.param([("Timetables", 3)], id="a title that does not stand there"),
        pytest.param([("How to cross the bay", 2)], id="a title that leads nowhere"),
        pytest.param([("across the bay", 3)], id="words within a line"),
    ],
)
def test_an_outline_that_does_not_fit_the_page_is_left_aside(titles: list[tuple[str, int]]) -> None:
    assert headings(document(plain_page(), *titles)) == []


def test_an_outline_in_a_circle_ends() -> None:
    data = document(plain_page(), ("On foot", 3), ("On foot", 3))
    circle = data.replace(b"/Next 10 0 R", b"/Next  9 0 R")
    assert circle != data
    assert headings(circle) == [("On foot", 1)]


def test_levels_that_the_file_tells_hold_for_headings_that_look_alike() -> None:
    page = Page().say(*PROSE).say("On foot", font=BOLD).say(*PROSE).say("By bus", font=BOLD).say(*PROSE)
    page.tags[1] = ("H4", page.tags[1][1])
    assert headings(document(page, tagged=True)) == [("On foot", 4), ("By bus", 4)]
