"""Warnings name the line of the user's program, in whatever way a framework came to them."""

from __future__ import annotations

from pathlib import Path

import pytest
from preloaded import Preloaded

LOADS = "from langchain_vlm import VLMLoader\n"
READS = "from llamaindex_vlm import OCRTransform, VLMReader, file_extractor, image_documents\n"
PROGRAMS = [
    pytest.param(LOADS, 'VLMLoader(["cut.png"]).load()', id="load"),
    pytest.param(LOADS, 'list(VLMLoader(["cut.png"]).lazy_load())', id="lazy_load"),
    pytest.param(LOADS + "import asyncio\n", 'asyncio.run(VLMLoader(["cut.png"]).aload())', id="aload"),
    pytest.param(READS, 'VLMReader().load_data("cut.png")', id="load_data"),
    pytest.param(
        READS + "import asyncio\n", 'asyncio.run(VLMReader().aload_data("cut.png"))', id="aload_data"
    ),
    pytest.param(
        READS + "from llama_index.core import SimpleDirectoryReader\n",
        'SimpleDirectoryReader(input_files=["cut.png"], file_extractor=file_extractor()).load_data()',
        id="SimpleDirectoryReader",
    ),
    pytest.param(
        READS + "from llama_index.core.ingestion import IngestionPipeline\n",
        'IngestionPipeline(transformations=[OCRTransform()]).run(documents=image_documents("cut.png"))',
        id="IngestionPipeline",
    ),
    pytest.param(
        LOADS + "from langchain_core.documents import Document\nfrom langchain_vlm import page_images\n",
        'page_images([Document("", metadata={"source": "cut.png", "ocr_engine": "rapidocr"})])',
        id="page_images",
    ),
]


@pytest.mark.parametrize(("imports", "line"), PROGRAMS)
def test_a_warning_names_the_users_line(
    imports: str, line: str, tmp_path: Path, preloaded: Preloaded
) -> None:
    (tmp_path / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n cut short")
    (tmp_path / "program.py").write_text(imports + line)
    done = preloaded.run("program.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (warned,) = [told for told in done.stderr.splitlines() if "Warning: " in told]
    number = imports.count("\n") + 1
    assert f"program.py:{number}: " in warned
    assert done.stderr.splitlines()[-1].strip() == line
