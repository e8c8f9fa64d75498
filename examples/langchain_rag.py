"""Find the page by its text, then show the model its picture: DEEPINFRA_API_KEY=... python langchain_rag.py

Without a key, a server on this machine stands in for the provider: it reads the pictures it is sent.
"""

import os
import re
from pathlib import Path
from zlib import crc32

from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import InMemoryVectorStore

from langchain_vlm import ChatVLM, VLMLoader, page_images
from vlm_core import read
from vlm_core.testing import ScriptedServer


class Words(Embeddings):
    """Finds by words. An embedding model, which stands here in your program, finds by meaning."""

    def embed_query(self, text: str) -> list[float]:
        words = {crc32(word.encode()) % 999 for word in re.findall(r"\w+", text.lower())}
        return [float(number in words) for number in range(999)]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]


with ScriptedServer(provider="deepinfra") as server:
    server.answer(lambda seen: re.findall(".*Crab.*", read(seen.images[0].data).text)[0])
    at = {} if "DEEPINFRA_API_KEY" in os.environ else {"base_url": server.base_url, "api_key": server.api_key}
    model = ChatVLM(model="deepinfra:Qwen/Qwen2.5-VL-32B-Instruct", temperature=0, **at)
    pages = VLMLoader(str(Path(__file__).parent / "scans" / "[nr]*")).load()  # noisy.png and receipt.jpg
    store = InMemoryVectorStore.from_documents(pages, Words())
    question = "What was paid for crab salad?"
    found = store.similarity_search(question, k=1)
    answer = model.invoke([("human", [*page_images(found), question])])
    print(answer.text, "- from", found[0].metadata["source"])
