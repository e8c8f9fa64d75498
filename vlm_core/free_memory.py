"""Memory that was freed, given back to the system.

glibc keeps what was freed between two blocks that are still in use, for the next time. After a few large
pages that is half a gigabyte, which a process that goes on to do other things would hold for good.
"""

from __future__ import annotations

import ctypes
import time
from contextlib import suppress
from threading import Lock

# So many times as long as it took is waited until the next time: it is to take no more than 2 %.
_SHARE = 50

_lock = Lock()
_not_before = 0.0


def release_free_memory() -> None:
    """Give back what is free, where the C library can do that, unless it was done only now.

    Example:
        >>> release_free_memory()
    """
    global _not_before
    with _lock:
        started = time.monotonic()
        if started < _not_before:
            return
        with suppress(OSError, AttributeError, TypeError):  # macOS, musl, Windows
            ctypes.CDLL(None).malloc_trim(0)
        ended = time.monotonic()
        _not_before = ended + _SHARE * (ended - started)
