"""Find the page by its text, then show the model its picture: DEEPINFRA_API_KEY=... python langchain_rag.py

Without a key, `demo_model()` stands in, which is not a model: it answers with lines that OCR reads.
"""

import os
import re
from pathlib import Path
from zlib import crc32

from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import InMemoryVectorStore

from langchain_vlm import ChatVLM, VLMLoader, page_images
from vlm_core.testing import demo_model

MODEL = "deepinfra:Qwen/Qwen2.5-VL-32B-Instruct" if "DEEPINFRA_API_KEY" in os.environ else demo_model()


class Words(Embeddings):
    """Finds by words. An embedding model, which stands here in your program, finds by meaning."""

    def embed_query(self, text: str) -> list[float]:
        words = {crc32(word.encode()) % 999 for word in re.findall(r"\w+", text.lower())}
        return [float(number in words) for number in range(999)]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]


model = ChatVLM(model=MODEL, temperature=0)
pages = VLMLoader(str(Path(__file__).parent / "scans" / "[nr]*")).load()  # noisy.png and receipt.jpg
store = InMemoryVectorStore.from_documents(pages, Words())
question = "What was paid for crab salad?"
found = store.similarity_search(question, k=1)
answer = model.invoke([("human", [*page_images(found), question])])
print(answer.text, "- from", found[0].metadata["source"])
