"""A scripted OpenAI-compatible server, for tests of your own, and a stand-in for a vision model.

Names are loaded when they are first used.
"""

from typing import TYPE_CHECKING

from vlm_core.lazy import load_on_first_use

if TYPE_CHECKING:
    from vlm_core.testing.connection import Connection
    from vlm_core.testing.demo import demo_model
    from vlm_core.testing.faults import FAULTS, Fault
    from vlm_core.testing.replies import Answer, Raw, Reply, Response
    from vlm_core.testing.seen import Seen, SeenImage
    from vlm_core.testing.server import ScriptedServer
    from vlm_core.testing.simulated_provider import Refusal

_HOMES = {
    "connection": ("Connection",),
    "demo": ("demo_model",),
    "faults": ("FAULTS", "Fault"),
    "simulated_provider": ("Refusal",),
    "replies": ("Answer", "Raw", "Reply", "Response"),
    "seen": ("Seen", "SeenImage"),
    "server": ("ScriptedServer",),
}

__getattr__ = load_on_first_use(__name__, _HOMES)

__all__ = [
    "FAULTS",
    "Answer",
    "Connection",
    "Fault",
    "Raw",
    "Refusal",
    "Reply",
    "Response",
    "ScriptedServer",
    "Seen",
    "SeenImage",
    "demo_model",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
