"""`vlm doctor`: what it checks, what it skips, how it ends, and that it shows no key."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vlm_core.catalog.provider_rows import PROVIDERS
from vlm_core.cli import main
from vlm_core.testing import Response, ScriptedServer

KEY = "sk-a1b2c3d4e5f6"
NOVITA = "novita:qwen/qwen3-vl-8b-instruct"
STEPS = ["key", "name", "connection", "models", "image"]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [variable for provider in PROVIDERS for variable in provider.api_key_env]
    proxies = [f"{kind}_proxy" for kind in ("http", "https", "all", "no")]
    for name in (*keys, *proxies, *map(str.upper, proxies), "VLM_API_KEY", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    monkeypatch.setenv("VLM_API_KEY", KEY)
    with ScriptedServer(api_key=KEY, models=["some-vlm", "other-vlm"]) as scripted:
        scripted.say("Red.")
        yield scripted


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[Any, str]:
    """The exit code, and all that was written."""
    with pytest.raises(SystemExit) as ended:
        main(["doctor", *map(str, arguments)])
    written = capsys.readouterr()
    assert KEY not in written.out + written.err
    return ended.value.code, written.out + written.err


def checks(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[Any, dict[str, Any]]:
    """The exit code, and the checks of the last section by their names."""
    code, written = run(capsys, *arguments, "--json")
    told = json.loads(written)
    assert told["ok"] is (code == 0)
    return code, {check["name"]: check for check in told["sections"][-1]["checks"]}


def states(found: dict[str, Any]) -> list[str]:
    assert list(found) == STEPS
    return [check["state"] for check in found.values()]


def at(server: ScriptedServer, model: str = "some-vlm") -> tuple[str, ...]:
    return (model, "--base-url", server.base_url)


# --- without a route


def test_versions_are_told_without_a_network(capsys: pytest.CaptureFixture[str]) -> None:
    code, written = run(capsys, "--json")
    versions = {check["name"]: check for check in json.loads(written)["sections"][0]["checks"]}
    assert code == 0
    assert {"python", "vlm-adapters", "openai", "pillow", "rapidocr", "llama-index-core"} <= set(versions)
    assert versions["openai"]["said"][0].isdigit()


@pytest.mark.parametrize(
    ("value", "code", "state", "said"),
    [
        pytest.param(KEY, 0, "ok", "in NOVITA_API_KEY", id="found"),
        pytest.param("YOUR_KEY", 4, "failed", "is a placeholder", id="placeholder"),
    ],
)
def test_a_key_is_told_by_its_variable(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    value: str,
    code: int,
    state: str,
    said: str,
) -> None:
    monkeypatch.setenv("NOVITA_API_KEY", value)
    ended, found = checks(capsys)
    assert (ended, list(found), found["novita"]["state"]) == (code, ["novita"], state)
    assert said in found["novita"]["said"]


# --- a route that answers


def test_all_is_well(capsys: pytest.CaptureFixture[str], server: ScriptedServer) -> None:
    code, found = checks(capsys, *at(server))
    assert (code, states(found)) == (0, ["ok"] * 5)
    assert "nothing is encrypted" in found["connection"]["said"]
    assert "some-vlm is one of 2" in found["models"]["said"]
    assert "Red." in found["image"]["said"]
    assert found["image"]["hint"] == ""


def test_it_asks_for_the_list_and_about_one_small_picture(
    capsys: pytest.CaptureFixture[str], server: ScriptedServer
) -> None:
    run(capsys, *at(server))
    listing, question = server.seen
    assert (listing.method, listing.path) == ("GET", "/v1/models")
    assert [(image.format, image.width, image.height) for image in question.images] == [("png", 64, 64)]


def test_what_failed_is_not_tried_again(capsys: pytest.CaptureFixture[str], server: ScriptedServer) -> None:
    server.answer(lambda seen: Response(503))
    run(capsys, *at(server))  # the answer that was queued before
    code, found = checks(capsys, *at(server))
    assert (code, found["image"]["state"], server.requests) == (1, "failed", 4)


def test_the_lines_for_people_say_the_same(
    capsys: pytest.CaptureFixture[str], server: ScriptedServer
) -> None:
    code, written = run(capsys, *at(server))
    assert code == 0
    assert [line.split()[:2] for line in written.splitlines()[-5:]] == [["ok", step] for step in STEPS]


def test_a_model_that_does_not_see_is_told(
    capsys: pytest.CaptureFixture[str], server: ScriptedServer
) -> None:
    server.say("I cannot see.\x1b[2J")
    run(capsys, *at(server))
    code, written = run(capsys, *at(server))
    assert code == 1
    assert "Check that this model sees pictures" in written
    assert "\x1b" not in written


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ("Red.", "ok"),
        ("**RED**", "ok"),
        ("#FF0000", "ok"),
        ("It is rgb(255, 0, 0)", "ok"),
        ("The total is 38.25", "failed"),
        ("rendered", "failed"),
        ("Blue", "failed"),
    ],
)
def test_only_an_answer_that_names_red_is_right(
    capsys: pytest.CaptureFixture[str], server: ScriptedServer, answer: str, state: str
) -> None:
    server.say(answer)
    run(capsys, *at(server))  # which hears the first answer
    code, found = checks(capsys, *at(server))
    assert (found["image"]["state"], code) == (state, int(state == "failed"))
    assert answer in found["image"]["said"]


def test_what_a_model_for_ocr_says_of_a_colour_proves_nothing(
    capsys: pytest.CaptureFixture[str], server: ScriptedServer
) -> None:
    server.say("No text.")
    run(capsys, *at(server))  # which hears the first answer
    code, found = checks(capsys, *at(server, "allenai/olmOCR-2-7B-1025"))
    assert (found["image"]["state"], code) == ("?", 0)


def test_a_model_that_is_not_listed_is_told_with_names_like_it(
    capsys: pytest.CaptureFixture[str], server: ScriptedServer
) -> None:
    code, found = checks(capsys, *at(server, "some-vlm-2"))
    assert (code, found["models"]["hint"]) == (0, "Did you mean some-vlm or other-vlm?")


def test_address_and_key_are_the_first_routes_alone(
    capsys: pytest.CaptureFixture[str], server: ScriptedServer
) -> None:
    code, written = run(capsys, "some-vlm", NOVITA, "--base-url", server.base_url, "--timeout", 2)
    assert code == 4
    assert "there is no key" in written
    assert {seen.model for seen in server.seen if seen.is_chat} == {"some-vlm"}


# --- a route that does not


def test_a_wrong_key_is_told_by_list_and_question(
    capsys: pytest.CaptureFixture[str], server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VLM_API_KEY", "sk-another-one")
    code, found = checks(capsys, *at(server))
    assert (code, states(found)) == (4, ["ok", "ok", "ok", "failed", "failed"])
    assert all(check["hint"] for check in found.values() if check["state"] == "failed")


def test_a_missing_key_leaves_name_and_connection_to_check(
    capsys: pytest.CaptureFixture[str], server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VLM_API_KEY")
    code, found = checks(capsys, NOVITA, "--base-url", server.base_url)
    assert (code, states(found)) == (4, ["failed", "ok", "ok", "skipped", "skipped"])
    assert server.requests == 0


@pytest.mark.parametrize(
    "host",
    [
        pytest.param("no-such-host.invalid", id="unknown"),
        pytest.param("b\u00fccher.invalid", id="with-an-umlaut"),
        pytest.param("ex..ample", id="no-name-at-all"),
    ],
)
def test_a_name_that_nobody_knows_ends_it(capsys: pytest.CaptureFixture[str], host: str) -> None:
    code, found = checks(capsys, "m", "--base-url", f"https://{host}/v1")
    assert (code, states(found)) == (1, ["ok", "failed", "skipped", "skipped", "skipped"])


def test_a_port_where_nobody_listens_ends_it(capsys: pytest.CaptureFixture[str], free_port: int) -> None:
    code, found = checks(capsys, "m", "--base-url", f"http://127.0.0.1:{free_port}/v1")
    assert (code, states(found)) == (1, ["ok", "ok", "failed", "skipped", "skipped"])
    assert str(free_port) in found["connection"]["said"]


def test_https_where_http_is_spoken_is_told(
    capsys: pytest.CaptureFixture[str], server: ScriptedServer
) -> None:
    code, found = checks(capsys, "some-vlm", "--base-url", server.base_url.replace("http:", "https:"))
    assert (code, found["connection"]["state"]) == (1, "failed")
    assert "https" in found["connection"]["hint"]


def test_behind_a_proxy_name_and_connection_are_the_proxys_affair(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedServer(api_key="", models=["some-vlm"]) as server:
        server.say("Red.")
        monkeypatch.setenv("http_proxy", server.base_url.removesuffix("/v1"))
        code, found = checks(capsys, "some-vlm", "--base-url", "http://lab.example/v1")
    assert (code, states(found)) == (0, ["ok", "skipped", "skipped", "ok", "ok"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(("novta:m",), "novita", id="provider-misspelt"),
        pytest.param(("--base-url", "http://127.0.0.1:9"), "without a route", id="no-route"),
        pytest.param(("m", "--base-url", "ftp://host"), "base_url", id="no-http"),
    ],
)
def test_a_wrong_command_is_told_before_anything_is_checked(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    code, written = run(capsys, *arguments)
    assert code == 2
    assert words in written
    assert "versions" not in written


# --- servers that list their models otherwise, or not


class _Once:
    """A server that answers each request with the same bytes, and hands on what it was asked."""

    def __init__(self, answer: bytes, context: ssl.SSLContext | None = None) -> None:
        self.asked: list[bytes] = []
        self._answer, self._context = answer, context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> _Once:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client:
                self._talk(client)

    def _talk(self, client: socket.socket) -> None:
        try:
            with self._context.wrap_socket(client, server_side=True) if self._context else client as talk:
                if asked := talk.recv(65536):
                    self.asked.append(asked)
                    talk.sendall(self._answer)
        except OSError:
            return


def http(status: str, body: bytes = b"", *headers: str) -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers])
    return f"{head}\r\n\r\n".encode() + body


@pytest.mark.parametrize(
    ("answer", "state", "said"),
    [
        pytest.param(http("404 No"), "ok", "there is no list (404)", id="none"),
        pytest.param(http("403 No"), "ok", "there is no list (403)", id="not-for-this-key"),
        pytest.param(http("200 OK", b"<html>"), "ok", "there is no list", id="web-page"),
        pytest.param(http("200 OK", b"[" * 100_000), "ok", "there is no list", id="nested-too-deep"),
        pytest.param(http("200 OK", b'{"data": [1, {"id": 2}]}'), "ok", "there is no list", id="no-ids"),
        pytest.param(http("200 OK", b'[{"id": "some-vlm"}]'), "ok", "one of 1", id="bare-list"),
        pytest.param(http("200 OK", b'{"data": [{"id": "x"}]}'), "ok", "is not among", id="another"),
        pytest.param(http("302 Found", b"", "Location: /v2/models"), "failed", "elsewhere", id="redirect"),
        pytest.param(http("503 Down"), "failed", "503", id="down"),
        pytest.param(b"\x00\x01 no http\r\n\r\n", "failed", "the request failed", id="no-http"),
        pytest.param(b"", "failed", "the request failed", id="silence"),
    ],
)
def test_a_list_is_told_in_whatever_shape_it_comes(
    capsys: pytest.CaptureFixture[str], answer: bytes, state: str, said: str
) -> None:
    with _Once(answer) as server:
        _, found = checks(capsys, "some-vlm", "--base-url", f"http://127.0.0.1:{server.port}/v1")
    assert found["models"]["state"] == state
    assert said in found["models"]["said"]


def test_a_redirect_is_not_followed(capsys: pytest.CaptureFixture[str], server: ScriptedServer) -> None:
    elsewhere = http("302 Found", b"", f"Location: {server.base_url}/models")
    with _Once(elsewhere) as first:
        run(capsys, "some-vlm", "--base-url", f"http://127.0.0.1:{first.port}/v1")
        assert any(KEY.encode() in asked for asked in first.asked)
    assert server.requests == 0


def test_a_certificate_that_nobody_vouches_for_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=localhost",
        "-days",
        "1",
    ]
    try:
        subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no openssl to make a certificate with")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with _Once(b"", context) as server:
        code, found = checks(capsys, "m", "--base-url", f"https://localhost:{server.port}/v1")
    assert (code, states(found)) == (1, ["ok", "ok", "failed", "skipped", "skipped"])
    assert "certificate" in found["connection"]["said"]
    assert "SSL_CERT_FILE" in found["connection"]["hint"]
