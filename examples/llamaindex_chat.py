"""Ask a vision model about a receipt, and go on asking: python examples/llamaindex_chat.py

It asks DeepInfra if DEEPINFRA_API_KEY is set.
Without a key, `demo_model()` stands in, which is not a model: it answers with lines that OCR reads.
"""

import os
from pathlib import Path

from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock

from llamaindex_vlm import VLM
from vlm_core.testing import demo_model

MODEL = "deepinfra:Qwen/Qwen2.5-VL-32B-Instruct" if "DEEPINFRA_API_KEY" in os.environ else demo_model()
RECEIPT = Path(__file__).parent / "scans" / "receipt.jpg"


llm = VLM(model=MODEL)

question = ChatMessage(blocks=[ImageBlock(path=RECEIPT), TextBlock(text="What is the total?")])
first = llm.chat([question])
print(first.message.content, "-", first.additional_kwargs["prompt_tokens"], "tokens in")
for step in llm.stream_chat([question, first.message, ChatMessage("Who served it?")]):
    print(step.delta, end="", flush=True)
print(" -", step.additional_kwargs["prompt_tokens"], "tokens in")
