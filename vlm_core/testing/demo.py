"""A stand-in for a vision model, so that programs of the documentation run without a key."""

from __future__ import annotations

import atexit
from functools import lru_cache
from threading import Lock

from vlm_core.catalog.registry import register
from vlm_core.catalog.schema import Provider
from vlm_core.testing.demo_answers import demo_answer
from vlm_core.testing.server import ScriptedServer

_PROVIDER = "demo"
_MODEL = "local-ocr"
_LOCK = Lock()


def demo_model() -> str:
    """The route of a stand-in for a vision model, to try programs out without a key and a network.

    It is not a model, and understands nothing. A server on 127.0.0.1 reads the pictures that it is sent
    with the embedded OCR engine, which the extra `local` installs, and answers

    - a question with the line that shares most words with it, of the pictures and of what tools returned;
    - a request without a question with all the text;
    - a request for JSON with values of the right types from such lines;
    - a question that names a file or a page, where tools are offered, with a call of the first tool that it
      can give that to.

    The server is started once, and ends with the program. The route works in this process alone.

    Returns:
        A route for ChatVLM, VLM, VLMClient, DocumentReader and whatever else takes one.

    Example:
        >>> demo_model()
        'demo:local-ocr'
    """
    with _LOCK:
        _started()
    return f"{_PROVIDER}:{_MODEL}"


@lru_cache(maxsize=1)
def _started() -> ScriptedServer:
    server = ScriptedServer(api_key="", models=[_MODEL], keep=1).start()
    server.answer(demo_answer)
    atexit.register(server.stop)
    register(
        Provider(
            name=_PROVIDER,
            title="A stand-in on this machine",
            base_url=server.base_url,
            key_required=False,
            tools=True,
            response_formats=frozenset({"json_schema", "json_object", "tool"}),
        )
    )
    return server
