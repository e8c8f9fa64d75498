"""An agent that looks things up in a folder of scans: DEEPINFRA_API_KEY=... python llamaindex_image_tools.py

Without a key, `demo_model()` stands in, which is not a model: it answers with lines that OCR reads.
"""

import asyncio
import os
from pathlib import Path

from llama_index.core.agent.workflow import FunctionAgent

from llamaindex_vlm import VLM, VLMToolSpec
from vlm_core.testing import demo_model

MODEL = "deepinfra:Qwen/Qwen3-VL-30B-A3B-Instruct" if "DEEPINFRA_API_KEY" in os.environ else demo_model()


async def main(llm: VLM) -> None:
    """Ask an agent, and print what it says."""
    tools = VLMToolSpec(llm=llm, root_dir=Path(__file__).parent / "scans").to_tool_list()
    print(await FunctionAgent(llm=llm, tools=tools).run("What is the total of receipt.jpg?"))


asyncio.run(main(VLM(model=MODEL)))
