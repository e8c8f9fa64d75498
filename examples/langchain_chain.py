"""Ask the same about several scans with one LangChain chain, and print an answer as it comes.

DEEPINFRA_API_KEY=... python examples/langchain_chain.py
Without a key, `demo_model()` stands in, which is not a model: it answers with lines that OCR reads.
"""

import os
from pathlib import Path

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

from langchain_vlm import ChatVLM, image_block
from vlm_core.testing import demo_model

MODEL = "deepinfra:Qwen/Qwen2.5-VL-32B-Instruct" if "DEEPINFRA_API_KEY" in os.environ else demo_model()
SCANS = Path(__file__).parent / "scans"
PROMPT = ChatPromptTemplate([("system", "Answer from the picture, briefly."), ("placeholder", "{asked}")])


def about(name: str) -> dict[str, object]:
    """What the chain is given for a scan."""
    return {"asked": [("human", [image_block(SCANS / name), "What is the total?"])]}


model = ChatVLM(model=MODEL, temperature=0)
chain = PROMPT | model | StrOutputParser()
print(*chain.batch([about("receipt.jpg"), about("invoice.png")]), sep="\n")
print(*chain.stream(about("receipt.jpg")), sep="|")
