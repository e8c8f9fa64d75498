"""Text of PDFs whose characters are hidden, doubled, parted, vertical or without meaning."""

from __future__ import annotations

from pathlib import Path

import pytest

from vlm_core.images.pdf_worker import open_pdf
from vlm_core.types import PageImage

HELVETICA = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"


def stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (entries, len(data), data)


def pdf(
    content: bytes,
    *,
    font: bytes = HELVETICA,
    page: bytes = b"",
    catalog: bytes = b"",
    more: tuple[bytes, ...] = (),
) -> bytes:
    """A PDF of one page; /F is the font, and further objects are numbered from 6."""
    first = (
        b"<</Type/Catalog/Pages 2 0 R%s>>" % catalog,
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 300]/Contents 4 0 R"
        b"/Resources<</Font<</F 5 0 R>>/ExtGState<</half <</ca 0.5>> >> >>%s>>" % page,
        stream(content),
        font,
    )
    body, starts = b"%PDF-1.7\n", []
    for number, one in enumerate((*first, *more), 1):
        starts.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    rows = b"".join(b"%010d 00000 n \n" % start for start in starts)
    trailer = b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(starts) + 1, len(body))
    return body + b"xref\n0 %d\n0000000000 65535 f \n" % (len(starts) + 1) + rows + trailer


def say(text: bytes, x: float = 50, y: float = 150, turn: bytes = b"1 0 0 1") -> bytes:
    return b"BT /F 12 Tf %s %g %g Tm (%s) Tj ET " % (turn, x, y, text)


def read(data: bytes | Path) -> PageImage:
    with open_pdf(data) as document:
        return document.page(1)


def texts(data: bytes | Path) -> list[str]:
    layer = read(data).text_layer
    return [] if layer is None else [line.text for line in layer.lines]


# Under opaque boxes

NAME = say(b"Name: ", 50) + say(b"Secret", 90) + say(b"shown", 200)
FORM = stream(b"0 g 0 0 50 16 re f", b"/Type/XObject/Subtype/Form/BBox[0 0 50 16]")


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        pytest.param(NAME + b"0 g 88 146 45 16 re f", ["Name:", "shown"], id="a black box"),
        pytest.param(NAME + b"1 g 88 146 45 16 re f", ["Name:", "shown"], id="a white box"),
        pytest.param(NAME + b"q 1 0 0 1 88 146 cm /X Do Q", ["Name:", "shown"], id="a box in a form"),
        pytest.param(b"0.9 g 88 146 45 16 re f 0 g " + NAME, ["Name: Secret", "shown"], id="behind the text"),
        pytest.param(NAME + b"88 146 45 16 re S", ["Name: Secret", "shown"], id="a frame"),
        pytest.param(
            NAME + b"/half gs 1 1 0 rg 88 146 45 16 re f", ["Name: Secret", "shown"], id="translucent"
        ),
        pytest.param(
            NAME + b"q 88 200 45 16 re W n 0 g 0 0 400 300 re f Q",
            ["Name: Secret", "shown"],
            id="clipped away",
        ),
        pytest.param(
            NAME + b"0 g 88 146 m 133 146 l 110 162 l f",
            ["Name: Secret", "shown"],
            id="a triangle, which hides less",
        ),
    ],
)
def test_text_under_an_opaque_box_is_left_out(content: bytes, lines: list[str]) -> None:
    data = pdf(content, page=b"", more=(FORM,)).replace(b"/ExtGState", b"/XObject<</X 6 0 R>>/ExtGState")
    assert texts(data) == lines


def test_it_is_said_how_much_is_left_out() -> None:
    assert read(pdf(NAME + b"0 g 88 146 45 16 re f")).warnings == (
        "6 characters under opaque boxes were left out",
    )


def test_a_real_redaction_that_left_the_text_does_not_give_it_away(data: Path) -> None:
    page = read(data / "wild" / "min-redacted-under-box.pdf")
    assert "Secret" not in str(page.text_layer)
    assert page.warnings


# Doubles, and spaces


@pytest.mark.parametrize("shift", [(0.5, 0), (-1, 0.9), (0, 0)])
def test_text_drawn_twice_counts_once(shift: tuple[float, float]) -> None:
    halo = b"".join(
        say(letter, x + dx, 150 + dy)
        for x, letter in zip((50, 60, 67, 70, 74), (b"M", b"a", b"l", b"l", b"s"), strict=True)
        for dx, dy in (shift, (0, 0))
    )
    assert texts(pdf(halo)) == ["Malls"]


def test_two_letters_that_are_the_same_stay_two() -> None:
    assert texts(pdf(say(b"ill fill 11.11 ...... wwww"))) == ["ill fill 11.11 ...... wwww"]


UPRIGHT = say(b"An upright page with enough words on it to stay upright.", 20, 280)


