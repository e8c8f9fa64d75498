"""Ask a vision model what a receipt adds up to.

DEEPINFRA_API_KEY=... python examples/ask_receipt.py [IMAGE] [PROVIDER:MODEL]

Without a key, a scripted server on this machine stands in for the provider.
"""

import os
import sys
from pathlib import Path

from vlm_core import VLMClient
from vlm_core.testing import ScriptedServer

RECEIPT = Path(__file__).parent / "scans" / "receipt.jpg"
MODEL = "deepinfra:Qwen/Qwen2.5-VL-32B-Instruct"


def main(image: str, model: str, **where: str) -> None:
    """Print the answer, and what it took."""
    client = VLMClient(model, **where)
    parts = [{"type": "image", "image": image}, {"type": "text", "text": "What is the total?"}]
    question = [{"role": "user", "content": parts}]
    print(f"{client.route}: about {client.estimate(question).image_tokens} tokens for the image")
    answer = client.chat(question, temperature=0)
    print(f"{answer.text}\n{answer.usage}")
    client.close()


if __name__ == "__main__":
    chosen = [*sys.argv[1:], *(str(RECEIPT), MODEL)[len(sys.argv) - 1 :]]
    if "DEEPINFRA_API_KEY" in os.environ or len(sys.argv) > 2:
        main(*chosen)
    else:
        with ScriptedServer(provider="deepinfra") as server:
            server.say("(a scripted answer: the total is 9.00)")
            main(*chosen, base_url=server.base_url, api_key=server.api_key)
