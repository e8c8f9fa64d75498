"""An agent that looks at scans: python examples/llamaindex_agent.py

It asks DeepInfra if DEEPINFRA_API_KEY is set.
Without a key, `demo_model()` stands in, which is not a model: it answers with lines that OCR reads.
"""

import asyncio
import os
from pathlib import Path

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ImageBlock

from llamaindex_vlm import VLM
from vlm_core.testing import demo_model

MODEL = "deepinfra:Qwen/Qwen2.5-VL-32B-Instruct" if "DEEPINFRA_API_KEY" in os.environ else demo_model()


def show(name: str) -> ImageBlock:
    """Show a scan: invoice.png, noisy.png or receipt.jpg."""
    return ImageBlock(path=Path(__file__).parent / "scans" / Path(name).name)


llm = VLM(model=MODEL)


async def ask(question: str) -> str:
    return str(await FunctionAgent(llm=llm, tools=[show]).run(question))


print(asyncio.run(ask("It is on noisy.png. Who was the driver?")))
