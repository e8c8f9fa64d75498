"""An agent that looks at scans: python examples/llamaindex_agent.py

It asks DeepInfra if DEEPINFRA_API_KEY is set. Else a server on this machine stands in: it asks to be
shown the scan, reads it with the local engine, and answers with the line about the driver.
"""

import asyncio
import os
from pathlib import Path

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ImageBlock

from llamaindex_vlm import VLM
from vlm_core import ToolCall, read
from vlm_core.testing import Answer, ScriptedServer, Seen


def show(name: str) -> ImageBlock:
    """Show a scan: invoice.png, noisy.png or receipt.jpg."""
    return ImageBlock(path=Path(__file__).parent / "scans" / Path(name).name)


def answer(seen: Seen) -> Answer:
    if not seen.images:
        return Answer(tool_calls=(ToolCall("call_1", "show", '{"name": "noisy.png"}'),))
    return Answer(next(line for line in read(seen.images[0].data).text.splitlines() if "Driver" in line))


with ScriptedServer(provider="deepinfra") as server:
    server.answer(answer)
    scripted = {"api_base": server.base_url, "api_key": server.api_key}
    where = {} if "DEEPINFRA_API_KEY" in os.environ else scripted
    llm = VLM(model="deepinfra:Qwen/Qwen2.5-VL-32B-Instruct", **where)

    async def ask(question: str) -> str:
        return str(await FunctionAgent(llm=llm, tools=[show]).run(question))

    print(asyncio.run(ask("Who drove? It is on noisy.png.")))
