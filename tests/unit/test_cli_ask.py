"""`vlm ask`: what it sends, what it writes where, and how it ends."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image

from vlm_core.catalog.registry import register
from vlm_core.catalog.schema import Provider
from vlm_core.cli import main
from vlm_core.testing import ScriptedServer

COMMAND = (sys.executable, "-m", "vlm_core.cli", "ask")
MODEL = "novita:qwen/qwen3-vl-8b-instruct"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    """A server that plays a provider without a key, since only the provider's own host gets one."""
    for name in ("NOVITA_API_KEY", "VLM_MODEL"):
        monkeypatch.delenv(name, raising=False)
    with ScriptedServer(provider="vllm", api_key="") as scripted:
        scripted.say("TOTAL 9.00", usage={"prompt_tokens": 70, "completion_tokens": 5})
        yield scripted


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "scan.png"
    path.write_bytes(png())
    return path


def png() -> bytes:
    file = BytesIO()
    Image.linear_gradient("L").resize((40, 30)).save(file, "PNG")
    return file.getvalue()


class Ended(NamedTuple):
    """How a command ended: its exit code, and what it wrote."""

    returncode: int
    stdout: bytes
    stderr: bytes


Run = Callable[..., Ended]


@pytest.fixture
def run(capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Runs `vlm ask` in this process."""

    def run(*arguments: object) -> Ended:
        with pytest.raises(SystemExit) as ended:
            main(["ask", *map(str, arguments)])
        return Ended(int(ended.value.code or 0), *capfdbinary.readouterr())

    return run


@pytest.fixture
def ask(run: Run, server: ScriptedServer) -> Run:
    """Runs it with the server."""
    return lambda *arguments: run(*arguments, *at(server))


def at(server: ScriptedServer) -> list[str]:
    return ["--model", "vllm:some-vlm", "--base-url", server.base_url]


def as_program(server: ScriptedServer, *arguments: object, stdin: bytes = b"") -> Ended:
    """Runs it in a process of its own."""
    command = [*COMMAND, *map(str, arguments), *at(server)]
    done = subprocess.run(command, capture_output=True, input=stdin)
    return Ended(done.returncode, done.stdout, done.stderr)


def test_the_answer_goes_to_standard_output(server: ScriptedServer, scan: Path) -> None:
    done = as_program(server, scan, "What is the total?")
    assert (done.returncode, done.stdout) == (0, b"TOTAL 9.00\n"), done.stderr
    assert server.seen[0].text == "What is the total?"
    assert len(server.seen[0].images) == 1


def test_several_images_are_sent_in_their_order(
    ask: Run, server: ScriptedServer, scan: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.png"
    Image.new("RGB", (50, 30)).save(other)
    ask(scan, other, "What changed?")
    assert [image.width for image in server.seen[0].images] == [40, 50]


def test_an_image_comes_from_standard_input(server: ScriptedServer) -> None:
    done = as_program(server, "-", "What is the total?", stdin=png())
    assert done.returncode == 0, done.stderr
    assert [image.width for image in server.seen[0].images] == [40]


def test_a_question_needs_no_image(ask: Run) -> None:
    assert ask("Who are you?").stdout == b"TOTAL 9.00\n"


def test_a_stream_is_written_as_it_comes(ask: Run, server: ScriptedServer, scan: Path) -> None:
    done = ask(scan, "What is the total?", "--stream")
    assert done.stdout == b"TOTAL 9.00\n"
    assert server.seen[0].stream


def test_json_tells_what_the_answer_took(ask: Run, scan: Path) -> None:
    answer = json.loads(ask(scan, "What is the total?", "--json").stdout)
    assert answer["text"] == "TOTAL 9.00"
    assert answer["usage"]["input_tokens"] == 70
    assert answer["route"] == "vllm:some-vlm"
    assert [attempt["outcome"] for attempt in answer["attempts"]] == ["ok"]


def test_options_reach_the_provider(ask: Run, server: ScriptedServer, scan: Path) -> None:
    ask(scan, "Read.", "--max-tokens", 9, "--temperature", 0)
    assert server.seen[0].options == {"max_tokens": 9, "temperature": 0.0}


def test_an_estimate_needs_no_key_and_sends_nothing(
    run: Run, scan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOVITA_API_KEY", raising=False)
    done = run(scan, "Read.", "--model", MODEL, "--estimate")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["image_tokens"] > 0


def test_pages_choose_from_a_file_of_several(ask: Run, server: ScriptedServer, tmp_path: Path) -> None:
    frames = [Image.new("L", (40 + number, 30)) for number in range(3)]
    frames[0].save(tmp_path / "fax.tif", save_all=True, append_images=frames[1:])
    ask(tmp_path / "fax.tif", "Read.", "--pages", "2-3")
    assert [image.width for image in server.seen[0].images] == [41, 42]


def test_what_a_terminal_would_obey_is_escaped(ask: Run, server: ScriptedServer) -> None:
    server.say("\x1b[31mred")
    ask("first")
    assert ask("Read.").stdout == b"\\x1b[31mred\n"


def test_an_answer_cut_short_is_said(ask: Run, server: ScriptedServer) -> None:
    server.say("TOT", finish_reason="length")
    ask("first")
    assert b"length" in ask("Read.").stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        pytest.param(("Read.", "-m", MODEL), 4, "NOVITA_API_KEY", id="no-key"),
        pytest.param(("missing.png", "Read.", "-m", "vllm:m"), 1, "missing.png", id="no-file"),
        pytest.param(("Read.", "-m", "novta:m"), 2, "novita", id="provider-misspelt"),
        pytest.param(("Read.",), 2, "--model", id="no-model"),
        pytest.param((__file__, "-m", "vllm:m"), 2, "no question", id="no-question"),
        pytest.param(("a.pdf", "Read.", "-m", "vllm:m", "--pages", "5-"), 2, "--pages", id="open-range"),
        pytest.param(
            ("Read.", "-m", "vllm:m", "--base-url", "http://127.0.0.1:9"), 1, "refused", id="nobody-there"
        ),
    ],
)
@pytest.mark.usefixtures("server")
def test_what_goes_wrong_is_one_line_and_an_exit_code(
    run: Run, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (code, b"")
    assert words in done.stderr.decode()
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("status", "code"), [(401, 4), (402, 4), (429, 1), (500, 1)], ids=["key", "quota", "rate", "server"]
)
def test_the_exit_code_tells_a_key_or_quota_from_other_failures(
    ask: Run, server: ScriptedServer, status: int, code: int
) -> None:
    server.refuse(status, "no")
    ask("first")
    assert ask("Read.").returncode == code


@pytest.fixture
def labs() -> Iterator[tuple[ScriptedServer, ScriptedServer]]:
    """Two servers that are known as the providers lab-one and lab-two."""
    with ScriptedServer(api_key="") as one, ScriptedServer(api_key="") as two:
        for name, server in (("lab-one", one), ("lab-two", two)):
            register(Provider(name=name, base_url=server.base_url, key_required=False))
        yield one, two


@pytest.mark.parametrize("how", [(), ("--stream",), ("--json",)], ids=["whole", "streamed", "json"])
def test_fallbacks_are_asked_in_their_order(
    labs: tuple[ScriptedServer, ScriptedServer],
    run: Run,
    server: ScriptedServer,
    how: tuple[str, ...],
) -> None:
    server.refuse(402, "no credit")
    run("first", *at(server))
    labs[0].refuse(402, "no credit either")
    labs[1].say("TOTAL 8.00")
    fallbacks = ("--fallback", "lab-one:m", "--fallback", "lab-two:m")
    done = run("Read.", "-m", "vllm:m", "--base-url", server.base_url, *fallbacks, *how)
    assert (done.returncode, [lab.requests for lab in labs]) == (0, [1, 1])
    assert b"TOTAL 8.00" in done.stdout
    assert b"vllm:m did not answer" in done.stderr
    assert b"lab-one:m did not answer" in done.stderr


def test_a_fallback_without_a_key_is_told_before_anything_is_sent(ask: Run, server: ScriptedServer) -> None:
    done = ask("Read.", "--fallback", MODEL)
    assert (done.returncode, server.requests) == (4, 0)
    assert b"NOVITA_API_KEY" in done.stderr


# --- values of a schema ----------------------------------------------------------------------------------

RECEIPT = Path(__file__).parents[2] / "examples" / "scans" / "receipt.jpg"


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    path = tmp_path / "schema.json"
    path.write_text('{"type": "object", "properties": {"total": {"type": "number"}}}')
    return path


@pytest.fixture
def speaker() -> Iterator[ScriptedServer]:
    with ScriptedServer(provider="vllm", api_key="") as scripted:
        yield scripted


def test_values_of_a_schema_are_looked_up(run: Run, speaker: ScriptedServer, schema: Path) -> None:
    speaker.say('{"total": 38.25}')
    done = run(RECEIPT, "--schema", schema, "--verify", "--json", *at(speaker))
    result = json.loads(done.stdout)
    assert (done.returncode, result["fields"]["total"]["status"]) == (0, "exact"), done.stderr


def test_a_value_that_needs_a_look_ends_with_3(run: Run, speaker: ScriptedServer, schema: Path) -> None:
    speaker.say('{"total": 88.25}')
    done = run(RECEIPT, "--schema", schema, "--verify", "--check", "total < 50", *at(speaker))
    assert (done.returncode, json.loads(done.stdout)) == (3, {"total": 88.25}), done.stderr
    assert b"/total: 88.25 was given, and the page says 38.25" in done.stderr
    assert b"does not fit" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--verify", "what?"], id="verify without a schema"),
        pytest.param(["--schema", "missing.json"], id="a schema that is not there"),
    ],
)
def test_a_wrong_use_of_schema_is_refused(run: Run, speaker: ScriptedServer, arguments: list[str]) -> None:
    done = run(RECEIPT, *arguments, *at(speaker))
    assert (done.returncode, speaker.requests) == (2, 0), done.stderr
