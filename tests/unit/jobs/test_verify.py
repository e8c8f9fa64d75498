"""DocumentReader(verify=True): what a model wrote is checked by the local engine; the journal keeps it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont

from langchain_vlm import VLMLoader, key_encoder
from llamaindex_vlm import VLMReader
from vlm_core import ConfigError, DocumentReader, Journal, PageImage, PageResult, PageState, Provider, Route
from vlm_core.ocr.local import LocalEngine
from vlm_core.testing import ScriptedServer

ROWS = (
    ("Green Leaf Tea House", ""),
    ("12 Harbour Street, Lisbon", ""),
    ("Earl Grey, large", "12.40"),
    ("Plum cake", "3.50"),
    ("Two slices of bread", "4.25"),
    ("TOTAL", "20.15"),
)
ANSWER = """# Green Leaf Tea House
12 Harbour Street, Lisbon

| Earl Grey, large | 12.40 |
|---|---|
| Plum cake | 8.50 |
| Two slices of bread | 4.25 |
| TOTAL | 20.15 |"""


@pytest.fixture(scope="module")
def receipt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    image = Image.new("RGB", (900, 520), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size=32)
    for number, (label, amount) in enumerate(ROWS):
        pen.text((40, 30 + 80 * number), label, fill="black", font=font)
        pen.text((700, 30 + 80 * number), amount, fill="black", font=font)
    path = tmp_path_factory.mktemp("receipts") / "receipt.png"
    image.save(path)
    return path


ANOTHER_PAGE = "Dear Ms Okafor,\nyour order of four ladders left us today."
WITH_A_STRANGE_CELL = ANSWER.replace("8.50", "3.50") + "\n| 7 | 7 |"


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[ScriptedServer]:
    """Says ANSWER, or what a test has instead."""
    with ScriptedServer() as server:
        server.say(getattr(request, "param", ANSWER))
        yield server


def saying(text: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("server", [text], indirect=True, ids=["said"])


def route_to(server: ScriptedServer, model: str = "some-vlm") -> Route:
    return Route(Provider(name="stand-in"), model, api_key=server.api_key, base_url=server.base_url)


def read(server: ScriptedServer, document: Path, model: str = "some-vlm", **options: Any) -> PageResult:
    options = {"verify": True, **options}
    return DocumentReader(route_to(server, model), **options).read(document).pages[0]


def test_a_changed_amount_is_found_with_its_place(server: ScriptedServer, receipt: Path) -> None:
    page = read(server, receipt)
    (finding,) = page.findings
    assert (finding.kind, finding.text, finding.expected) == ("number_changed", "8.50", "3.50")
    assert finding.severity == "review"
    assert finding.bbox is not None
    assert finding.bbox[0] == pytest.approx(700 / 900, abs=0.02)
    assert page.text == ANSWER
    assert (page.state, page.checked_by) == (PageState.OK, "rapidocr PP-OCRv6-small")
    assert page.agreement is not None
    assert page.agreement > 0.95


def test_blocks_and_cells_have_the_boxes_of_their_words(server: ScriptedServer, receipt: Path) -> None:
    heading, _, table = read(server, receipt).blocks
    assert heading.located_by == "evidence"
    assert heading.bbox is not None
    assert heading.bbox[1] < 0.1
    assert table.table is not None
    tops = [cell.bbox[1] for cell in table.table.cells if cell.bbox is not None and cell.column == 1]
    assert len(tops) == 4
    assert tops == sorted(tops)


def test_a_second_run_asks_and_reads_nothing(
    server: ScriptedServer, receipt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = tmp_path / "pages.journal"
    first = read(server, receipt, journal=journal)
    monkeypatch.setattr(LocalEngine, "read_closely", None)
    second = read(server, receipt, journal=journal)
    assert len(server.seen) == 1
    assert (second.evidence, second.findings, second.agreement) == (
        first.evidence,
        first.findings,
        first.agreement,
    )


def test_a_page_of_the_journal_is_checked_without_a_request(
    server: ScriptedServer, receipt: Path, tmp_path: Path
) -> None:
    journal = tmp_path / "pages.journal"
    assert read(server, receipt, journal=journal, verify=False).evidence == ()
    assert read(server, receipt, journal=journal).findings
    assert len(server.seen) == 1


def test_what_was_spent_is_counted_once(server: ScriptedServer, receipt: Path, tmp_path: Path) -> None:
    with Journal(tmp_path / "pages.journal") as journal:
        page = read(server, receipt, journal=journal)
        totals = journal.totals()
    assert page.usage is not None
    assert totals.input_tokens == page.usage.input_tokens


def test_the_local_engines_lines_are_in_the_journal_too(
    server: ScriptedServer, receipt: Path, tmp_path: Path
) -> None:
    journal = tmp_path / "pages.journal"
    read(server, receipt, journal=journal)
    page = DocumentReader("local", journal=journal).read(receipt).pages[0]
    assert page.attempts == 0
    assert page.lines


@saying(ANOTHER_PAGE)
def test_another_pages_text_is_a_mismatch(server: ScriptedServer, receipt: Path, tmp_path: Path) -> None:
    journal = tmp_path / "pages.journal"
    page = read(server, receipt, "other-vlm", journal=journal)
    assert page.state is PageState.MISMATCH
    assert page.text.startswith("Dear")
    assert read(server, receipt, "other-vlm", journal=journal).state is PageState.MISMATCH
    assert len(server.seen) == 1


@saying(WITH_A_STRANGE_CELL)
def test_strict_has_notes_about_numbers_looked_at(server: ScriptedServer, receipt: Path) -> None:
    notes = read(server, receipt).findings
    server.say(WITH_A_STRANGE_CELL)
    strict = read(server, receipt, verify="strict").findings
    assert {finding.severity for finding in notes} == {"note"}
    assert {finding.severity for finding in strict} == {"review"}


@pytest.mark.parametrize(
    "options", [{"task": "describe"}, {"prompt": "What is this?"}], ids=["task", "prompt"]
)
def test_what_does_not_transcribe_is_not_checked(
    server: ScriptedServer, receipt: Path, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LocalEngine, "read_closely", None)
    page = read(server, receipt, **options)
    assert [piece.status for piece in page.evidence] == ["not_checked"]
    assert (page.findings, page.agreement, page.state) == ((), None, PageState.OK)


def test_the_local_engine_is_not_checked_by_itself(receipt: Path) -> None:
    with pytest.warns(UserWarning, match="checks nothing"):
        reader = DocumentReader("local", verify=True)
    assert reader.read(receipt).pages[0].evidence == ()


def test_any_engine_is_checked(receipt: Path) -> None:
    class Guess:
        name, model = "guess", None

        def read_page(self, page: PageImage) -> PageResult:
            return PageResult.of(page, text="Plum cake 3.50", engine=self.name)

    page = DocumentReader(Guess(), verify=True).read(receipt).pages[0]
    assert [piece.status for piece in page.evidence] == ["exact"]
    assert {finding.kind for finding in page.findings} == {"missing"}


def test_a_check_that_fails_costs_no_text(
    server: ScriptedServer, receipt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no memory")

    monkeypatch.setattr("vlm_core.ocr.local._read", fail)
    page = read(server, receipt)
    assert page.text == ANSWER
    assert any("was not checked" in warning for warning in page.warnings)


def test_verify_takes_no_other_word() -> None:
    with pytest.raises(ConfigError, match="verify"):
        DocumentReader("local", verify="sometimes")  # type: ignore[arg-type]


async def test_so_it_is_on_an_event_loop(server: ScriptedServer, receipt: Path) -> None:
    document = await DocumentReader(route_to(server), verify=True).aread(receipt)
    assert [finding.text for finding in document.pages[0].findings] == ["8.50"]


# --- frameworks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["page", "document", "chunk"])
def test_documents_have_what_the_check_found(server: ScriptedServer, receipt: Path, mode: Any) -> None:
    (document,) = VLMLoader(receipt, route_to(server), mode=mode, verify=True).load()
    assert document.metadata["findings"] == 1
    assert 0.95 < document.metadata["agreement"] < 1
    assert document.metadata["boxes"].startswith("1:0.0")


def test_a_document_is_known_by_the_same_key_however_it_was_checked(
    server: ScriptedServer, receipt: Path
) -> None:
    keys = [
        key_encoder(document.model_copy(update={"id": None}))
        for verify in (True, False)
        for document in VLMLoader(receipt, route_to(server), verify=verify).load()
    ]
    assert keys[0] == keys[1]


def test_nodes_have_it_and_models_do_not_see_it(server: ScriptedServer, receipt: Path) -> None:
    (node,) = VLMReader(engine=route_to(server), verify=True).load_data(receipt)
    assert node.metadata["findings"] == 1
    for hidden in (node.excluded_embed_metadata_keys, node.excluded_llm_metadata_keys):
        assert {"boxes", "findings", "agreement"} <= set(hidden)


def test_without_verify_there_is_none_of_it(server: ScriptedServer, receipt: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (document,) = VLMLoader(receipt, route_to(server)).load()
    assert not {"boxes", "findings", "agreement"} & set(document.metadata)
