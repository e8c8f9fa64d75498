"""Blocks as plain text and HTML."""

from __future__ import annotations

from vlm_core.structure.exports import to_html, to_text
from vlm_core.structure.markdown_reader import blocks_of

ANSWER = "# Prices\n\n1. Tea\n   - green\n2. Cake\n\n- x\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
ANSWER += "<b>bold</b> & `<script>`"


def test_text_is_plain() -> None:
    assert to_text(blocks_of(ANSWER).blocks) == (
        "Prices\n\n1. Tea\n  - green\n2. Cake\n- x\n\na  b\n1  2\n\nbold & <script>"
    )


def test_html_reads_back_as_the_same_blocks() -> None:
    blocks = blocks_of(ANSWER).blocks
    assert blocks_of(to_html(blocks)).blocks == blocks


def test_html_escapes_what_blocks_say() -> None:
    assert "<p>bold &amp; &lt;script&gt;</p>" in to_html(blocks_of(ANSWER).blocks)
    assert "<title>&lt;script&gt;</title>" in to_html([], title="<script>")
