"""The review page in a real browser: both sides, keys, corrections."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from opened_page import Open, Opened
from written_pages import FINDINGS, SCANS, TEXT, Written

from langchain_vlm import VLMLoader
from vlm_core import DocumentReader, DocumentResult, Journal, apply_corrections, review

pytestmark = pytest.mark.browser
SERIOUS_FIRST = ["5,729.00", "1,462.00", "", "Desk"]


@pytest.fixture(scope="session")
def written(documents: list[DocumentResult], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return review(documents, tmp_path_factory.mktemp("review") / "review.html").path


def linked(opened: Opened) -> tuple[int, int]:
    """How many outlines and how many blocks or findings are shown as belonging together."""
    outlines = opened.page.locator("#page-0 .sheet .linked").count()
    return outlines, opened.page.locator("#page-0 .reading .linked").count()


def text_at_hand(opened: Opened) -> str:
    return str(opened.page.evaluate("document.activeElement.querySelector('dd')?.textContent"))


def saved(opened: Opened, folder: Path) -> Path:
    with opened.page.expect_download() as download:
        opened.press("s")
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_pages_stand_beside_their_pictures(written: Path, opened: Open) -> None:
    page = opened(written).page
    assert page.locator("section.page").count() == 3
    page.locator("#page-0 .sheet img").evaluate("(picture) => picture.decode()")


def test_the_head_says_states_cost_and_routes(written: Path, opened: Open) -> None:
    summary = opened(written).page.locator("#summary").text_content()
    assert summary == "2 documents · 3 pages · 12 findings · $0.0030 · demo:by-hand (3)"


@pytest.mark.parametrize("side", ["#page-0 .sheet .box", "#page-0 .text .block"])
def test_a_pointer_over_one_side_shows_the_other(side: str, written: Path, opened: Open) -> None:
    shown = opened(written)
    shown.page.locator(side).first.hover(force=True)
    assert linked(shown) == (1, 1)


@pytest.mark.parametrize("side", ["#page-0 .sheet [tabindex='0']", "#page-0 .text [tabindex='0']"])
def test_the_focus_on_one_side_shows_the_other(side: str, written: Path, opened: Open) -> None:
    shown = opened(written)
    shown.page.locator(side).first.focus()
    assert linked(shown) == (1, 1)


def test_arrows_go_from_block_to_block_and_enter_to_the_other_side(written: Path, opened: Open) -> None:
    shown = opened(written)
    shown.page.locator("#page-0 .text [tabindex='0']").first.focus()
    shown.page.keyboard.press("ArrowDown")
    shown.page.keyboard.press("Enter")
    assert shown.page.evaluate("document.activeElement.tagName") == "rect"
    assert linked(shown) == (1, 1)


def test_keys_go_through_the_findings_the_most_serious_first(written: Path, opened: Open) -> None:
    shown = opened(written)
    walked = []
    for _ in range(3 * len(FINDINGS)):
        shown.press("n")
        walked.append(text_at_hand(shown))
    names = {"nothing": ""}
    assert [names.get(text, text) for text in walked] == [text for text in SERIOUS_FIRST for _ in range(3)]
    assert shown.page.locator("#position").text_content() == "Finding 12 of 12"
    shown.press("n")
    assert shown.page.locator("#told").text_content() == "That was the last finding"


def test_a_second_opinion_stands_beside_the_two_readings(written: Path, opened: Open) -> None:
    shown = opened(written)
    shown.press("n")
    told = shown.page.evaluate("document.activeElement.querySelector('dl').textContent")
    assert "A second model readTotal to pay 5,724.00" in told


def test_letters_are_text_in_a_field(written: Path, opened: Open) -> None:
    shown = opened(written)
    shown.press("/")
    shown.press("nan")
    assert shown.page.locator("#search").input_value() == "nan"
    assert shown.page.locator("#position").text_content() == "12 findings"


def test_single_letters_can_be_turned_off(written: Path, opened: Open) -> None:
    shown = opened(written)
    shown.press("?")
    shown.page.locator("#with-keys").uncheck()
    shown.page.locator("#close-keys").click()
    shown.press("n")
    assert shown.page.locator("#position").text_content() == "12 findings"


def test_filters_leave_what_was_chosen(written: Path, opened: Open) -> None:
    page = opened(written).page
    page.get_by_role("button", name="missing 3").click()
    assert page.locator("#position").text_content() == "3 findings"
    assert page.locator("#page-0 .finding:visible").count() == 1


def test_search_goes_to_what_was_sought(written: Path, opened: Open) -> None:
    page = opened(written).page
    page.locator("#search").fill("oak bookshelf")
    assert page.locator("#hits").text_content() == "3 places"
    page.keyboard.press("Enter")
    assert page.locator("#hits").text_content() == "1 of 3 places"


def test_zoom_makes_the_picture_larger(written: Path, opened: Open) -> None:
    shown = opened(written)
    width = "document.querySelector('#page-0 .sheet').clientWidth"
    before = shown.page.evaluate(width)
    shown.press("++")
    assert shown.page.evaluate(width) == pytest.approx(1.5 * before, rel=0.02)


def test_what_was_decided_shows_in_the_text_and_can_be_undone(written: Path, opened: Open) -> None:
    shown = opened(written)
    shown.press("na")
    mark = shown.page.locator("#page-0 mark.decided")
    assert mark.inner_text() == "5,729.00 5,724.00"
    shown.press("u")
    assert shown.page.locator("mark.decided").count() == 0
    assert shown.page.locator("#save").is_disabled()


def test_nothing_is_loaded_from_elsewhere(written: Path, opened: Open) -> None:
    shown = opened(written)
    shown.press("nnn")
    folder = written.parent.as_uri()
    assert [url for url in shown.requests if not url.startswith(folder)] == []
    assert shown.problems == []


def test_a_single_file_has_its_pictures_in_it(
    documents: list[DocumentResult], tmp_path: Path, opened: Open
) -> None:
    path = review(documents, tmp_path / "one.html", single_file=True).path
    assert list(tmp_path.iterdir()) == [path]
    page = opened(path).page
    page.locator("#page-0 .sheet img").evaluate("(picture) => picture.decode()")


# --- corrections ----------------------------------------------------------------------------------


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "scans.journal"
    DocumentReader(Written(), journal=path).read(SCANS / "invoice.png")
    return path


@pytest.fixture
def reviewed(journal: Path, tmp_path: Path) -> Path:
    document = DocumentReader(Written(), journal=journal).read(SCANS / "invoice.png")
    return review(document, tmp_path / "review.html").path


def loaded(journal: Path) -> str:
    engine = Written()
    (document,) = VLMLoader(SCANS / "invoice.png", engine=engine, journal=journal).load()
    assert engine.asked == []
    return str(document.page_content)


def test_a_correction_goes_into_the_journal_and_out_of_the_loader(
    reviewed: Path, journal: Path, tmp_path: Path, opened: Open
) -> None:
    shown = opened(reviewed)
    shown.press("na")  # accept 5,724.00
    shown.press("nc")  # correct 1,462.00
    shown.page.keyboard.insert_text("1,472.00 𝟛")
    shown.page.keyboard.press("Enter")
    shown.press("na")  # what is missing
    shown.press("ni")  # ignore the note
    applied = apply_corrections(saved(shown, tmp_path), journal)
    assert applied == (1, 0, ())
    expected = TEXT.replace("5,729.00", "5,724.00").replace("1,462.00", "1,472.00 𝟛")
    expected = expected.replace("1,472.00 𝟛 |", "1,472.00 𝟛 |\nVAT 20 % 954.00")
    assert loaded(journal) == expected
    (result,) = (result for _, result in Journal(journal).results())
    assert (result.raw, result.findings) == (TEXT, ())
    assert [one.action for one in result.corrections] == ["correct", "accept", "ignore", "accept"]
    assert shown.problems == []


def test_a_text_edited_by_hand_goes_into_the_journal(
    reviewed: Path, journal: Path, tmp_path: Path, opened: Open
) -> None:
    shown = opened(reviewed)
    shown.press("e")
    shown.page.locator("textarea").fill("All of it by hand")
    shown.page.get_by_role("button", name="Keep").click()
    apply_corrections(saved(shown, tmp_path), journal)
    assert loaded(journal) == "All of it by hand"


def test_a_decision_of_one_page_leaves_the_others_out_of_the_file(
    reviewed: Path, tmp_path: Path, opened: Open
) -> None:
    shown = opened(reviewed)
    shown.press("ni")
    told: dict[str, Any] = json.loads(saved(shown, tmp_path).read_text(encoding="utf-8"))
    assert [page["decisions"] for page in told["pages"]] == [
        [{"finding": 1, "action": "ignore", "was": "5,729.00", "text": "5,729.00"}]
    ]


# --- for everybody --------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 820, 390])
def test_axe_finds_nothing(width: int, scheme: str, written: Path, opened: Open) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core is not installed")
    # axe-core itself is a program that the page's policy would stop.
    shown = opened(written, width=width, scheme=scheme, bypass_csp=True)
    shown.press("nan")
    found = axe.Axe().run(shown.page)
    assert found.violations_count == 0, found.generate_report()


def test_a_narrow_screen_has_nothing_beside_it(written: Path, opened: Open) -> None:
    page = opened(written, width=360).page
    assert page.evaluate("document.documentElement.scrollWidth") == 360
