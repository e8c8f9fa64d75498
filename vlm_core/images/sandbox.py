"""What a worker gives up before it reads a stranger's file, and what the system let it give up.

Linux can do all of it, other systems less; what could not be had is told, and the worker goes on without.
Landlock and seccomp are asked by their system calls (Linux man-pages, landlock(7) and seccomp(2)), since the
standard library has no names for them.
"""

from __future__ import annotations

import os
import platform
import signal
import struct
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2  # of prctl(2)
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION, _BENEATH = 1, 1
# Of Landlock's accesses: the contents of files and of folders.
_READING = 1 << 2 | 1 << 3
# How many kinds of access to files each version of Landlock knows.
_ACCESSES = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_NETWORK_SINCE, _SCOPES_SINCE = 4, 6

_FORBIDDEN = {
    # What the kernel calls the processor; socket, execve, ptrace, process_vm_readv and _writev, execveat.
    "x86_64": (0xC000003E, (41, 59, 101, 310, 311, 322)),
    "aarch64": (0xC00000B7, (198, 221, 117, 270, 271, 281)),
}
# By which a socket could be had as well.
_IO_URING = 425
# From which on x86_64 has a second set of numbers.
_OTHER_NUMBERS = 0x40000000
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # of a classic BPF program
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000 | 13, 0x80000000  # 13 is EACCES


def confine(*, memory: int, largest_file: int = 0, readable: Sequence[str] | None = None) -> dict[str, bool]:
    """Give up what a worker does not need, for good.

    Args:
        memory: bytes of memory of its own that it may have.
        largest_file: bytes that it may write to what is open already.
        readable: folders below which it may open files, to read them; None where it opens none at all, and
            everything that it needs is loaded by now.

    Returns:
        What was had, by name: memory (a limit), files (none are opened but those that are readable),
        network (there is none), processes (no program is started) and privileges (no new ones).
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    _heed_timers()
    had = dict.fromkeys(("memory", "files", "network", "processes", "privileges"), False)
    if sys.platform.startswith("linux"):
        with suppress(Exception):  # no ctypes, no such call
            had |= _by_the_kernel(readable)
    return had | _limited(memory, largest_file, bars_files=readable is None)


def allow_cpu(seconds: float) -> None:
    """Have the system end this process, even within a library, after so much CPU from now on. 0 is never."""
    if hasattr(signal, "setitimer"):  # not on Windows
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _heed_timers() -> None:
    """Have timers end this process, whatever the program that started it made of their signals."""
    for name in ("SIGPROF", "SIGALRM"):
        number = getattr(signal, name, None)
        if number is not None:
            signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})


def _limited(memory: int, largest_file: int, *, bars_files: bool) -> dict[str, bool]:
    """What any Unix can do."""
    # Code and files that are mapped count in the second one as well. macOS has no such limits.
    had = {"memory": _limit("RLIMIT_DATA", memory) | _limit("RLIMIT_AS", memory + (1 << 30))}
    _limit("RLIMIT_CORE", 0)
    _limit("RLIMIT_FSIZE", largest_file)
    _limit("RLIMIT_NPROC", 0)  # which bars threads, too, and does not bind root
    # With no number left for another descriptor, neither a file nor a socket can be opened.
    if bars_files and _limit("RLIMIT_NOFILE", 3):
        had |= {"files": True, "network": True}
    return had


def _limit(name: str, most: int) -> bool:
    with suppress(AttributeError, ValueError, OSError):
        kind = getattr(resource, name)
        _, hard = resource.getrlimit(kind)
        most = most if hard == resource.RLIM_INFINITY else min(hard, most)
        resource.setrlimit(kind, (most, most))
        return True
    return False


def _by_the_kernel(readable: Sequence[str] | None) -> dict[str, bool]:
    import ctypes

    system: Any = ctypes.CDLL(None, use_errno=True)
    had = {"privileges": not system.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)}
    had["files"] = _landlocked(system, readable or ())
    had["network"] = had["processes"] = _filtered(system)
    return had


def _landlocked(system: Any, readable: Sequence[str]) -> bool:
    """Have Landlock refuse all files but some, to be read; and TCP, and signals to other processes."""
    from ctypes import c_size_t

    version = int(system.syscall(_CREATE_RULESET, None, c_size_t(0), _ASK_VERSION))
    if version < 1:
        return False
    every_access = (1 << _ACCESSES.get(version, max(_ACCESSES.values()))) - 1
    network = 0b11 if version >= _NETWORK_SINCE else 0
    scopes = 0b11 if version >= _SCOPES_SINCE else 0
    size = 24 if scopes else 16 if network else 8
    rules = struct.pack("=QQQ", every_access, network, scopes)
    ruleset = int(system.syscall(_CREATE_RULESET, rules, c_size_t(size), 0))
    if ruleset < 0:
        return False
    for folder in readable:
        with suppress(OSError):  # there is none
            opened = os.open(folder, os.O_PATH)
            system.syscall(_ADD_RULE, ruleset, _BENEATH, struct.pack("=Qi", _READING, opened), 0)
            os.close(opened)
    refused = system.syscall(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)
    return not refused


def _filtered(system: Any) -> bool:
    """Have seccomp refuse sockets, other programs and other processes' memory."""
    from ctypes import Structure, byref, c_char_p, c_ushort

    class Program(Structure):
        _fields_ = (("length", c_ushort), ("steps", c_char_p))

    known = _FORBIDDEN.get(platform.machine())
    if known is None or struct.calcsize("P") != 8:  # a Python of 32 bits makes other calls
        return False
    steps = list(_steps(*known))
    program = Program(len(steps), b"".join(struct.pack("=HBBI", *step) for step in steps))
    return not system.prctl(_SECCOMP, _FILTER, byref(program), 0, 0)


def _steps(processor: int, forbidden: Sequence[int]) -> Iterator[tuple[int, int, int, int]]:
    """A BPF program: what each step does, how many to pass over if so and if not, and a value."""
    yield _LOAD, 0, 0, 4  # the processor
    yield _IF_EQUAL, 1, 0, processor
    yield _RETURN, 0, 0, _KILL
    yield _LOAD, 0, 0, 0  # the number of the call
    numbers = (*forbidden, _IO_URING)
    yield _IF_AT_LEAST, len(numbers) + 1, 0, _OTHER_NUMBERS
    for left, number in zip(range(len(numbers), 0, -1), numbers, strict=True):
        yield _IF_EQUAL, left, 0, number
    yield _RETURN, 0, 0, _ALLOW
    yield _RETURN, 0, 0, _REFUSE
