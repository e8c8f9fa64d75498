"""An agent that looks things up in a folder of scans: DEEPINFRA_API_KEY=... python langchain_image_tools.py

pip install langchain. Without a key, `demo_model()` stands in, which is
not a model: it answers with lines that OCR reads.
"""

import os
from pathlib import Path

from langchain.agents import create_agent

from langchain_vlm import ChatVLM, image_tools
from vlm_core.testing import demo_model

MODEL = "deepinfra:Qwen/Qwen3-VL-30B-A3B-Instruct" if "DEEPINFRA_API_KEY" in os.environ else demo_model()


model = ChatVLM(model=MODEL, temperature=0)
agent = create_agent(model, image_tools(llm=model, root_dir=Path(__file__).parent / "scans"))
for message in agent.invoke({"messages": [("human", "What is the total of receipt.jpg?")]})["messages"]:
    print(message.type, message.text or [(call["name"], call["args"]) for call in message.tool_calls])
