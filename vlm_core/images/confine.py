"""What a worker gives up before it reads a stranger's file, and what the system let it give up.

Everything that it needs is loaded by then. Linux can do all of it, other systems less; what could not be
had is told, and the worker goes on without. Landlock is asked by its system calls (Linux man-pages,
landlock(7)), since the standard library has no name for it.
"""

from __future__ import annotations

import os
import signal
import struct
import sys
from contextlib import suppress

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_NO_NEW_PRIVILEGES = 38  # PR_SET_NO_NEW_PRIVS
_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_ASK_VERSION = 1
_READING = 1 << 2 | 1 << 3
"""Of Landlock's accesses: the contents of files and of folders."""
_ACCESSES = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many kinds of access to files each version of Landlock knows."""
_NETWORK_SINCE, _SCOPES_SINCE = 4, 6


def confine(*, memory: int, largest_file: int = 0, reads_files: bool = False) -> dict[str, bool]:
    """Give up what a worker does not need, for good.

    Args:
        memory: bytes of memory of its own that it may have.
        largest_file: bytes that it may write to what is open already.
        reads_files: whether it goes on opening files, to read them.

    Returns:
        What was had, by name: memory (a limit), files (none are opened, or none but for reading), network,
        processes (none are started) and privileges (no new ones).
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    privileges, version = False, 0
    with suppress(Exception):  # no ctypes, no such call
        privileges = _without_new_privileges()
        version = _landlocked(reads_files)  # before there is no number left for a descriptor
    had = _limited(memory, largest_file, reads_files)
    return {
        **had,
        "privileges": privileges,
        "files": had["files"] or version > 0,
        "network": had["network"] or version >= _NETWORK_SINCE,
    }


def _limited(memory: int, largest_file: int, reads_files: bool) -> dict[str, bool]:
    had = dict.fromkeys(("memory", "files", "network", "processes"), False)
    if resource is None:
        return had

    def limited(name: str, most: int) -> bool:
        with suppress(AttributeError, ValueError, OSError):  # macOS lacks some
            kind = getattr(resource, name)
            _, hard = resource.getrlimit(kind)
            most = most if hard == resource.RLIM_INFINITY else min(hard, most)
            resource.setrlimit(kind, (most, most))
            return True
        return False

    had["memory"] = limited("RLIMIT_DATA", memory)
    # Code and files that are mapped count here as well.
    had["memory"] = limited("RLIMIT_AS", memory + (1 << 30)) or had["memory"]
    limited("RLIMIT_CORE", 0)
    limited("RLIMIT_FSIZE", largest_file)
    # Zero also bars threads. It does not bind root.
    had["processes"] = limited("RLIMIT_NPROC", 0) and os.geteuid() != 0
    if not reads_files:
        # With no number left for another descriptor, neither a file nor a socket can be opened.
        had["files"] = had["network"] = limited("RLIMIT_NOFILE", 3)
    return had


def _without_new_privileges() -> bool:
    if not sys.platform.startswith("linux"):
        return False
    import ctypes

    return not ctypes.CDLL(None).prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)


def _landlocked(reads_files: bool) -> int:
    """Have Landlock refuse files, TCP, and other processes' sockets and signals; its version, 0 without it."""
    if not sys.platform.startswith("linux"):
        return 0
    import ctypes

    call = ctypes.CDLL(None).syscall
    version = int(call(_CREATE_RULESET, None, ctypes.c_size_t(0), _ASK_VERSION))
    if version < 1:
        return 0
    files = (1 << _ACCESSES.get(version, max(_ACCESSES.values()))) - 1
    rules = struct.pack(
        "=QQQ",
        files & ~_READING if reads_files else files,
        0b11 if version >= _NETWORK_SINCE else 0,
        0b11 if version >= _SCOPES_SINCE else 0,
    )
    size = 24 if version >= _SCOPES_SINCE else 16 if version >= _NETWORK_SINCE else 8
    ruleset = int(call(_CREATE_RULESET, rules, ctypes.c_size_t(size), 0))
    if ruleset < 0:
        return 0
    refused = call(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)
    return 0 if refused else version
