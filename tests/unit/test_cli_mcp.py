"""`vlm mcp` as a program: what it writes where, and how it ends. What it serves is tested by clients."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from PIL import Image
from preloaded import Preloaded, Running

from vlm_core.cli import main
from vlm_core.testing import ScriptedServer, Seen

COMMAND = (sys.executable, "-m", "vlm_core.cli", "mcp")
LONG_SECONDS = 30.0
"""That no test waits for."""
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
READY = {"jsonrpc": "2.0", "method": "notifications/initialized"}


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NOVITA_API_KEY", "VLM_MODEL", "VLM_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "scan.png"
    Image.linear_gradient("L").resize((40, 30)).save(path)
    return path


Run = Callable[..., AbstractContextManager[Running]]


@pytest.fixture
def running(preloaded: Preloaded) -> Run:
    """Runs a server, until it ends by itself."""

    @contextmanager
    def run(*command: object) -> Iterator[Running]:
        with preloaded.start([str(word) for word in command], stdin=True) as server:
            try:
                yield server
                server.wait()
            finally:
                server.kill()

    return run


def send(server: Running, *messages: Any) -> None:
    assert server.stdin is not None
    for message in messages:
        server.stdin.write(message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n")
    server.stdin.flush()


def receive(server: Running) -> Any:
    return json.loads(server.stdout.readline())


def call(number: int, name: str, **arguments: Any) -> dict[str, Any]:
    params = {"name": name, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


def written(server: Running) -> tuple[bytes, bytes]:
    """What is left on standard output, and on standard error, once it has ended."""
    server.wait()
    return server.stdout.read(), server.stderr.read()


class Slow:
    """A model that is asked, and does not answer as long as a test runs."""

    def __init__(self) -> None:
        self.is_asked, self.may_answer = Event(), Event()

    def __call__(self, seen: Seen) -> str:
        self.is_asked.set()
        self.may_answer.wait(LONG_SECONDS)
        return "too late"


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def lab(slow: Slow) -> Iterator[ScriptedServer]:
    with ScriptedServer(api_key="") as server:
        server.answer(slow)
        yield server
        slow.may_answer.set()


def reading_with(lab: ScriptedServer, folder: Path) -> list[str]:
    """A server that reads with a model of a provider that nobody else knows."""
    program = f"""
from vlm_core import Provider, register
from vlm_core.cli import main
register(Provider(name="lab", base_url={lab.base_url!r}, key_required=False))
main(["mcp", "--root", {str(folder)!r}, "--engine", "lab:some-vlm"])
"""
    return [sys.executable, "-c", program]


def close(server: Running) -> None:
    assert server.stdin is not None
    server.stdin.close()


ENDS = pytest.mark.parametrize(
    ("end", "code"),
    [
        pytest.param(close, 0, id="connection closed"),
        pytest.param(lambda server: server.send_signal(signal.SIGINT), 130, id="ctrl-c"),
        pytest.param(lambda server: server.send_signal(signal.SIGTERM), 143, id="sigterm"),
    ],
)


@ENDS
def test_it_ends_when_it_is_told_to(running: Run, scan: Path, end: Callable[[Any], None], code: int) -> None:
    with running(*COMMAND, "--root", scan.parent) as server:
        send(server, HELLO)
        assert receive(server)["result"]["serverInfo"]["name"] == "vlm"
        end(server)
        assert written(server) == (b"", b"")
    assert server.returncode == code


@ENDS
def test_it_ends_even_while_a_thread_of_it_waits_for_a_model(
    running: Run, lab: ScriptedServer, slow: Slow, scan: Path, end: Callable[[Any], None], code: int
) -> None:
    with running(*reading_with(lab, scan.parent)) as server:
        send(server, HELLO, READY, call(2, "read_image", image="scan.png"))
        assert receive(server)["id"] == 1
        assert slow.is_asked.wait(LONG_SECONDS)
        end(server)
        assert written(server)[1] == b""
        assert not slow.may_answer.is_set()
    assert server.returncode == code


def test_nothing_but_the_protocol_is_written_to_standard_output(running: Run, scan: Path) -> None:
    program = f"""
import os, pathlib, subprocess, sys
from vlm_core import ImageAssistant, PageResult
from vlm_core.mcp_server.server import serve
class Noisy:
    name, model = "noisy", None
    def read_page(self, page):
        print("printed", flush=True)
        os.write(1, b"written\\n")
        subprocess.run([sys.executable, "-c", "print('by a child')"])
        return PageResult(text="TOTAL 9.00")
serve(ImageAssistant(Noisy()), [pathlib.Path({str(scan.parent)!r}).resolve()])
"""
    with running(sys.executable, "-c", program) as server:
        send(server, HELLO, READY, call(2, "read_image", image="scan.png"))
        assert [receive(server)["id"], receive(server)["id"]] == [1, 2]
        close(server)
        assert written(server) == (b"", b"printed\nwritten\nby a child\n")


def test_what_is_no_message_is_passed_over(running: Run, scan: Path) -> None:
    with running(*COMMAND, "--root", scan.parent) as server:
        send(server, b"hello\n", b"{}\n", b"\xff\xfe\n", HELLO)
        assert receive(server)["id"] == 1
        close(server)
    assert server.returncode == 0


def test_a_client_that_died_ends_it_without_a_traceback(running: Run, scan: Path) -> None:
    with running(*COMMAND, "--root", scan.parent) as server:
        send(server, HELLO, READY)
        assert receive(server)["id"] == 1
        server.stdout.close()
        send(server, call(2, "list_pages", document="scan.png"))
        close(server)
        assert b"Traceback" not in server.stderr.read()
    assert server.returncode == 0


def test_a_home_is_understood_since_no_shell_does_it_for_a_client(
    running: Run, scan: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("HOME", str(scan.parent))
    with running(*COMMAND, "--root", "~") as server:
        send(server, HELLO, READY, call(2, "list_pages", document="scan.png"))
        assert receive(server)["id"] == 1
        assert receive(server)["result"]["content"][0]["text"].startswith("scan.png has 1 page.")
        close(server)


# --- what is wrong before it serves --------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["--root", "missing"], 2, "--root missing is not a folder", id="no folder"),
        pytest.param(["--llm", "novita:qwen/qwen3-vl-8b-instruct"], 4, "Set NOVITA_API_KEY", id="no key"),
        pytest.param(["-e", "novita:qwen/qwen3-vl-8b-instruct"], 4, "Set NOVITA_API_KEY", id="nor to read"),
        pytest.param(["--llm", "nobody"], 2, "or give --base-url", id="no provider"),
        pytest.param(["--engine", "nobody:knows"], 2, "no provider is called 'nobody'", id="no engine"),
        pytest.param(["--base-url", "http://127.0.0.1:1/v1"], 2, "without --llm", id="a URL of nothing"),
        pytest.param(["--max-pages", "0"], 2, "--max-pages", id="no pages"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_served(
    capfd: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["mcp", *arguments])
    written = capfd.readouterr()
    assert (ended.value.code, written.out) == (code, "")
    assert said in written.err


@pytest.mark.parametrize(
    "without",
    [
        pytest.param("import sys; sys.modules['mcp'] = None", id="without mcp"),
        pytest.param("import sys, types; sys.modules['mcp'] = types.ModuleType('mcp')", id="an older mcp"),
    ],
)
def test_without_the_package_the_extra_is_named(without: str) -> None:
    program = f"{without}; from vlm_core.cli import main; main(['mcp'])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, input=b"")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"pip install 'vlm-adapters[mcp]'" in done.stderr
