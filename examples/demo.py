"""From scans to answers with a place on the page: no key, no network, no model but the local OCR.

    python examples/demo.py

It reads `examples/scans`, puts every block of text into a search index, asks it three questions,
and draws where the answers stand. All it writes is in `demo-output/`.
"""

from __future__ import annotations

import os
import re
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from langchain_core.documents import Document

from langchain_vlm import VLMLoader
from llamaindex_vlm import VLMReader
from vlm_core import Box, PageResult, page_png

SCANS = os.path.relpath(Path(__file__).parent / "scans")
OUTPUT = Path("demo-output")
QUESTIONS = (
    "What do the oak bookshelf and the reading desk cost?",
    "How many months' notice does it take to end the lease?",
    "When does the Elbe Heron arrive at Harwich, and at which berth?",
)


class Hit(NamedTuple):
    """A block of text that a search found."""

    text: str
    source: str
    page: int
    bbox: str

    @property
    def box(self) -> Box:
        """Where it stands, as fractions of the upright page."""
        x0, y0, x1, y1 = map(float, self.bbox.split(","))
        return x0, y0, x1, y1


def build_index(documents: Iterable[Document], path: Path) -> sqlite3.Connection:
    """Put Documents into a full-text index on disk."""
    path.unlink(missing_ok=True)
    index = sqlite3.connect(path)
    index.execute(
        "CREATE VIRTUAL TABLE blocks USING fts5"
        "(text, source UNINDEXED, page UNINDEXED, bbox UNINDEXED, tokenize = 'porter unicode61')"
    )
    rows = (
        (block.page_content, block.metadata["source"], block.metadata["page"] + 1, block.metadata["bbox"])
        for block in documents
    )
    with index:
        index.executemany("INSERT INTO blocks VALUES (?, ?, ?, ?)", rows)
    return index


def search(index: sqlite3.Connection, question: str) -> Hit:
    """The block that has most of the question's words, rare ones counting for more (BM25)."""
    any_word = " OR ".join(f'"{word}"' for word in re.findall(r"\w+", question))
    found = index.execute("SELECT * FROM blocks WHERE blocks MATCH ? ORDER BY rank LIMIT 1", [any_word])
    return Hit(*found.fetchone())


def table(pages: Iterable[PageResult]) -> Iterator[str]:
    """What became of every page."""
    row = "{:14}{:>6}{:>8}{:>8}{:>8}{:>13}{:>10}".format
    yield row("file", "page", "state", "turned", "lines", "characters", "seconds")
    for page in pages:
        number, turned = f"{page.page_number}/{page.total_pages}", f"{page.rotation}°"
        sizes = (len(page.lines), len(page.text), round(page.seconds, 1))
        yield row(Path(page.source).name, number, page.state, turned, *sizes)


def draw(hit: Hit, pages: Iterable[PageResult], path: Path) -> None:
    """Draw the hit's box on its page."""
    page = next(page for page in pages if (page.source, page.page_number) == (hit.source, hit.page))
    path.write_bytes(page_png(hit.source, page, boxes=[hit.box]))


def main() -> None:
    OUTPUT.mkdir(exist_ok=True)

    print(f"1. Reading {SCANS}/ into LangChain Documents, one a block of text\n")
    pages: list[PageResult] = []
    loader = VLMLoader(SCANS, mode="block", task="text", on_page=pages.append, progress="auto")
    documents = loader.load()
    print(*table(pages), sep="\n")

    print("\n2. One of them again, into LlamaIndex nodes\n")
    nodes = VLMReader(mode="block", task="text").load_data(f"{SCANS}/receipt.jpg")
    same = {node.node_id for node in nodes} <= {document.id for document in documents}
    print(f"{len(nodes)} nodes from receipt.jpg; every id is that of a LangChain Document: {same}")
    print("The first one:", {name: nodes[0].metadata[name] for name in ("file_name", "page_label", "bbox")})
    print(*(f"  | {line}" for line in nodes[0].text.splitlines()), sep="\n")

    index = build_index(documents, OUTPUT / "index.sqlite")
    print(f"\n3. Three questions to {OUTPUT}/index.sqlite: plain full-text search (BM25), no model")
    for number, question in enumerate(QUESTIONS, 1):
        hit = search(index, question)
        picture = OUTPUT / f"answer-{number}.png"
        draw(hit, pages, picture)
        print(f"\n{question}\n  {hit.source}, page {hit.page}, box {hit.bbox}, drawn in {picture}")
        print(*(f"  | {line}" for line in hit.text.splitlines()), sep="\n")
    index.close()

    vlm = os.path.relpath(Path(sys.executable).parent / "vlm")
    print(f"\nNext: look at the pictures, then read a scan of your own: {vlm} read YOUR-SCAN.pdf")
    print("The tutorial, docs/tutorial.md, goes on from here: Python, LangChain, LlamaIndex, the shell.")


if __name__ == "__main__":
    main()
