"""What LlamaIndex's VLM costs beside the waiting: CPU per call, and to import it, beside OpenAILike.

    python benchmarks/llamaindex_overhead.py [--calls 100]

The peer pins an older openai, so this runs where `make .venv-openai2/installed` put both. The server
runs in a process of its own. Each figure is the median over the rounds of the CPU seconds (user and
system) of this process, divided by the calls; the ratio is ours to theirs. Only the chat is timed, not
the building of blocks and messages, which LlamaIndex does alike for both. Imports are fresh processes
with bytecode, in turn, and the least of the rounds counts, since other work can only add to it.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from importlib.metadata import version
from io import BytesIO
from itertools import count
from typing import Any, TypeAlias

from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from llama_index.llms.openai_like import OpenAILike
from PIL import Image

from llamaindex_vlm import VLM
from vlm_core.testing import ScriptedServer

CHUNKS = 8000
ROUNDS = 5
QUESTION = "What is the total?"
FRESH = "1 MiB JPEG, a new block each time"
REUSED = "1 MiB JPEG, the same message"
UNSEEN = "1 MiB JPEG, never seen before"
TEXT = "short text"
STREAM = f"stream of {CHUNKS:,}, per chunk"
GOALS = {FRESH: 0.4, REUSED: 0.5, TEXT: 0.9, STREAM: 0.4}
Messages: TypeAlias = list[ChatMessage]
Ask: TypeAlias = Callable[[Messages], object]
IMPORTS = {
    "base": "import llama_index.core.llms.function_calling",
    "ours": "from llamaindex_vlm import VLM",
    "peer": "from llama_index.llms.openai_like import OpenAILike",
}
IMPORT_GOAL = 0.75
IMPORT_EXTRA_MS = 100


def jpeg_of(size: int) -> bytes:
    """A JPEG of noise, just about `size` bytes long."""
    for quality in range(95, 5, -1):
        file = BytesIO()
        Image.effect_noise((1400, 1000), 60).convert("RGB").save(file, "JPEG", quality=quality)
        if file.tell() <= size:
            return file.getvalue()
    raise AssertionError("unreachable")


def numbered(jpeg: bytes, number: int) -> bytes:
    """The picture with one byte of it otherwise, somewhere among its pixels."""
    place = len(jpeg) // 2 + number % 9999
    return jpeg[:place] + bytes([number % 200]) + jpeg[place + 1 :]


def serve(pipe: Any) -> None:
    with ScriptedServer(keep=1) as server:
        server.say("TOTAL 9.00")
        pipe.send((server.base_url, server.api_key))
        while (order := pipe.recv()) != "stop":
            getattr(server, order[0])(*order[1:])
            pipe.send("done")


def cpu_per_call(ask: Ask, question: Callable[[], Messages], calls: int) -> float:
    spent = 0.0
    for _ in range(calls):
        messages = question()
        began = time.process_time()
        ask(messages)
        spent += time.process_time() - began
    return spent / calls


def compare(
    name: str, asks: tuple[Ask, Ask], question: Callable[[], Messages], calls: int, per: int = 1
) -> dict[str, Any]:
    for ask in asks:  # connections, caches
        ask(question())
    rounds = [[cpu_per_call(ask, question, calls) / per * 1e6 for ask in asks] for _ in range(ROUNDS)]
    mine, peer = (statistics.median(column) for column in zip(*rounds, strict=True))
    ratio = statistics.median(one / other for one, other in rounds)
    goal = GOALS.get(name)
    print(f"{name:34} {mine:10.1f} {peer:10.1f} {ratio:8.2f} {goal or '':>8}", flush=True)
    return {"case": name, "ours_us": mine, "openai_like_us": peer, "ratio": ratio, "goal": goal}


def import_seconds(statement: str, cache: str) -> float:
    """CPU of an interpreter that does nothing but this."""
    program = f"import time; began = time.process_time()\n{statement}\nprint(time.process_time() - began)"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = cache
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def compare_imports() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as cache:
        for statement in IMPORTS.values():  # writes the bytecode
            import_seconds(statement, cache)
        rounds = [
            {name: import_seconds(statement, cache) for name, statement in IMPORTS.items()}
            for _ in range(ROUNDS)
        ]
    ours, peer, base = (min(row[name] for row in rounds) * 1e6 for name in ("ours", "peer", "base"))
    ratio, more = ours / peer, (ours - base) / 1e3
    print(f"{'import':34} {ours:10.1f} {peer:10.1f} {ratio:8.2f} {IMPORT_GOAL:8.2f}")
    print(f"more than the base class's module: {more:.0f} ms (goal {IMPORT_EXTRA_MS})")
    return {"case": "import", "ratio": ratio, "goal": IMPORT_GOAL, "more_than_base_ms": more}


def question_about(picture: bytes) -> Messages:
    return [ChatMessage(role="user", blocks=[ImageBlock(image=picture), TextBlock(text=QUESTION)])]


def streamed(llm: VLM | OpenAILike) -> Ask:
    return lambda messages: deque(llm.stream_chat(messages), maxlen=0)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--calls", type=int, default=100)
    options.add_argument("--json", action="store_true", help="print the figures as JSON at the end")
    arguments = options.parse_args()
    calls = arguments.calls
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe()
    server = context.Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    base_url, key = pipe.recv()

    def order(*what: Any) -> None:
        pipe.send(what)
        pipe.recv()

    ours = VLM(model="some-vlm", api_base=base_url, api_key=key)
    peer = OpenAILike(model="some-vlm", api_base=base_url, api_key=key, is_chat_model=True)
    picture = jpeg_of(2**20)
    same = question_about(picture)
    text = [ChatMessage(role="user", content=QUESTION)]
    numbers = count()

    names = ("openai", "llama-index-core", "llama-index-llms-openai-like", "llama-index-llms-openai")
    print(", ".join(f"{name} {version(name)}" for name in names))
    print(f"picture {len(picture):,} bytes; CPU in microseconds")
    print(f"{'':34} {'VLM':>10} {'OpenAILike':>10} {'ratio':>8} {'goal':>8}")
    chats = ours.chat, peer.chat
    rows = [
        compare(FRESH, chats, lambda: question_about(picture), calls),
        compare(REUSED, chats, lambda: same, calls),
        compare(UNSEEN, chats, lambda: question_about(numbered(picture, next(numbers))), calls),
        compare(TEXT, chats, lambda: text, calls * 4),
    ]
    order("stream", *(f"word{number} " for number in range(CHUNKS)))
    rows.append(compare(STREAM, (streamed(ours), streamed(peer)), lambda: text, 2, CHUNKS))
    pipe.send("stop")
    server.join()
    rows.append(compare_imports())
    if arguments.json:
        print(json.dumps(rows))


if __name__ == "__main__":
    main()
