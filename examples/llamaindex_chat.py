"""Ask a vision model about a receipt, and go on asking: python examples/llamaindex_chat.py

It asks DeepInfra if DEEPINFRA_API_KEY is set. Else a server on this machine stands in: it reads the
picture with the local engine, and answers with the line that has most words of the question.
"""

import os
import re
from pathlib import Path

from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock

from llamaindex_vlm import VLM
from vlm_core import read
from vlm_core.testing import ScriptedServer, Seen

RECEIPT = Path(__file__).parent / "scans" / "receipt.jpg"


def answer(seen: Seen) -> str:
    """What the server says."""
    words = re.findall(r"\w{4,}", seen.text.lower().splitlines()[-1])
    lines = read(seen.images[0].data).text.splitlines()
    return max(lines, key=lambda line: sum(word in line.lower() for word in words))


with ScriptedServer(provider="deepinfra") as server:
    server.answer(answer)
    scripted = {"api_base": server.base_url, "api_key": server.api_key}
    where = {} if "DEEPINFRA_API_KEY" in os.environ else scripted
    llm = VLM(model="deepinfra:Qwen/Qwen2.5-VL-32B-Instruct", **where)

    question = ChatMessage(blocks=[ImageBlock(path=RECEIPT), TextBlock(text="What is the total?")])
    first = llm.chat([question])
    print(first.message.content, "-", first.additional_kwargs["prompt_tokens"], "tokens in")
    for step in llm.stream_chat([question, first.message, ChatMessage("Who served it?")]):
        print(step.delta, end="", flush=True)
    print(" -", step.additional_kwargs["prompt_tokens"], "tokens in")
