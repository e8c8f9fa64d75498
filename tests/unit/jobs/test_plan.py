"""What a job would take: counted on every page, and nothing sent."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from vlm_core.catalog.image_tokens import image_tokens
from vlm_core.catalog.registry import register
from vlm_core.catalog.resolve_route import resolve
from vlm_core.catalog.schema import ModelProfile, Price
from vlm_core.client import VLMClient
from vlm_core.images.decode import pages
from vlm_core.jobs.plan import Plan
from vlm_core.jobs.reader import DocumentReader
from vlm_core.testing import ScriptedServer

OLMOCR = "deepinfra:allenai/olmOCR-2-7B-1025"
DEEPSEEK = "novita:deepseek/deepseek-ocr"


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    folder.mkdir()
    for number in range(3):
        Image.new("L", (400 + 100 * number, 600), 10 * number).save(folder / f"{number}.png")
    shutil.copy(folder / "0.png", folder / "copy.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing more")
    return folder


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


def test_pages_are_counted_as_what_they_are(scans: Path) -> None:
    plan = DocumentReader(OLMOCR).plan(scans)
    assert (plan.documents, plan.pages, plan.duplicates, plan.done) == (5, 3, 1, 0)
    assert [Path(source).name for source, _ in plan.failed] == ["broken.png"]


def test_a_picture_in_grey_is_one_page_whatever_file_it_is_in() -> None:
    pdf, png = io.BytesIO(), io.BytesIO()
    Image.linear_gradient("L").resize((400, 600)).save(pdf, "PDF", resolution=100)
    (page,) = pages(pdf.getvalue())
    assert page.levels is not None
    Image.frombytes("RGB", (page.width, page.height), page.pixels).save(png, "PNG")
    plan = DocumentReader(OLMOCR).plan([pdf.getvalue(), png.getvalue()])
    assert (plan.documents, plan.pages, plan.duplicates) == (2, 1, 1)


def test_routes_stand_side_by_side(scans: Path) -> None:
    plan = DocumentReader(OLMOCR).plan(scans, routes=[OLMOCR, DEEPSEEK, "local"])
    assert [route.route for route in plan.routes] == [OLMOCR, DEEPSEEK, "local"]
    first, second, local = plan.routes
    assert None not in (first.image_tokens, second.image_tokens)
    assert first.image_tokens != second.image_tokens
    assert (local.expected_cost_usd, local.worst_cost_usd) == (0, 0)


def test_the_tokens_are_those_of_what_would_be_sent(scans: Path) -> None:
    (route,) = DocumentReader(OLMOCR).plan(scans / "2.png").routes
    part = {"type": "image", "image": str(scans / "2.png")}
    alone = VLMClient(OLMOCR).estimate([{"role": "user", "content": [part]}])
    assert route.image_tokens == alone.image_tokens
    assert route.input_tokens is not None
    assert route.input_tokens > alone.image_tokens


def test_costs_follow_from_the_price(scans: Path) -> None:
    price = resolve(OLMOCR).profile.price
    assert price is not None
    (route,) = (
        DocumentReader(OLMOCR, request_options={"max_tokens": 1000})
        .plan(scans / "0.png", expected_output_tokens=300)
        .routes
    )
    once = price.cost_usd(route.input_tokens, 300)
    longest = price.cost_usd(route.input_tokens, 1000)
    assert once is not None
    assert longest is not None
    assert route.expected_cost_usd == pytest.approx(1.02 * once, rel=1e-6)
    assert route.worst_cost_usd == pytest.approx(4 * longest, rel=1e-6)


def test_what_is_unknown_is_said_and_not_guessed(scans: Path, server: ScriptedServer) -> None:
    with VLMClient("some-vlm", base_url=server.base_url, api_key=server.api_key) as client:
        plan = DocumentReader(client).plan(scans)
    (route,) = plan.routes
    assert (route.image_tokens, route.expected_cost_usd, route.worst_cost_usd) == (None, None, None)
    assert any("price" in what for what in route.unknown)
    assert "unknown" in str(plan)
    assert server.requests == 0


def test_pages_of_the_journal_are_done(scans: Path, tmp_path: Path, server: ScriptedServer) -> None:
    server.say("TOTAL 9.00")
    with VLMClient("some-vlm", base_url=server.base_url, api_key=server.api_key) as client:
        reader = DocumentReader(client, journal=tmp_path / "pages.journal")
        reader.read(scans / "0.png")
        plan = reader.plan(scans)
    assert (plan.pages, plan.done, plan.duplicates) == (2, 1, 1)
    assert server.requests == 1


def test_a_plan_is_what_the_job_then_takes(scans: Path) -> None:
    row = ModelProfile(
        prefix="planned-vlm", image_tokens="qwen2-vl", price=Price(input_usd=1.0, output_usd=0.0)
    )
    register(row)
    with ScriptedServer(api_key="") as server:
        server.say("TOTAL 9.00")
        with VLMClient("planned-vlm", base_url=server.base_url) as client:
            reader = DocumentReader(client, request_options={"max_tokens": 10})
            (route,) = reader.plan(scans).routes
            results = list(reader.iter_pages([page.source for page in route.pages]))
    sent = [seen.images[0] for seen in server.seen]
    taken = [image_tokens(row.image_tokens, image.width, image.height, with_overhead=True) for image in sent]
    assert route.image_tokens == sum(tokens or 0 for tokens in taken)
    assert route.expected_cost_usd is not None
    assert [result.text for result in results] == ["TOTAL 9.00"] * 3


def test_a_pdfs_own_text_is_no_page_to_be_read() -> None:
    assert DocumentReader(OLMOCR).plan(born_digital()).with_text == 1


def born_digital() -> bytes:
    """A PDF of one page with a line of text."""
    stream = b"BT /F 24 Tf 50 700 Td (Born digital, and long enough to be read.) Tj ET"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    file = io.BytesIO(b"%PDF-1.4\n")
    file.seek(0, io.SEEK_END)
    for number, body in enumerate(objects, 1):
        file.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    file.write(b"trailer << /Root 1 0 R /Size 6 >>\n%%EOF\n")
    return file.getvalue()


@pytest.mark.parametrize(
    ("plan", "line"),
    [
        pytest.param(Plan(documents=2, pages=3), "2 documents, 3 pages to read", id="plain"),
        pytest.param(Plan(1, 1, duplicates=4), "that look like another", id="duplicates"),
        pytest.param(Plan(1, 1, failed=(("a.png", "it is damaged"),)), "a.png: it is damaged", id="failed"),
    ],
)
def test_a_plan_can_be_read(plan: Any, line: str) -> None:
    assert line in str(plan)
