"""An agent that looks at the pages of a fax itself, with one tool that returns a picture.

pip install langchain; DEEPINFRA_API_KEY=... python examples/langchain_agent.py
Without a key, a server on this machine stands in for the provider: it reads the pictures it is sent.
"""

import os
import re
from pathlib import Path
from typing import Literal

from langchain.agents import create_agent
from langchain_core.tools import tool

from langchain_vlm import ChatVLM, image_block
from vlm_core import read
from vlm_core.testing import ScriptedServer, Seen


@tool
def show_page(number: Literal[1, 2]) -> list[dict]:
    """Show a page of the fax."""
    fax = Path(__file__).parent / "scans" / "fax.tif"
    return [{"type": "text", "text": f"Page {number}:"}, image_block(fax, pages=[number])]


def stand_in(seen: Seen) -> str:
    """The line of the picture that speaks of butter."""
    return re.findall(".*Butter.*", read(seen.images[0].data).text)[0]


with ScriptedServer(provider="deepinfra") as server:
    server.call_tool("show_page", {"number": 2})
    server.answer(stand_in)
    at = {} if "DEEPINFRA_API_KEY" in os.environ else {"base_url": server.base_url, "api_key": server.api_key}
    model = ChatVLM(model="deepinfra:Qwen/Qwen2.5-VL-32B-Instruct", temperature=0, **at)
    question = {"messages": [("human", "How much butter comes, and how heavy is it?")]}
    for message in create_agent(model, [show_page]).invoke(question)["messages"]:
        print(message.type, message.text or [(call["name"], call["args"]) for call in message.tool_calls])
