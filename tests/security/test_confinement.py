"""What a worker cannot do, whatever a file makes it do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from vlm_core.images import pdf_worker, picture_worker
from vlm_core.images.worker import Worker

ROOT = Path(picture_worker.__file__).parents[2]
CONFINED = """
import socket, subprocess, sys, os, ctypes
from vlm_core.images.sandbox import confine
held = open({own!r}, "rb")
had = confine(memory=256 << 20, readable={readable!r})
try:
    {deed}
except (OSError, MemoryError) as error:
    print("refused")
else:
    print("done")
"""
DEEDS = {
    "open a file": "open({own!r})",
    "make a file": "open({own!r} + '.new', 'w')",
    "list a folder": "os.listdir('/')",
    "remove a file": "os.unlink({own!r})",
    "reach the network": "socket.socket(socket.AF_INET, socket.SOCK_STREAM)",
    "send a packet": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "speak to another process": "socket.socket(socket.AF_UNIX)",
    "start a program": "os.execv('/bin/true', ['true'])",
    "take all memory": "bytes(1 << 30)",
}


def said(deed: str, own: Path, readable: tuple[str, ...] | None) -> str:
    program = CONFINED.format(deed=deed.format(own=str(own)), own=str(own), readable=readable)
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False, timeout=60
    )
    return ran.stdout.strip() or ran.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="other systems can do less")
@pytest.mark.parametrize("readable", [None, ("/usr/share/fonts",)], ids=["no files", "fonts"])
@pytest.mark.parametrize("deed", DEEDS.values(), ids=list(DEEDS))
def test_a_confined_process_is_refused(deed: str, readable: tuple[str, ...] | None, tmp_path: Path) -> None:
    own = tmp_path / "own.txt"
    own.write_text("secret")
    told = next(iter(picture_worker.workers("").all), None) or _any_worker()
    if not all(told.confinement[name] for name in ("files", "network", "processes")):
        pytest.skip(f"this system has less: {told.confinement}")
    assert said(deed, own, readable) == "refused"
    assert own.read_text() == "secret"


def _any_worker() -> Worker:
    with picture_worker.workers("").lent() as worker:
        return worker


@pytest.mark.skipif(sys.platform != "linux", reason="other systems can do less")
@pytest.mark.parametrize("option", ["", "heif"])
def test_a_picture_worker_tells_what_it_gave_up(option: str) -> None:
    with picture_worker.workers(option).lent() as worker:
        assert set(worker.confinement) == {"memory", "files", "network", "processes", "privileges"}
        assert worker.confinement["files"]
        assert worker.confinement["network"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems can do less")
def test_a_pdf_worker_is_limited_in_memory() -> None:
    with pdf_worker.workers("bytes").lent() as worker:
        assert worker.confinement["memory"]
