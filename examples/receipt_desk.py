"""A desk that answers questions about a folder of receipts, and says where each answer stands.

pip install langchain; DEEPINFRA_API_KEY=... python examples/receipt_desk.py [FOLDER] [QUESTION]...
The agent is told no name: it searches. Without a key, `demo_model()` stands in, which is not a model.
"""

import os
import sys
from pathlib import Path

from langchain.agents import create_agent
from langchain_core.messages import ToolMessage

from langchain_vlm import ChatVLM, image_tools
from vlm_core.testing import demo_model

MODEL = "deepinfra:Qwen/Qwen3-VL-30B-A3B-Instruct" if "DEEPINFRA_API_KEY" in os.environ else demo_model()
QUESTIONS = (
    "What did the crab salad cost at Quayside Kitchen?",
    "Who brought the apple trees of Brackenfield?",
)


def main(folder: str, questions: tuple[str, ...]) -> None:
    """Print each answer, and the page and box that it comes from."""
    tools = image_tools(root_dir=folder, search_seconds=600)  # the first question waits until all is read
    agent = create_agent(ChatVLM(model=MODEL, temperature=0), tools)
    for question in questions:
        messages = agent.invoke({"messages": [("human", question)]})["messages"]
        print(f"{question}\n  {messages[-1].text}")
        found = [message for message in messages if isinstance(message, ToolMessage) and message.artifact]
        for place in [place for message in found[-1:] for place in message.artifact["citations"][:1]]:
            print(f"  {place['source']}, page {place['page']}, boxes {place['boxes']}")


if __name__ == "__main__":
    scans, *asked = sys.argv[1:] or [str(Path(__file__).parent / "scans")]
    main(scans, tuple(asked) or QUESTIONS)
