"""Programs that run in a process of their own, forked from one that has the frameworks loaded.

Loading LangChain, LlamaIndex and the local engine takes longer than most programs do. A page that the local
engine has read is not read again by other programs of a test run: what it reads has tests of its own.
"""

from __future__ import annotations

import atexit
import builtins
import contextlib
import hashlib
import importlib
import json
import os
import pickle
import runpy
import signal
import subprocess
import sys
import threading
import traceback
import warnings
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple


class Done(NamedTuple):
    """How a program ended, as `subprocess.run` tells it."""

    returncode: int
    stdout: str
    stderr: str


class Running:
    """A program that runs, with pipes, as `subprocess.Popen` has it."""

    def __init__(self, server: Preloaded, request: dict[str, Any], pipes: dict[str, Path]) -> None:
        for path in pipes.values():
            os.mkfifo(path)
        self._server = server
        self.pid: int = server.ask({**request, **{name: str(path) for name, path in pipes.items()}})
        self.returncode: int | None = None
        # Each side waits for the other one to open a pipe, in one order.
        self.stdin = pipes["in"].open("wb", 0) if "in" in pipes else None
        self.stdout = pipes["out"].open("rb")
        self.stderr = pipes["err"].open("rb")

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it has not ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def poll(self) -> int | None:
        """How it ended; None while it runs."""
        if self.returncode is None:
            self.returncode = self._server.ask({"poll": self.pid})
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended."""
        if self.returncode is None:
            self.returncode = self._server.ask({"wait": self.pid})
        return self.returncode

    def communicate(self) -> tuple[bytes, bytes]:
        """All that it writes, once it has ended; it writes little to standard error."""
        if self.stdin is not None:
            self.stdin.close()
        with self:
            return self.stdout.read(), self.stderr.read()

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in (self.stdin, self.stdout, self.stderr):
            if pipe is not None:
                pipe.close()
        self.wait()


class Preloaded:
    """Runs programs, each in a process that is forked.

    Args:
        folder: for what was written, and what was read of pages.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self._numbers = count()
        self._server = subprocess.Popen(
            [sys.executable, __file__, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, request: dict[str, Any]) -> Any:
        """What the process that programs are forked from says to a request."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        print(json.dumps(request), file=self._server.stdin, flush=True)
        return json.loads(self._server.stdout.readline())

    def run(
        self, program: str | Path, *arguments: str, cwd: str | Path = ".", warnings: tuple[str, ...] = ()
    ) -> Done:
        """Run a program to its end, as `python -W ... program arguments` in a folder does.

        Args:
            program: a path; one that is not absolute begins at `cwd`.
            arguments: of the program.
            cwd: its current folder.
            warnings: names of the categories that are errors.
        """
        out, err = self._path("out"), self._path("err")
        request = {**self._request([str(program), *arguments], cwd), "errors": warnings}
        code = self.ask({"wait": self.ask({**request, "out": str(out), "err": str(err)})})
        return Done(code, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"))

    def start(self, command: list[str], cwd: str | Path = ".", *, stdin: bool = False) -> Running:
        """Start a program with pipes.

        Args:
            command: as for `subprocess`: this Python, with "-m" and a module, "-c" and a text, or a path.
            cwd: its current folder.
            stdin: whether it has a pipe for standard input too.
        """
        names = ("in", "out", "err") if stdin else ("out", "err")
        return Running(self, self._request(command[1:], cwd), {name: self._path(name) for name in names})

    def close(self) -> None:
        """End the process that programs are forked from."""
        self._server.communicate()

    def _request(self, argv: list[str], cwd: str | Path) -> dict[str, Any]:
        return {"argv": argv, "cwd": str(Path(cwd).absolute()), "environment": dict(os.environ)}

    def _path(self, name: str) -> Path:
        return self.folder / f"{os.getpid()}-{next(self._numbers)}.{name}"


# --- the process that programs are forked from


def serve(folder: Path) -> None:
    load()
    keep_readings(folder / "readings")
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


def answer(request: dict[str, Any]) -> int | None:
    """The number of a process that is started, or how one ended."""
    if pid := request.get("wait") or request.get("poll"):
        pid, status = os.waitpid(pid, 0 if "wait" in request else os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if pid else None
    child = os.fork()
    if child == 0:
        become(request)
    return child


def load() -> None:
    """What most programs begin with. Nothing here starts a thread."""
    for name in (
        "langchain_core.vectorstores",
        "llama_index.core",
        "onnxruntime",
        "openai",
        "rapidocr",
        "mcp",
    ):
        importlib.import_module(name)
    for name in ("cli.app", "mcp_server.server", "jobs.journal", "wire.transport"):
        importlib.import_module(f"vlm_core.{name}")
    import langchain_vlm
    import llamaindex_vlm
    import vlm_core
    import vlm_core.integration

    for package in (vlm_core, langchain_vlm, llamaindex_vlm):
        for name in package.__all__:
            getattr(package, name)
    assert threading.active_count() == 1, threading.enumerate()


def keep_readings(folder: Path) -> None:
    """Have what the local engine reads on a page kept in a folder, and looked up there."""
    from vlm_core.ocr import local

    folder.mkdir(exist_ok=True)
    read, load_models = local._read, local.load_models

    class LoadedWhenUsed:
        """The models, which a page that was read before does not need."""

        def __getattr__(self, name: str) -> Any:
            return getattr(load_models(), name)

    def read_once(page: Any, models: Any, folding: Any = None, reader: Any = None) -> Any:
        # Matrices are large; what languages were named for is not what the page is without them.
        if folding is not None or (reader is not None and reader.is_always):
            return read(page, models, folding, reader)
        told = f"{page.width} {page.height} {page.dpi} {page.rotation} {reader is None}".encode()
        path = folder / hashlib.sha256(told + bytes(page.pixels)).hexdigest()
        if path.exists():
            return pickle.loads(path.read_bytes())
        found = read(page, models, None, reader)
        fresh = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
        fresh.write_bytes(pickle.dumps(found))
        fresh.rename(path)
        return found

    local._read = read_once
    local.load_models = LoadedWhenUsed


def become(request: dict[str, Any]) -> None:
    """Be the program, and end."""
    for descriptor, name in enumerate(("in", "out", "err")):
        mode = os.O_WRONLY | os.O_CREAT if descriptor else os.O_RDONLY
        opened = os.open(request.get(name, os.devnull), mode)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environment"])
    for name in request.get("errors", ()):
        warnings.filterwarnings("error", category=getattr(builtins, name))
    os._exit(code_of(request["argv"]))


def code_of(argv: list[str]) -> int:
    """Run a program, and what Python does at its end."""
    code = 0
    try:
        run(argv)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else ended.code is not None
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
    except BaseException:  # noqa: BLE001  as Python does at the end of a program
        traceback.print_exc()
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    sys.stderr.flush()
    return int(code)


def run(argv: list[str]) -> None:
    """Run what Python is given."""
    if argv[0] == "-c":
        sys.argv = ["-c", *argv[2:]]
        exec(compile(argv[1], "<string>", "exec"), {"__name__": "__main__"})
    elif argv[0] == "-m":
        sys.argv = argv[1:]
        runpy.run_module(argv[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = argv
        sys.path[0] = str(Path(argv[0]).absolute().parent)
        runpy.run_path(argv[0], run_name="__main__")


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