@pytest.mark.parametrize(
    ("turn", "step"), [(b"0 1 -1 0", (0, 1)), (b"0 -1 1 0", (0, -1))], ids=["upwards", "downwards"]
)
@pytest.mark.parametrize("pitch", [7, 9.5])
def test_letters_of_vertical_text_are_joined(turn: bytes, step: tuple[int, int], pitch: float) -> None:
    letters = b"".join(
        say(bytes([letter]), 350 + number * pitch * step[0], 140 + number * pitch * step[1], turn)
        for number, letter in enumerate(b"Saint-Sauveur")
    )
    assert texts(pdf(UPRIGHT + letters))[1:] == ["Saint-Sauveur"]


def test_words_of_vertical_text_stay_apart() -> None:
    words = say(b"Carte", 350, 50, b"0 1 -1 0") + say(b"25b", 350, 50 + 34, b"0 1 -1 0")
    assert texts(pdf(UPRIGHT + words))[1:] == ["Carte 25b"]


def test_a_real_vertical_line_is_one_word(data: Path) -> None:
    assert texts(data / "wild" / "min-vertical-letters.pdf")[-1] == "Saint-Sauveur"


# Japanese that runs downwards

COLUMNS = ("日本国民は正当に", "選挙された国会に", "おける代表者を通")


def japanese(content: bytes) -> bytes:
    """A font of black squares that are Japanese by its mapping."""
    letters = sorted(set("".join(COLUMNS)))
    numbers = range(len(letters))
    rows = b" ".join(b"<%02X> <%04X>" % (number, ord(letters[number])) for number in numbers)
    mapping = (
        b"/CIDInit/ProcSet findresource begin 12 dict begin begincmap 1 begincodespacerange <00> <FF> "
        b"endcodespacerange %d beginbfchar %s endbfchar endcmap end end" % (len(letters), rows)
    )
    font = (
        b"<</Type/Font/Subtype/Type3/FontBBox[0 0 1000 1000]/FontMatrix[0.001 0 0 0.001 0 0]/FirstChar 0"
        b"/LastChar %d/Widths[%s]/Encoding<</Differences[0 %s]>>/CharProcs<<%s>>"
        b"/ToUnicode 6 0 R/Resources<<>> >>"
        % (
            len(letters) - 1,
            b" ".join(b"1000" for _ in numbers),
            b" ".join(b"/g%d" % number for number in numbers),
            b" ".join(b"/g%d 7 0 R" % number for number in numbers),
        )
    )
    square = stream(b"1000 0 50 50 950 950 d1 50 50 900 900 re f")
    return pdf(content, font=font, more=(stream(mapping), square))


def column(text: str, x: int) -> bytes:
    letters = sorted(set("".join(COLUMNS)))
    return b"".join(
        b"BT /F 12 Tf 1 0 0 1 %d %d Tm <%02X> Tj ET " % (x, 250 - 13 * number, letters.index(letter))
        for number, letter in enumerate(text)
    )


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_columns_of_vertical_japanese_come_from_the_right_without_spaces(order: tuple[int, ...]) -> None:
    content = b"".join(column(COLUMNS[number], 300 - 20 * number) for number in order)
    assert texts(japanese(content)) == list(COLUMNS)


def test_tiers_of_vertical_japanese_come_from_the_top() -> None:
    content = column(COLUMNS[2], 300).replace(b"Tm", b"Tm")
    lower = b"1 0 0 1 0 -130 cm " + content
    assert texts(japanese(column(COLUMNS[0], 300) + column(COLUMNS[1], 280) + lower)) == list(COLUMNS)


# Characters without meaning


def test_a_code_point_that_unicode_lacks_costs_one_character() -> None:
    mapping = stream(
        b"/CIDInit/ProcSet findresource begin 12 dict begin begincmap 1 begincodespacerange <00> <FF> "
        b"endcodespacerange 1 beginbfchar <41> <FFFFFFFF> endbfchar endcmap end end"
    )
    font = HELVETICA.replace(b">>", b"/ToUnicode 6 0 R>>")
    (line,) = texts(
        pdf(say(b"the hundred and first letter is A in this long sentence"), font=font, more=(mapping,))
    )
    assert line.startswith("the hundred and first letter is ")
    assert line.endswith(" in this long sentence")


def test_a_real_page_with_such_code_points_is_read(data: Path) -> None:
    assert read(data / "wild" / "pdf.js__issue11768_reduced.pdf").width


def test_a_tab_is_a_space() -> None:
    assert texts(pdf(say(b"before\\tafter"))) == ["before after"]


# Fonts that do not look like their text


def shifted(by: int) -> tuple[bytes, tuple[bytes, ...]]:
    """A font whose mapping gives other characters than it shows, and that mapping."""
    mapping = stream(
        b"/CIDInit/ProcSet findresource begin 12 dict begin begincmap 1 begincodespacerange <00> <FF> "
        b"endcodespacerange 1 beginbfrange <40> <7A> <%04X> endbfrange endcmap end end" % (0x40 + by)
    )
    return HELVETICA.replace(b">>", b"/ToUnicode 6 0 R>>"), (mapping,)


PANGRAM = b"Jackdaws@love@my@big@sphinx@of@quartz"


