"""Programs that run in a process of their own, forked from one that has the frameworks loaded.

Loading LangChain, LlamaIndex and the local engine takes longer than most programs do. A page that the local
engine has read is not read again by other programs of a test run: what it reads has tests of its own.
"""

from __future__ import annotations

import atexit
import hashlib
import importlib
import json
import os
import pickle
import runpy
import subprocess
import sys
import threading
import traceback
import warnings
from pathlib import Path
from typing import Any, NamedTuple


class Done(NamedTuple):
    """How a program ended, as `subprocess.run` tells it."""

    returncode: int
    stdout: str
    stderr: str


class Preloaded:
    """Runs programs one after the other.

    Args:
        folder: for what was written, and what was read of pages.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self._server = subprocess.Popen(
            [sys.executable, __file__, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

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
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        request = {"argv": [str(program), *arguments], "cwd": str(Path(cwd).absolute()), "errors": warnings}
        print(json.dumps(request), file=self._server.stdin, flush=True)
        answer = json.loads(self._server.stdout.readline())
        out, err = (Path(answer[name]).read_text(encoding="utf-8") for name in ("out", "err"))
        return Done(answer["code"], out, err)

    def close(self) -> None:
        """End the process that programs are forked from."""
        self._server.communicate()


# --- the process that programs are forked from


def serve(folder: Path) -> None:
    load()
    keep_readings(folder / "readings")
    for number, line in enumerate(sys.stdin):
        out, err = (folder / f"{os.getpid()}-{number}.{name}" for name in ("out", "err"))
        child = os.fork()
        if child == 0:
            become(json.loads(line), out, err)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps({"code": code, "out": str(out), "err": str(err)}), flush=True)


def load() -> None:
    """What most programs begin with. Nothing here starts a thread."""
    for name in ("langchain_core.vectorstores", "llama_index.core", "onnxruntime", "openai", "rapidocr"):
        importlib.import_module(name)
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

    def read_once(page: Any, models: Any) -> Any:
        told = f"{page.width} {page.height} {page.dpi} {page.rotation}".encode()
        path = folder / hashlib.sha256(told + bytes(page.pixels)).hexdigest()
        if path.exists():
            return pickle.loads(path.read_bytes())
        found = read(page, load_models())
        fresh = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
        fresh.write_bytes(pickle.dumps(found))
        fresh.rename(path)
        return found

    local._read = read_once
    local.load_models = lambda: None


def become(request: dict[str, Any], out: Path, err: Path) -> None:
    """Be the program, and end."""
    for descriptor, path in ((1, out), (2, err)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(opened, descriptor)
        os.close(opened)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.chdir(request["cwd"])
    sys.argv = request["argv"]
    sys.path[0] = str(Path(sys.argv[0]).absolute().parent)
    for name in request["errors"]:
        warnings.filterwarnings("error", category=getattr(__import__("builtins"), name))
    os._exit(code_of(sys.argv[0]))


def code_of(program: str) -> int:
    """Run a program, and what Python does at its end."""
    code = 0
    try:
        runpy.run_path(program, run_name="__main__")
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else ended.code is not None
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
    except BaseException:  # noqa: BLE001  as Python does at the end of a program
        traceback.print_exc()
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return int(code)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    serve(Path(sys.argv[1]))
