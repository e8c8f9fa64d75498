"""Read a receipt into a pydantic model, and keep what the model said beside it.

DEEPINFRA_API_KEY=... python examples/langchain_extract.py
Without a key, `demo_model()` stands in, which is not a model: it answers with lines that OCR reads.
"""

import os
from pathlib import Path

from pydantic import BaseModel

from langchain_vlm import ChatVLM, image_block
from vlm_core.testing import demo_model

MODEL = "deepinfra:Qwen/Qwen2.5-VL-32B-Instruct" if "DEEPINFRA_API_KEY" in os.environ else demo_model()


class Item(BaseModel):
    """A line of a receipt."""

    quantity: int
    what: str
    price: float


class Receipt(BaseModel):
    """What a receipt says."""

    items: list[Item]
    total: float


model = ChatVLM(model=MODEL, temperature=0)
reader = model.with_structured_output(Receipt, include_raw=True)
picture = image_block(Path(__file__).parent / "scans" / "receipt.jpg")
found = reader.invoke([("human", [picture, "What does this receipt say?"])])
print(found["parsed"] or found["parsing_error"], found["raw"].usage_metadata, sep="\n")