@pytest.mark.parametrize(("by", "is_doubtful"), [(0, False), (-29, True), (-31, True)])
def test_a_font_whose_glyphs_do_not_look_like_its_text_is_in_doubt(by: int, is_doubtful: bool) -> None:
    font, more = shifted(by)
    layer = read(pdf(say(PANGRAM), font=font, more=more)).text_layer
    assert layer is not None
    assert (bool(layer.doubtful), bool(layer.lines)) == (is_doubtful, not is_doubtful)


@pytest.mark.parametrize("turn", [b"0 1 -1 0", b"-1 0 0 -1", b"0 -1 1 0"])
def test_a_font_is_not_in_doubt_for_the_way_it_runs(turn: bytes) -> None:
    layer = read(pdf(UPRIGHT + say(b"Carte 25b - 'gap', x", 200, 150, turn))).text_layer
    assert layer is not None
    assert layer.doubtful == ()


def test_no_font_of_real_articles_and_forms_is_in_doubt(data: Path) -> None:
    for name in ("pdfs/edgar.pdf", "wild/pdf.js__tracemonkey.pdf", "wild/pdf.js__160F-2019.pdf"):
        layer = read(data / name).text_layer
        assert layer is not None
        assert layer.doubtful == ()


def test_a_real_font_without_a_mapping_is_in_doubt(data: Path) -> None:
    layer = read(data / "wild" / "OCRmyPDF__truetype_font_nomapping.pdf").text_layer
    assert layer is not None
    assert [line.text for line in layer.doubtful] == ['"7+%-']


# Forms

FIELD = (
    b"<</Type/Annot/Subtype/Widget/FT/Btn/T(%s)/Ff %d/Rect[%s]/V/%s/AS/%s"
    b"/AP<</N<</Yes %d 0 R/Off 10 0 R>> >> >>"
)
DRAWN = b"/Type/XObject/Subtype/Form/BBox[0 0 12 12]/Resources<</Font<</F 5 0 R>> >>"
TICK = stream(b"BT /F 12 Tf 2 2 Td (4) Tj ET", DRAWN)
CROSS = stream(b"0 0 m 12 12 l S 0 12 m 12 0 l S", DRAWN)
RADIO = 1 << 15


LABELS = say(b"a dog", 70, 200) + say(b"a cat", 70, 150) + say(b"a fish", 70, 100)
SCAN = b"q 400 0 0 300 0 0 cm BI /W 800/H 600/BPC 1/CS/G ID %s EI Q " % (b"\xff" * 60_000)


def form(*fields: bytes, page: bytes = b"", content: bytes = LABELS) -> bytes:
    return pdf(
        content,
        page=b"/Annots[6 0 R 7 0 R 8 0 R]" + page,
        catalog=b"/AcroForm<</Fields[6 0 R 7 0 R 8 0 R]>>",
        more=(*fields, TICK, stream(b"", DRAWN), CROSS),
    )


def test_check_boxes_and_radio_buttons_say_their_states() -> None:
    data = form(
        FIELD % (b"a", 0, b"50 198 62 210", b"Yes", b"Yes", 9),
        FIELD % (b"b", 0, b"50 148 62 160", b"Off", b"Off", 9),
        FIELD % (b"c", RADIO, b"50 98 62 110", b"Yes", b"Yes", 11),
    )
    assert texts(data) == ["[x]", "a dog", "[ ]", "a cat", "(x)", "a fish"]


def test_a_check_box_that_nobody_sees_says_nothing() -> None:
    hidden = FIELD.replace(b"/Rect", b"/F 2/Rect")
    data = form(
        hidden % (b"a", 0, b"50 198 62 210", b"Yes", b"Yes", 9),
        hidden % (b"b", 0, b"50 148 62 160", b"Off", b"Off", 9),
        hidden % (b"c", RADIO, b"50 98 62 110", b"Yes", b"Yes", 11),
    )
    assert texts(data) == ["a dog", "a cat", "a fish"]


def test_a_form_over_a_scan_says_its_states_and_entries_beside_the_picture() -> None:
    boxes = [
        FIELD % (b"a", 0, b"50 198 62 210", b"Yes", b"Yes", 9),
        FIELD % (b"b", 0, b"50 148 62 160", b"Off", b"Off", 9),
    ]
    text = b"<</Type/Annot/Subtype/Widget/FT/Tx/T(c)/V(Ada)/DA(/F 12 Tf 0 g)/Rect[70 90 170 110]/F 4>>"
    page = read(form(*boxes, text, content=SCAN))
    assert page.text_layer is None
    assert [(entry.text, entry.is_mark) for entry in page.entries] == [
        ("Ada", False),
        ("[x]", True),
        ("[ ]", True),
    ]
    assert page.entries[1].bbox == pytest.approx((50 / 400, 1 - 210 / 300, 62 / 400, 1 - 198 / 300), abs=1e-4)


def test_a_real_form_says_which_of_its_buttons_are_set(data: Path) -> None:
    assert texts(data / "wild" / "pdf.js__160F-2019.pdf").count("( )") == 2
