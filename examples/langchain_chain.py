"""Ask the same about several scans with one LangChain chain, and print an answer as it comes.

DEEPINFRA_API_KEY=... python examples/langchain_chain.py
Without a key, a server on this machine stands in for the provider: it reads the pictures it is sent.
"""

import os
import re
from pathlib import Path

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

from langchain_vlm import ChatVLM, image_block
from vlm_core import read
from vlm_core.testing import ScriptedServer, Seen

SCANS = Path(__file__).parent / "scans"
PROMPT = ChatPromptTemplate([("system", "Answer from the picture, briefly."), ("placeholder", "{asked}")])


def about(name: str) -> dict[str, object]:
    """What the chain is given for a scan."""
    return {"asked": [("human", [image_block(SCANS / name), "What is the total?"])]}


def stand_in(seen: Seen) -> str:
    """The line of the picture that begins with Total."""
    return re.findall("^total.*", read(seen.images[0].data).text, re.IGNORECASE | re.MULTILINE)[0]


with ScriptedServer(provider="deepinfra") as server:
    server.answer(stand_in)
    at = {} if "DEEPINFRA_API_KEY" in os.environ else {"base_url": server.base_url, "api_key": server.api_key}
    model = ChatVLM(model="deepinfra:Qwen/Qwen2.5-VL-32B-Instruct", temperature=0, **at)
    chain = PROMPT | model | StrOutputParser()
    print(*chain.batch([about("receipt.jpg"), about("invoice.png")]), sep="\n")
    print(*chain.stream(about("receipt.jpg")), sep="|")
