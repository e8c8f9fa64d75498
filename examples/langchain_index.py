"""Index a folder of scans with LangChain: python examples/langchain_index.py [folder]"""

import sys
from pathlib import Path

from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.indexing import InMemoryRecordManager, index
from langchain_core.vectorstores import InMemoryVectorStore

from langchain_vlm import VLMLoader, key_encoder

folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "scans"

# A stand-in, so that this runs without a key; a real embedding model finds by meaning.
store = InMemoryVectorStore(DeterministicFakeEmbedding(size=256))
records = InMemoryRecordManager("scans")
records.create_schema()

for attempt in ("first", "second"):
    outcome = index(
        VLMLoader(folder, progress="auto"),
        records,
        store,
        cleanup="full",
        source_id_key="source",
        key_encoder=key_encoder,
    )
    print(f"{attempt} time: {outcome['num_added']} pages added, {outcome['num_skipped']} known already")

for document in store.similarity_search("What is to be paid?", k=2):
    print(f"\n{document.metadata['source']}, page {document.metadata['page_label']}:")
    print(document.page_content[:200])
