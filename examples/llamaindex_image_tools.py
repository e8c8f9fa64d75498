"""An agent that looks things up in a folder of scans: DEEPINFRA_API_KEY=... python llamaindex_image_tools.py

Without a key, a server on this machine stands in for the provider: as the agent's model it calls two tools,
and as the vision model it reads the picture it is sent.
"""

import asyncio
import os
import re
from pathlib import Path

from llama_index.core.agent.workflow import FunctionAgent

from llamaindex_vlm import VLM, VLMToolSpec
from vlm_core import read
from vlm_core.testing import ScriptedServer, Seen


def look(seen: Seen) -> str:
    """The line of the picture that has the total."""
    return re.findall("TOTAL.*", read(seen.images[0].data).text)[0]


async def main(llm: VLM) -> None:
    """Ask an agent, and print what it says."""
    tools = VLMToolSpec(llm=llm, root_dir=Path(__file__).parent / "scans").to_tool_list()
    print(await FunctionAgent(llm=llm, tools=tools).run("What is the total of receipt.jpg?"))


with ScriptedServer(provider="deepinfra") as server:
    server.call_tool("list_pages", {"document": "receipt.jpg"})
    server.call_tool("ask_image", {"images": ["receipt.jpg"], "question": "What is the total?"})
    server.answer(look)
    server.answer(lambda seen: f"It says: {re.findall('TOTAL.*', seen.messages[-1]['content'])[0]}")
    at = {"api_base": server.base_url, "api_key": server.api_key}
    model = "deepinfra:Qwen/Qwen3-VL-30B-A3B-Instruct"
    asyncio.run(main(VLM(model=model, **({} if "DEEPINFRA_API_KEY" in os.environ else at))))
