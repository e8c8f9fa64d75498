"""A review page of 500 pages in Chromium: the time until the first page is there, and the memory it takes.

    python benchmarks/review_page.py [FOLDER] [--pages 500] [--single-file]

The pages are pictures of FOLDER again and again, by default examples/scans, each written anew so that no two
are one picture to the browser, with forty blocks and five findings. The memory is that of the renderer's
process (Pss of /proc) above that of an empty page: as the page was opened, after all of it was scrolled
through, and after Chromium was told that memory is short. It needs Linux,
Chromium and playwright: `make bench-review` runs it.
"""

from __future__ import annotations

import argparse
import io
import re
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image

from vlm_core import DocumentResult, Evidence, Finding, PageResult, review

SCANS = Path(__file__).parents[1] / "examples" / "scans"
BINARIES = ("chromium", "chromium-browser", "google-chrome")
LINE = "Item {0}, as it was agreed on the day, at {0}17.90 each, to be paid within thirty days"
MOST_SECONDS = 2.0
MOST_MIB = 300


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=SCANS)
    parser.add_argument("--pages", type=int, default=500)
    parser.add_argument("--single-file", action="store_true")
    given = parser.parse_args()
    binary = next(filter(None, map(shutil.which, BINARIES)), None)
    if binary is None:
        sys.exit("Chromium is not installed: apt-get install chromium")
    with TemporaryDirectory() as folder:
        started = time.perf_counter()
        documents = [a_document(path) for path in pictures(given.folder, Path(folder), given.pages)]
        path = review(documents, Path(folder) / "review.html", single_file=given.single_file).path
        size = sum(file.stat().st_size for file in path.parent.rglob("*") if "_files" in str(file)) >> 20
        print(f"{given.pages} pages written in {time.perf_counter() - started:.0f} s, pictures {size} MiB")
        measure(binary, path)


def pictures(folder: Path, into: Path, count: int) -> Iterator[Path]:
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".png", ".jpg"))
    for number in range(count):
        picture = Image.open(files[number % len(files)]).convert("RGB")
        picture.putpixel((0, 0), (number % 256, number // 256, 0))
        picture.thumbnail((1600, 1600))
        path = into / f"scan-{number:04d}.jpg"
        picture.save(path, quality=85)
        yield path


def a_document(path: Path) -> DocumentResult:
    lines = [LINE.format(number) for number in range(40)]
    text = "\n\n".join(lines)
    starts = [text.index(line) for line in lines]
    boxes = [(0.1, 0.02 + number * 0.024, 0.9, 0.04 + number * 0.024) for number in range(40)]
    findings = tuple(
        Finding(kind="number_changed", text=f"{n}17.90", expected=f"{n}11.90", bbox=boxes[n], score=-float(n),
                start=text.index(f"{n}17.90 each"), end=text.index(f"{n}17.90 each") + len(f"{n}17.90"))
        for n in range(10, 15)
    )  # fmt: skip
    evidence = tuple(
        Evidence(start=start, end=start + len(line), bboxes=(box,), status="exact", agreement=1.0)
        for line, start, box in zip(lines, starts, boxes, strict=True)
    )
    width, height = Image.open(io.BytesIO(path.read_bytes())).size
    facts = {"source": str(path), "total_pages": 1, "width": width, "height": height}
    by = {"engine": "vlm", "provider": "demo", "model": "benchmark"}
    page = PageResult(text=text, raw=text, findings=findings, evidence=evidence, **facts, **by)
    return DocumentResult(source=str(path), pages=(page,))


def measure(binary: str, path: Path) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        empty, _ = loaded(browser, "about:blank")
        before = memory(browser, empty)
        empty.context.close()
        page, seconds = loaded(browser, path.as_uri())
        opened = memory(browser, page) - before
        for number in range(page.locator("section.page").count()):
            page.evaluate(f"document.getElementById('page-{number}').scrollIntoView()")
            page.wait_for_timeout(20)
        scrolled = memory(browser, page) - before
        # Chromium keeps decoded pictures until memory is short.
        page.context.new_cdp_session(page).send("Memory.simulatePressureNotification", {"level": "critical"})
        page.wait_for_timeout(3000)
        short = memory(browser, page) - before
        browser.close()
    print(f"first page     {seconds:6.2f} s    (at most {MOST_SECONDS:.0f})")
    print(f"memory opened  {opened:6.0f} MiB  (at most {MOST_MIB})")
    print(f"memory after all was scrolled through {scrolled:.0f} MiB, {short:.0f} MiB once memory is short")
    print("ok" if seconds <= MOST_SECONDS and opened <= MOST_MIB else "over a bound")


def loaded(browser: Any, url: str) -> tuple[Any, float]:
    """A page, and the seconds until the first picture on it was there."""
    page = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
    started = time.perf_counter()
    page.goto(url, wait_until="commit")
    if not url.startswith("about:"):
        page.locator("#page-0 .sheet img").evaluate("(picture) => picture.decode()")
        page.locator("#page-0 .block").first.wait_for()
    return page, time.perf_counter() - started


def memory(browser: Any, page: Any) -> float:
    """MiB of the process that shows a page: Pss, in which what processes share is counted once."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    session.detach()
    processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    renderers = [process["id"] for process in processes if process["type"] == "renderer"]
    sizes = []
    for number in renderers:
        rollup = Path(f"/proc/{number}/smaps_rollup").read_text(encoding="ascii")
        found = re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
        assert found is not None
        sizes.append(int(found[1]) / 1024)
    return max(sizes)


if __name__ == "__main__":
    main()
