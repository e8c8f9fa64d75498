"""An agent that looks things up in a folder of scans: DEEPINFRA_API_KEY=... python langchain_image_tools.py

pip install langchain. Without a key, a server on this machine stands in for the provider: as the agent's
model it calls two tools, and as the vision model it reads the picture it is sent.
"""

import os
import re
from pathlib import Path

from langchain.agents import create_agent

from langchain_vlm import ChatVLM, image_tools
from vlm_core import read
from vlm_core.testing import ScriptedServer, Seen


def look(seen: Seen) -> str:
    """The line of the picture that has the total."""
    return re.findall("TOTAL.*", read(seen.images[0].data).text)[0]


def conclude(seen: Seen) -> str:
    """What the last tool found."""
    return f"It says: {re.findall('TOTAL.*', seen.messages[-1]['content'])[0]}"


with ScriptedServer(provider="deepinfra") as server:
    server.call_tool("list_pages", {"document": "receipt.jpg"})
    server.call_tool("ask_image", {"images": ["receipt.jpg"], "question": "What is the total?"})
    server.answer(look)
    server.answer(conclude)
    at = {} if "DEEPINFRA_API_KEY" in os.environ else {"base_url": server.base_url, "api_key": server.api_key}
    model = ChatVLM(model="deepinfra:Qwen/Qwen3-VL-30B-A3B-Instruct", temperature=0, **at)
    agent = create_agent(model, image_tools(llm=model, root_dir=Path(__file__).parent / "scans"))
    for message in agent.invoke({"messages": [("human", "What is the total of receipt.jpg?")]})["messages"]:
        print(message.type, message.text or [(call["name"], call["args"]) for call in message.tool_calls])
