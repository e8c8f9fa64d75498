"""Ask a vision model what a receipt adds up to.

DEEPINFRA_API_KEY=... python examples/ask_receipt.py [IMAGE] [PROVIDER:MODEL]

Without a key, `demo_model()` stands in, which is not a model: it answers with lines that OCR reads.
"""

import os
import sys
from pathlib import Path

from vlm_core import VLMClient
from vlm_core.testing import demo_model

RECEIPT = Path(__file__).parent / "scans" / "receipt.jpg"
DEEPINFRA = "deepinfra:Qwen/Qwen2.5-VL-32B-Instruct"


def main(image: str, model: str) -> None:
    """Print the answer, and what it took."""
    client = VLMClient(model)
    parts = [{"type": "image", "image": image}, {"type": "text", "text": "What is the total?"}]
    question = [{"role": "user", "content": parts}]
    print(f"{client.route}: about {client.estimate(question).image_tokens} tokens for the image")
    answer = client.chat(question, temperature=0)
    print(f"{answer.text}\n{answer.usage}")
    client.close()


if __name__ == "__main__":
    image, route = [*sys.argv[1:], None, None][:2]
    stand_in = DEEPINFRA if "DEEPINFRA_API_KEY" in os.environ else demo_model()
    main(image or str(RECEIPT), route or stand_in)
