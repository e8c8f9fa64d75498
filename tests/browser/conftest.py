"""A real Chromium, and documents to be looked at in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opened_page import Open, Opened
from written_pages import SCANS, Written

from vlm_core import DocumentReader, DocumentResult

BINARIES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def documents() -> list[DocumentResult]:
    """Two documents of three pages, all with the same findings."""
    return list(DocumentReader(Written()).iter([SCANS / "invoice.png", SCANS / "fax.tif"]))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The system's Chromium; a test that asks for it skips where there is not one."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    binary = next(filter(None, map(shutil.which, BINARIES)), None)
    if binary is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with playwright.sync_playwright() as running:
        # Chromium's own sandbox needs namespaces, which containers do not give to root.
        browser = running.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium: Any) -> Iterator[Open]:
    """Opens a file. A program that fails, a dialog and a breach of the policy are problems."""
    contexts = []

    def open_file(path: Path, *, width: int = 1400, scheme: str = "light", **options: Any) -> Opened:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, accept_downloads=True, **options
        )
        contexts.append(context)
        opened = Opened(context.new_page())
        opened.page.on("pageerror", lambda error: opened.problems.append(f"error: {error}"))
        opened.page.on("console", lambda said: opened.problems.append(f"{said.type}: {said.text}"))
        opened.page.on("request", lambda request: opened.requests.append(request.url))

        def dismissed(dialog: Any) -> None:
            opened.problems.append(f"dialog: {dialog.message}")
            dialog.dismiss()

        opened.page.on("dialog", dismissed)
        opened.page.add_init_script(
            "window.breaches = []; document.addEventListener('securitypolicyviolation',"
            " (event) => window.breaches.push(event.violatedDirective));"
        )
        opened.page.goto(path.as_uri())
        return opened

    yield open_file
    for context in contexts:
        context.close()
