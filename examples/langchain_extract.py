"""Read a receipt into a pydantic model, and keep what the model said beside it.

DEEPINFRA_API_KEY=... python examples/langchain_extract.py
Without a key, a server on this machine stands in for the provider: it reads the pictures it is sent.
"""

import json
import os
import re
from pathlib import Path

from pydantic import BaseModel

from langchain_vlm import ChatVLM, image_block
from vlm_core import read
from vlm_core.testing import ScriptedServer, Seen


class Receipt(BaseModel):
    """What a receipt says."""

    items: dict[str, float]
    total: float


def stand_in(seen: Seen) -> str:
    """The items and the total of the picture, as JSON."""
    items = re.findall(r"(?:\d )?(.+)  ([\d.]+)\n", read(seen.images[0].data).text)
    return json.dumps({"items": dict(items[:5]), "total": dict(items)["TOTAL GBP"]})


with ScriptedServer(provider="deepinfra") as server:
    server.answer(stand_in)
    at = {} if "DEEPINFRA_API_KEY" in os.environ else {"base_url": server.base_url, "api_key": server.api_key}
    model = ChatVLM(model="deepinfra:Qwen/Qwen2.5-VL-32B-Instruct", temperature=0, **at)
    reader = model.with_structured_output(Receipt, include_raw=True)
    picture = image_block(Path(__file__).parent / "scans" / "receipt.jpg")
    found = reader.invoke([("human", [picture, "What does this receipt say?"])])
    print(found["parsed"] or found["parsing_error"], found["raw"].usage_metadata, sep="\n")
