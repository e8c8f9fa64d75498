"""What LangChain's chat model costs beside the waiting: CPU, ChatVLM and ChatOpenAI in one run.

    python benchmarks/chat_model_overhead.py [--rounds 15] [--json]

The server runs in a process of its own. Ours gets pictures by `image_block`, the peer by the block of
LangChain's documentation (base64 and mime_type) or by OpenAI's image_url. Imports are measured in
fresh interpreters, byte-compiled. Ours and theirs take turns. Each figure is the least of its rounds,
since whatever else the machine does can only add to it; the ratio is that of the two.

Exits with 1 where a ratio is over its goal.
"""

from __future__ import annotations

import argparse
import base64
import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from chat_overhead import CHUNKS, QUESTION, cpu_per_call, jpeg_of, serve
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI

from langchain_vlm import ChatVLM, image_block

IMPORT_ROUNDS = 9
OURS = "import langchain_vlm; langchain_vlm.ChatVLM"
IMPORTS = {
    "import, to ChatOpenAI's": ("from langchain_openai import ChatOpenAI", 0.55),
    "import, to the base class's": ("import langchain_core.language_models.chat_models", 1.1),
}
GOALS = {
    "1 MiB JPEG, fresh": 0.6,
    "1 MiB JPEG, again": 0.5,
    "short text": 0.9,
    f"stream of {CHUNKS:,}, per chunk": 0.5,
    **{name: goal for name, (_, goal) in IMPORTS.items()},
}
"""The most that a ratio may be; where none is named, 1."""
CALLS = 10
"""In one turn."""
STREAMS = 5
Row = dict[str, Any]


def asked(block: dict[str, Any]) -> list[HumanMessage]:
    return [HumanMessage([block, {"type": "text", "text": QUESTION}])]


def documented(data: bytes) -> dict[str, Any]:
    """A picture as LangChain's documentation has it."""
    return {"type": "image", "base64": base64.b64encode(data).decode(), "mime_type": "image/jpeg"}


def as_url(data: bytes) -> dict[str, Any]:
    """A picture as OpenAI has it."""
    url = f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
    return {"type": "image_url", "image_url": {"url": url}}


def row(name: str, pairs: list[tuple[float, ...]], unit: float) -> Row:
    """Print and return what pairs of our CPU seconds and theirs come to."""
    ours, peer = (min(column) * unit for column in zip(*pairs, strict=True))
    print(f"{name:34} {ours:10.1f} {peer:10.1f} {ours / peer:8.2f}", flush=True)
    return {"case": name, "ours": ours, "peer": peer, "ratio": ours / peer}


def compare(
    name: str, ours: Callable[[], object], theirs: Callable[[], object], rounds: int, calls: int, per: int = 1
) -> Row:
    ours(), theirs()  # connections, caches
    pairs = [(cpu_per_call(ours, calls), cpu_per_call(theirs, calls)) for _ in range(rounds)]
    return row(name, pairs, 1e6 / per)


def calls_of(ours: ChatVLM, peer: ChatOpenAI, rounds: int) -> list[Row]:
    """The calls that are answered as a whole."""
    picture = jpeg_of(2**20)
    mine, theirs, url = asked(image_block(picture)), asked(documented(picture)), asked(as_url(picture))
    cases: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "1 MiB JPEG, fresh": (
            lambda: ours.invoke(asked(image_block(picture))),
            lambda: peer.invoke(asked(documented(picture))),
        ),
        "1 MiB JPEG, fresh, as image_url": (
            lambda: ours.invoke(asked(image_block(picture))),
            lambda: peer.invoke(asked(as_url(picture))),
        ),
        "1 MiB JPEG, again": (lambda: ours.invoke(mine), lambda: peer.invoke(theirs)),
        "1 MiB JPEG, again, as image_url": (lambda: ours.invoke(mine), lambda: peer.invoke(url)),
        "short text": (lambda: ours.invoke(QUESTION), lambda: peer.invoke(QUESTION)),
    }
    return [compare(name, *pair, rounds, CALLS) for name, pair in cases.items()]


def stream_of(ours: ChatVLM, peer: ChatOpenAI) -> Row:
    """A long stream, read to its end."""

    def read(model: ChatVLM | ChatOpenAI) -> None:
        for _ in model.stream(QUESTION):
            pass

    name = f"stream of {CHUNKS:,}, per chunk"
    return compare(name, lambda: read(ours), lambda: read(peer), STREAMS, 1, per=CHUNKS)


def import_seconds(statement: str) -> float:
    """CPU of an import in a fresh interpreter."""
    program = f"import time; start = time.process_time(); {statement}; print(time.process_time() - start)"
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}  # what is installed is byte-compiled
    command = [sys.executable, "-c", program]
    return float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def imports() -> list[Row]:
    statements = [OURS, *(base for base, _ in IMPORTS.values())]
    for statement in statements:
        import_seconds(statement)  # byte-compiles
    rounds = [[import_seconds(statement) for statement in statements] for _ in range(IMPORT_ROUNDS)]
    return [
        row(name, [(one[0], one[column]) for one in rounds], 1e6)
        for column, name in enumerate(IMPORTS, start=1)
    ]


def measured(rounds: int) -> list[Row]:
    context = multiprocessing.get_context("spawn")
    pipe, servers_pipe = context.Pipe()
    server = context.Process(target=serve, args=(servers_pipe,), daemon=True)
    server.start()
    base_url, key = pipe.recv()
    ours = ChatVLM(model="some-vlm", base_url=base_url, api_key=key)
    peer = ChatOpenAI(model="some-vlm", base_url=base_url, api_key=key, stream_usage=True)
    rows = calls_of(ours, peer, rounds)
    pipe.send(("stream", *(f"word{number} " for number in range(CHUNKS))))
    pipe.recv()
    rows.append(stream_of(ours, peer))
    pipe.send("stop")
    server.join()
    return [*rows, *imports()]


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--json", action="store_true", help="print the figures as JSON at the end")
    arguments = options.parse_args()
    versions = (f"{name} {version(name)}" for name in ("langchain-openai", "langchain-core", "openai"))
    print(f"{', '.join(versions)}; CPU in microseconds")
    print(f"{'':34} {'ours':>10} {'peer':>10} {'ratio':>8}")
    rows = measured(arguments.rounds)
    missed = [found["case"] for found in rows if found["ratio"] > GOALS.get(found["case"], 1.0)]
    print(f"over its goal: {', '.join(missed)}" if missed else "each ratio keeps to its goal")
    if arguments.json:
        print(json.dumps(rows))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
