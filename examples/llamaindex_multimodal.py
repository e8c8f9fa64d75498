"""Ask a folder of scans, and let a vision model see the pages that were found.

DEEPINFRA_API_KEY=... python examples/llamaindex_multimodal.py [FOLDER] [PROVIDER:MODEL]
Without a key, `demo_model()` stands in, which is not a model: it answers with lines that OCR reads.
"""

import os
import sys
from pathlib import Path

from llama_index.core import MockEmbedding, VectorStoreIndex
from llama_index.core.query_engine import RetrieverQueryEngine

from llamaindex_vlm import VLM, OCRTransform, PagePictures, image_documents
from vlm_core.testing import demo_model

GIVEN = dict(enumerate(sys.argv))
FOLDER = GIVEN.get(1, Path(__file__).parent / "scans")
DEEPINFRA = "deepinfra:Qwen/Qwen2.5-VL-32B-Instruct"
MODEL = GIVEN.get(2) or (DEEPINFRA if "DEEPINFRA_API_KEY" in os.environ else demo_model())


def main(llm: VLM) -> None:
    """Read the folder, ask about it, and print the answer and its sources."""
    embedding = MockEmbedding(embed_dim=256)  # a stand-in; a real embedding model finds by meaning
    index = VectorStoreIndex(OCRTransform()(image_documents(FOLDER)), embed_model=embedding)
    engine = RetrieverQueryEngine.from_args(
        index.as_retriever(similarity_top_k=3), llm, node_postprocessors=[PagePictures()], multimodal=True
    )
    answer = engine.query("What is to be paid?")
    print(answer, "- from", [found.metadata["file_name"] for found in answer.source_nodes])


main(VLM(model=MODEL))
