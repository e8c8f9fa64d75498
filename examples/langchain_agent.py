"""An agent that looks at the pages of a fax itself, with one tool that returns a picture.

pip install langchain; DEEPINFRA_API_KEY=... python examples/langchain_agent.py
Without a key, `demo_model()` stands in, which is not a model: it answers with lines that OCR reads.
"""

import os
from pathlib import Path
from typing import Literal

from langchain.agents import create_agent
from langchain_core.tools import tool

from langchain_vlm import ChatVLM, image_block
from vlm_core.testing import demo_model

MODEL = "deepinfra:Qwen/Qwen2.5-VL-32B-Instruct" if "DEEPINFRA_API_KEY" in os.environ else demo_model()


@tool
def show_page(page: Literal[1, 2]) -> list[dict]:
    """Show a page of the fax."""
    fax = Path(__file__).parent / "scans" / "fax.tif"
    return [{"type": "text", "text": f"Page {page}:"}, image_block(fax, pages=[page])]


model = ChatVLM(model=MODEL, temperature=0)
question = {"messages": [("human", "Look at page 2. How heavy is the butter?")]}
for message in create_agent(model, [show_page]).invoke(question)["messages"]:
    print(message.type, message.text or [(call["name"], call["args"]) for call in message.tool_calls])
