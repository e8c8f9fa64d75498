"""A receipt as an object, checked: python examples/llamaindex_extract.py

It asks DeepInfra if DEEPINFRA_API_KEY is set. Else a server on this machine stands in: it reads the
picture with the local engine, and leaves the total out at first, so that it is asked to correct itself.
"""

import os
import re
from pathlib import Path

from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from pydantic import BaseModel, Field

from llamaindex_vlm import VLM
from vlm_core import read
from vlm_core.testing import ScriptedServer, Seen


class Receipt(BaseModel):
    currency: str = Field(description="as in EUR")
    total: float


def answer(seen: Seen) -> str:
    """What the server says."""
    found = re.search(r"TOTAL (\w+) +([\d.]+)", read(seen.images[0].data).text)
    return f'{{"currency": "{found[1]}", "total": {found[2] if seen.number > 1 else "null"}}}'


with ScriptedServer(provider="deepinfra") as server:
    server.answer(answer)
    scripted = {"api_base": server.base_url, "api_key": server.api_key}
    where = {} if "DEEPINFRA_API_KEY" in os.environ else scripted
    llm = VLM(model="deepinfra:Qwen/Qwen2.5-VL-32B-Instruct", **where).as_structured_llm(Receipt)

    image = ImageBlock(path=Path(__file__).parent / "scans" / "receipt.jpg")
    response = llm.chat([ChatMessage(blocks=[image, TextBlock(text="What was paid?")])])
    print(repr(response.raw), "- requests:", len(response.additional_kwargs["attempts"]))
