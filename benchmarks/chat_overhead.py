"""What a call costs beside the waiting: CPU per call, ours and openai's own client in one run.

    python benchmarks/chat_overhead.py [--calls 200]

The server runs in a process of its own. The peer is `chat.completions.create` with the image encoded
into a data URL each time, as the vendors' pages do it. Each figure is the median over the rounds of the
CPU seconds (user and system) of this process, divided by the calls; the ratio is ours to theirs.
"""

from __future__ import annotations

import argparse
import base64
import json
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import openai
from PIL import Image

from vlm_core import VLMClient
from vlm_core.testing import ScriptedServer

CHUNKS = 8000
ROUNDS = 5
QUESTION = "What is the total?"


def jpeg_of(size: int) -> bytes:
    """A JPEG of noise, just about `size` bytes long."""
    for quality in range(95, 5, -1):
        file = BytesIO()
        Image.effect_noise((1400, 1000), 60).convert("RGB").save(file, "JPEG", quality=quality)
        if file.tell() <= size:
            return file.getvalue()
    raise AssertionError("unreachable")


def serve(pipe: Any) -> None:
    with ScriptedServer() as server:
        server.say("TOTAL 9.00")
        pipe.send((server.base_url, server.api_key))
        while (order := pipe.recv()) != "stop":
            getattr(server, order[0])(*order[1:])
            pipe.send("done")


def cpu_per_call(call: Callable[[], object], calls: int) -> float:
    began = time.process_time()
    for _ in range(calls):
        call()
    return (time.process_time() - began) / calls


def compare(
    name: str, ours: Callable[[], object], theirs: Callable[[], object], calls: int, per: int = 1
) -> dict[str, Any]:
    ours(), theirs()  # connections, caches
    rounds = [(cpu_per_call(ours, calls), cpu_per_call(theirs, calls)) for _ in range(ROUNDS)]
    mine, peer = (statistics.median(column) for column in zip(*rounds, strict=True))
    ratio = statistics.median(one / other for one, other in rounds)
    print(f"{name:34} {mine / per * 1e6:10.1f} {peer / per * 1e6:10.1f} {ratio:8.2f}", flush=True)
    return {"case": name, "ours_us": mine / per * 1e6, "openai_us": peer / per * 1e6, "ratio": ratio}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--calls", type=int, default=100)
    options.add_argument("--json", action="store_true", help="print the figures as JSON at the end")
    arguments = options.parse_args()
    context = multiprocessing.get_context("spawn")
    pipe, theirs_pipe = context.Pipe()
    server = context.Process(target=serve, args=(theirs_pipe,), daemon=True)
    server.start()
    base_url, key = pipe.recv()

    def order(*what: Any) -> None:
        pipe.send(what)
        pipe.recv()

    ours = VLMClient("some-vlm", base_url=base_url, api_key=key)
    peer = openai.OpenAI(base_url=base_url, api_key=key, max_retries=0)
    picture = jpeg_of(2**20)
    path = Path(tempfile.mkdtemp()) / "picture.jpg"
    path.write_bytes(picture)

    def ask_ours(image: Any) -> object:
        parts = [{"type": "image", "image": image}, {"type": "text", "text": QUESTION}]
        return ours.chat([{"role": "user", "content": parts}])

    def ask_peer(data: bytes) -> object:
        url = f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
        parts = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": QUESTION}]
        messages: Any = [{"role": "user", "content": parts}]
        return peer.chat.completions.create(model="some-vlm", messages=messages).choices[0].message.content

    def read_ours() -> None:
        for _ in ours.stream(QUESTION):
            pass

    def read_peer() -> None:
        messages: Any = [{"role": "user", "content": QUESTION}]
        for chunk in peer.chat.completions.create(model="some-vlm", messages=messages, stream=True):
            _ = chunk.choices[0].delta.content if chunk.choices else None

    print(f"openai {openai.__version__}; picture {len(picture):,} bytes; CPU in microseconds")
    print(f"{'':34} {'ours':>10} {'openai':>10} {'ratio':>8}")
    calls = arguments.calls
    text: Any = [{"role": "user", "content": QUESTION}]
    rows = [
        compare("1 MiB JPEG, given as bytes", lambda: ask_ours(picture), lambda: ask_peer(picture), calls),
        compare(
            "1 MiB JPEG, given as a path", lambda: ask_ours(path), lambda: ask_peer(path.read_bytes()), calls
        ),
        compare(
            "short text",
            lambda: ours.chat(QUESTION),
            lambda: peer.chat.completions.create(model="some-vlm", messages=text),
            calls,
        ),
    ]
    order("stream", *(f"word{number} " for number in range(CHUNKS)))
    rows.append(compare(f"stream of {CHUNKS:,}, per chunk", read_ours, read_peer, 2, per=CHUNKS))
    pipe.send("stop")
    server.join()
    if arguments.json:
        print(json.dumps(rows))


if __name__ == "__main__":
    main()
