"""A server on standard input and output, until whoever has started it closes them, or stops it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from vlm_core.assistant.image_assistant import ImageAssistant
from vlm_core.mcp_server.server import image_server

_BY_SIGNAL = 128
"""What shells add to a signal's number."""


def serve(assistant: ImageAssistant, bounds: Sequence[Path]) -> NoReturn:
    """Serve until standard input ends, and end the program: with 0, or by a signal with 130 or 143.

    What is being read then is given up at once, whatever it waits for; a journal bears that.

    Args:
        assistant, bounds: as for `image_server`.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: os._exit(_BY_SIGNAL + number))
    asyncio.run(_serve(image_server(assistant, bounds)))
    raise AssertionError("it ends the program")


async def _serve(server: Server[Any]) -> NoReturn:
    try:
        async with stdio_server() as (received, sent):
            await server.run(received, sent, server.create_initialization_options())
    except* BrokenPipeError:
        pass  # the other side no longer reads the answers
    os._exit(0)  # a thread that waits for a provider would hold the program up
