"""Index a folder of scans with LlamaIndex: python examples/llamaindex_index.py [folder]"""

import sys
import tempfile
from pathlib import Path

from llama_index.core import MockEmbedding, SimpleDirectoryReader, VectorStoreIndex
from llama_index.core.node_parser import TokenTextSplitter

from llamaindex_vlm import VLMReader, file_extractor

folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "scans"

reader = VLMReader(image_dir=Path(tempfile.mkdtemp()))
documents = SimpleDirectoryReader(folder, file_extractor=file_extractor(reader)).load_data()
print(f"{len(documents)} pages read")

index = VectorStoreIndex.from_documents(
    documents,
    transformations=[TokenTextSplitter(chunk_size=256, chunk_overlap=32)],
    embed_model=MockEmbedding(embed_dim=256),  # a stand-in; a real embedding model finds by meaning
)
pictures = {document.id_: document.image_resource for document in documents}
for found in index.as_retriever(similarity_top_k=2).retrieve("What is to be paid?"):
    page = found.node
    print(f"\n{page.metadata['file_name']}, page {page.metadata['page_label']}:")
    print(page.get_content()[:200])
    print(f"The picture: {pictures[page.ref_doc_id].path}")
