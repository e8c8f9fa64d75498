"""Downloads against real sockets on loopback; the names and the routes to them are scripted."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from vlm_core.errors import InputError, UnsafeURLError
from vlm_core.images.download import download

Answer = bytes | Callable[[socket.socket, threading.Event], None]

PUBLIC, OTHER, PRIVATE = "93.184.216.34", "93.184.216.35", "10.0.0.1"
OK = b"HTTP/1.1 200 OK\r\n"
SCAN = OK + b"Content-Length: 4\r\n\r\nscan"


def redirect(to: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()


def drip(head: bytes, drop: bytes) -> Answer:
    """Send `head`, then a drop every 20 ms until the client leaves or the test ends."""

    def answer(client: socket.socket, over: threading.Event) -> None:
        client.sendall(head)
        while not over.wait(0.02):
            client.sendall(drop)

    return answer


class Server:
    """Answers one connection after the other from a script; the last answer is repeated."""

    def __init__(self, *answers: Answer, tls: ssl.SSLContext | None = None, greeting: bytes = b"") -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []
        self._tls, self._greeting = tls, greeting
        self._over = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            client, _ = self._socket.accept()
            with client, contextlib.suppress(OSError):
                if self._over.is_set():
                    return
                self._talk(client)

    def _talk(self, plain: socket.socket) -> None:
        with self._tls.wrap_socket(plain, server_side=True) if self._tls else plain as client:
            client.sendall(self._greeting)
            with client.makefile("rb") as lines:
                self.requests.append(b"".join(takewhile(bytes.strip, lines)))
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if callable(answer):
                answer(client, self._over)
            else:
                client.sendall(answer)

    def close(self) -> None:
        self._over.set()
        with self._socket:
            with contextlib.suppress(OSError), socket.socket() as last:
                _real_connect(last, ("127.0.0.1", self.port))
            self._thread.join()


_real_connect = socket.socket.connect


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    with contextlib.ExitStack() as stack:

        def start(*answers: Answer, **options: Any) -> Server:
            server = Server(*answers, **options)
            stack.callback(server.close)
            return server

        yield start


class Internet:
    """Names and routes of our own making. Whatever address is dialled, the bytes stay on loopback."""

    def __init__(self) -> None:
        self.names: dict[str, list[list[str]]] = {}
        self.routes: dict[str, Server] = {}
        self.lookups: list[str] = []
        self.silent: set[str] = set()
        self.dialled: list[str] = []
        self.patience: list[float | None] = []

    def name(self, name: str, *answers: list[str]) -> None:
        """What a name resolves to, at the first look-up, the second, and so on."""
        self.names[name] = list(answers)

    def look_up(self, host: str, port: int, **_options: Any) -> list[tuple[Any, ...]]:
        self.lookups.append(host)
        if host not in self.names:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        answers = self.names[host]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    def connect(self, sock: socket.socket, address: tuple[str, int]) -> None:
        self.dialled.append(address[0])
        self.patience.append(sock.gettimeout())
        if address[0] in self.silent:
            raise TimeoutError
        if address[0] not in self.routes:
            raise ConnectionRefusedError
        _real_connect(sock, ("127.0.0.1", self.routes[address[0]].port))


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch) -> Internet:
    """scans.example has a public address, other.example another; no server listens there yet."""
    net = Internet()
    net.name("scans.example", [PUBLIC])
    net.name("other.example", [OTHER])
    monkeypatch.setattr(socket, "getaddrinfo", net.look_up)
    monkeypatch.setattr(socket.socket, "connect", lambda sock, address: net.connect(sock, address))
    return net


@pytest.fixture
def site(internet: Internet, serve: Callable[..., Server]) -> Callable[..., Server]:
    """Put a server behind scans.example."""

    def start(*answers: Answer) -> Server:
        internet.routes[PUBLIC] = serve(*answers)
        return internet.routes[PUBLIC]

    return start


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for scans.example, signed by itself, with its key in the same file."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl command to make a certificate with")
    path = tmp_path_factory.mktemp("tls") / "scans.example.pem"
    subprocess.run(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -batch"
        " -subj /CN=scans.example -addext subjectAltName=DNS:scans.example"
        f" -keyout {path} -out {path}.crt".split(),
        check=True,
        capture_output=True,
    )
    path.write_bytes(path.read_bytes() + Path(f"{path}.crt").read_bytes())
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))


# what comes back


@pytest.mark.parametrize(
    "answer",
    [
        SCAN,
        OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\ns\r\n3;x=y\r\ncan\r\n0\r\nTrailer: 1\r\n\r\n",
        OK + b"\r\nscan",
        b"HTTP/1.0 200\r\n\r\nscan",
        b"HTTP/1.1 100 Continue\r\n\r\n" + SCAN,
        OK + b"Content-Encoding: Identity\r\nContent-Length: 4\r\n\r\nscan",
    ],
    ids=["length", "chunked", "until closed", "http/1.0", "after 100", "identity"],
)
def test_body_comes_back_whole(site: Callable[..., Server], answer: bytes) -> None:
    site(answer)
    assert download("http://scans.example/a.png") == b"scan"


def test_body_of_many_blocks_comes_back_whole(site: Callable[..., Server]) -> None:
    body = bytes(range(256)) * 4_000
    site(OK + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert download("http://scans.example/a.png") == body


def test_request_names_the_real_host_and_wants_no_compression(site: Callable[..., Server]) -> None:
    server = site(SCAN)
    download("http://Scans.Example.:8080/a%20b?c=ü#d")
    lines = server.requests[0].decode().splitlines()
    assert lines[0] == "GET /a%20b?c=%C3%BC HTTP/1.1"
    assert {"Host: scans.example:8080", "Accept-Encoding: identity"} < set(lines)


def test_ipv6_address_stands_in_brackets_in_the_host_header(
    site: Callable[..., Server], internet: Internet
) -> None:
    internet.name("2606:4700::1111", [PUBLIC])
    server = site(SCAN)
    download("http://[2606:4700:0::1111]:8080/")
    assert b"Host: [2606:4700::1111]:8080\r\n" in server.requests[0]


def test_proxies_of_the_environment_are_not_used(
    site: Callable[..., Server], internet: Internet, monkeypatch: pytest.MonkeyPatch
) -> None:
    site(SCAN)
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    download("http://scans.example/")
    assert internet.dialled == [PUBLIC]


# which addresses are reached


def test_address_that_was_checked_is_the_one_dialled(site: Callable[..., Server], internet: Internet) -> None:
    site(SCAN)
    internet.name("scans.example", [PUBLIC], ["127.0.0.1"])
    assert download("http://scans.example/") == b"scan"
    assert (internet.lookups, internet.dialled) == (["scans.example"], [PUBLIC])


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["169.254.169.254"],
        ["::ffff:10.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["fe80::1%eth0"],
        [PUBLIC, PRIVATE],
        [PRIVATE, PUBLIC],
    ],
    ids=" ".join,
)
def test_name_with_one_private_address_is_not_dialled(internet: Internet, addresses: list[str]) -> None:
    internet.name("scans.example", addresses)
    with pytest.raises(UnsafeURLError):
        download("http://scans.example/")
    assert internet.dialled == []


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", "http://localhost/", "http://[::1]/", "file:///etc/passwd"]
)
def test_refused_url_is_not_even_looked_up(internet: Internet, url: str) -> None:
    with pytest.raises(UnsafeURLError):
        download(url)
    assert internet.lookups == []


def test_loopback_is_reached_where_asked_for(serve: Callable[..., Server]) -> None:
    assert download(f"http://127.0.0.1:{serve(SCAN).port}/", allow_private=True) == b"scan"


def test_a_file_is_refused_even_where_private_is_allowed() -> None:
    with pytest.raises(UnsafeURLError):
        download("file:///etc/passwd", allow_private=True)


def test_next_address_is_tried_where_the_first_refuses(
    site: Callable[..., Server], internet: Internet
) -> None:
    site(SCAN)
    internet.name("scans.example", [OTHER, PUBLIC])
    assert download("http://scans.example/") == b"scan"
    assert internet.dialled == [OTHER, PUBLIC]


# redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_followed(site: Callable[..., Server], status: int) -> None:
    server = site(redirect("/b?c=d", status), SCAN)
    assert download("http://scans.example/a") == b"scan"
    assert server.requests[1].startswith(b"GET /b?c=d HTTP/1.1\r\n")


def test_redirect_to_another_host_is_looked_up_anew(
    site: Callable[..., Server], internet: Internet, serve: Callable[..., Server]
) -> None:
    site(redirect("//other.example/b"))
    internet.routes[OTHER] = serve(SCAN)
    assert download("http://scans.example/a") == b"scan"
    assert internet.dialled == [PUBLIC, OTHER]


def test_bytes_of_a_redirect_outside_ascii_are_sent_back_unchanged(site: Callable[..., Server]) -> None:
    server = site(redirect("/größe 1"), SCAN)
    download("http://scans.example/")
    assert server.requests[1].startswith(b"GET /gr%C3%B6%C3%9Fe%201 HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "to",
    [
        "http://127.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:127.0.0.1]/",
        "http://localhost/",
        "http://2130706433/",
        "http://user:pass@other.example/",
        "http://other.example\\@127.0.0.1/",
        "//inside.example/",
        "file:///etc/passwd",
        "ftp://other.example/",
        "http://[::1",
    ],
)
def test_redirect_is_checked_like_the_first_url(
    site: Callable[..., Server], internet: Internet, to: str
) -> None:
    internet.name("inside.example", [PRIVATE])
    site(redirect(to))
    with pytest.raises(UnsafeURLError):
        download("http://scans.example/")
    assert internet.dialled == [PUBLIC]


def test_redirected_name_is_checked_at_each_look_up(site: Callable[..., Server], internet: Internet) -> None:
    internet.name("scans.example", [PUBLIC], [PRIVATE])
    site(redirect("/again"))
    with pytest.raises(UnsafeURLError):
        download("http://scans.example/")
    assert internet.dialled == [PUBLIC]


@pytest.mark.parametrize("allowed", [0, 1, 5])
def test_redirects_end_at_their_limit(site: Callable[..., Server], allowed: int) -> None:
    server = site(redirect("/again"))
    with pytest.raises(InputError, match=f"more than {allowed} redirects"):
        download("http://scans.example/", max_redirects=allowed)
    assert len(server.requests) == allowed + 1


def test_as_many_redirects_as_allowed_are_followed(site: Callable[..., Server]) -> None:
    site(redirect("/b"), redirect("/c"), SCAN)
    assert download("http://scans.example/", max_redirects=2) == b"scan"


def test_redirect_without_a_location_is_an_input_error(site: Callable[..., Server]) -> None:
    site(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n")
    with pytest.raises(InputError, match="where to"):
        download("http://scans.example/")


# TLS


@pytest.mark.usefixtures("trusted")
def test_certificate_is_checked_against_the_name_not_the_address(
    internet: Internet, serve: Callable[..., Server], tls: ssl.SSLContext
) -> None:
    asked: list[str | None] = []
    tls.sni_callback = lambda _sock, name, _context: asked.append(name)
    internet.routes[PUBLIC] = server = serve(SCAN, tls=tls)
    assert download("https://scans.example/") == b"scan"
    assert asked == ["scans.example"]
    assert b"Host: scans.example\r\n" in server.requests[0]


@pytest.mark.usefixtures("trusted")
def test_certificate_of_another_host_is_refused(
    internet: Internet, serve: Callable[..., Server], tls: ssl.SSLContext
) -> None:
    internet.routes[OTHER] = server = serve(SCAN, tls=tls)
    with pytest.raises(InputError, match="certificate"):
        download("https://other.example/")
    assert server.requests == []


def test_certificate_nobody_vouches_for_is_refused(
    internet: Internet, serve: Callable[..., Server], tls: ssl.SSLContext
) -> None:
    internet.routes[PUBLIC] = serve(SCAN, tls=tls)
    with pytest.raises(InputError, match="certificate"):
        download("https://scans.example/", allow_private=True)


def test_plain_http_behind_https_is_an_input_error(internet: Internet, serve: Callable[..., Server]) -> None:
    internet.routes[PUBLIC] = serve(SCAN, greeting=b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with pytest.raises(InputError, match="TLS"):
        download("https://scans.example/")


@pytest.mark.usefixtures("trusted")
def test_redirect_from_https_to_http_is_refused(
    internet: Internet, serve: Callable[..., Server], tls: ssl.SSLContext
) -> None:
    internet.routes[PUBLIC] = serve(redirect("HTTP://other.example/"), tls=tls)
    with pytest.raises(UnsafeURLError, match="without encryption"):
        download("https://scans.example/")
    assert internet.dialled == [PUBLIC]


@pytest.mark.usefixtures("trusted")
def test_redirect_from_http_to_https_is_followed(
    internet: Internet, serve: Callable[..., Server], tls: ssl.SSLContext
) -> None:
    internet.routes[OTHER] = serve(redirect("https://scans.example/"))
    internet.routes[PUBLIC] = serve(SCAN, tls=tls)
    assert download("http://other.example/") == b"scan"


# bounds


def test_body_of_exactly_the_limit_is_accepted(site: Callable[..., Server]) -> None:
    site(SCAN)
    assert download("http://scans.example/", max_bytes=4) == b"scan"


@pytest.mark.parametrize(
    "answer",
    [
        drip(OK + b"Content-Length: 5\r\n\r\n", b""),
        OK + b"Content-Length: 1" + b"0" * 30 + b"\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nscans\r\n0\r\n\r\n",
        OK + b"\r\nscans",
        drip(OK + b"\r\nscans", b""),
        drip(OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n", bytes(2**20)),
        drip(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"T: 1\r\n" * 2**17),
        drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2**15),
    ],
    ids=[
        "promised",
        "promised absurdly",
        "chunked",
        "until closed",
        "never closed",
        "chunk of -1",
        "trailers",
        "endless 100",
    ],
)
def test_body_over_the_limit_is_refused(site: Callable[..., Server], answer: Answer) -> None:
    site(answer)
    with pytest.raises(InputError, match="larger than the limit of 4 bytes"):
        download("http://scans.example/", max_bytes=4)


@pytest.mark.parametrize(
    "answer",
    [
        drip(b"", b""),
        drip(b"HTTP/1.1 ", b"2"),
        drip(OK + b"X: ", b"y"),
        drip(OK + b"\r\n", b"z"),
        drip(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nz\r\n"),
        drip(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
        drip(OK + b"Content-Length: 99\r\n\r\n", b""),
    ],
    ids=["silent", "status line", "headers", "body", "chunks", "chunk size", "stalled"],
)
def test_one_deadline_holds_over_a_slow_answer(site: Callable[..., Server], answer: Answer) -> None:
    site(answer)
    began = time.monotonic()
    with pytest.raises(InputError, match="in the time allowed"):
        download("http://scans.example/", timeout=0.4)
    assert time.monotonic() - began < 0.8


def test_one_deadline_holds_over_all_redirects(site: Callable[..., Server]) -> None:
    def slow(client: socket.socket, over: threading.Event) -> None:
        over.wait(0.1)
        client.sendall(redirect("/again"))

    site(slow)
    began = time.monotonic()
    with pytest.raises(InputError, match="in the time allowed"):
        download("http://scans.example/", timeout=0.4, max_redirects=50)
    assert time.monotonic() - began < 0.8


def test_deadline_holds_over_a_look_up_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def hang(*_args: object, **_options: object) -> list[object]:
        over.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    began = time.monotonic()
    with pytest.raises(InputError, match="in the time allowed"):
        download("http://scans.example/", timeout=0.2)
    over.set()
    assert time.monotonic() - began < 0.4


def test_deadline_holds_over_a_handshake_that_hangs(internet: Internet, serve: Callable[..., Server]) -> None:
    internet.routes[PUBLIC] = serve(SCAN)
    with pytest.raises(InputError, match="in the time allowed"):
        download("https://scans.example/", timeout=0.2)


def test_dead_first_address_leaves_time_for_the_next(site: Callable[..., Server], internet: Internet) -> None:
    site(SCAN)
    internet.name("scans.example", [OTHER, PUBLIC])
    internet.silent.add(OTHER)
    assert download("http://scans.example/", timeout=30) == b"scan"
    assert internet.patience[0] <= 15


def test_no_time_at_all_is_an_input_error(internet: Internet) -> None:
    with pytest.raises(InputError, match="in the time allowed"):
        download("http://scans.example/", timeout=0)
    assert internet.dialled == []


# failures, each told as an InputError with a hint


@pytest.mark.parametrize(
    "status", [201, 204, 206, 300, 304, 400, 401, 403, 404, 410, 418, 429, 500, 503, 999]
)
def test_other_status_is_an_input_error_that_names_it(site: Callable[..., Server], status: int) -> None:
    site(b"HTTP/1.1 %d \r\nContent-Length: 0\r\n\r\n" % status)
    with pytest.raises(InputError, match=f"status {status}") as caught:
        download("http://scans.example/")
    assert caught.value.hint


@pytest.mark.parametrize("encoding", [b"gzip", b"br", b"identity, gzip", b"GZIP"])
def test_compressed_body_is_refused(site: Callable[..., Server], encoding: bytes) -> None:
    site(OK + b"Content-Encoding: " + encoding + b"\r\nContent-Length: 4\r\n\r\nscan")
    with pytest.raises(InputError, match="compressed"):
        download("http://scans.example/")


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Content-Length: 5\r\n\r\nscan",
        OK + b"Content-Length: 5\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nscan",
        OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nscan\r\n",
    ],
    ids=["in the body", "before the body", "in a chunk", "between chunks"],
)
def test_short_body_is_an_input_error(site: Callable[..., Server], answer: bytes) -> None:
    site(answer)
    with pytest.raises(InputError, match="cut short"):
        download("http://scans.example/")


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x16\x03\x01\x02\x00",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        OK + b"X: 1\r\n" * 200 + b"\r\n",
        OK + b"X: " + b"y" * 70_000 + b"\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nscan",
        OK + b"Transfer-Encoding: chunked\r\n\r\n-" + b"f" * 40 + b"\r\nscan",
    ],
    ids=[
        "ssh",
        "tls",
        "http/2",
        "no status",
        "many headers",
        "long header",
        "chunk of -5",
        "chunk of minus a lot",
    ],
)
def test_what_is_no_http_is_an_input_error(site: Callable[..., Server], answer: bytes) -> None:
    site(answer)
    with pytest.raises(InputError, match="not an HTTP server"):
        download("http://scans.example/")


def test_closed_without_an_answer_is_an_input_error(site: Callable[..., Server]) -> None:
    site(b"")
    with pytest.raises(InputError, match="broke the connection off"):
        download("http://scans.example/")


def test_refused_connection_is_an_input_error(internet: Internet) -> None:
    with pytest.raises(InputError, match="refused the connection"):
        download("http://scans.example/")
    assert internet.dialled == [PUBLIC]


@pytest.mark.usefixtures("internet")
def test_unknown_name_is_an_input_error() -> None:
    with pytest.raises(InputError, match="looked up"):
        download("http://nowhere.example/")


def test_name_without_an_address_is_an_input_error(internet: Internet) -> None:
    internet.name("scans.example", [])
    with pytest.raises(InputError, match="cannot be reached"):
        download("http://scans.example/")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 404 \r\n\r\n",
        redirect("/c?token=s3cret"),
        redirect("http://u:s3cret@other.example/"),
        redirect("http://u:s3cret@[::1"),
        redirect("http://127.0.0.1/?token=s3cret"),
        OK + b"Content-Length: 9\r\n\r\nscan",
        b"SSH-2.0\r\n",
    ],
)
def test_failure_shows_no_secret(site: Callable[..., Server], answer: bytes) -> None:
    site(answer)
    with pytest.raises(InputError) as caught:
        download("http://scans.example/a?token=s3cret#s3cret")
    assert "s3cret" not in f"{caught.value}{caught.value.__cause__!r}"


def test_failure_shows_host_and_path(site: Callable[..., Server]) -> None:
    site(b"HTTP/1.1 404 \r\n\r\n")
    with pytest.raises(InputError, match=r"^http://scans\.example/a/b\.png: "):
        download("http://scans.example/a/b.png?c=d")


def test_private_address_of_a_name_is_not_shown(internet: Internet) -> None:
    internet.name("scans.example", [PRIVATE])
    with pytest.raises(UnsafeURLError) as caught:
        download("http://scans.example/")
    assert PRIVATE not in str(caught.value)


answers = st.lists(
    st.sampled_from(
        [
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.0 ",
            b"302 Found\r\n",
            b"Location: /\r\n",
            b"Location: http://[\r\n",
            b"Content-Length: 3\r\n",
            b"Content-Length: -1\r\n",
            b"Transfer-Encoding: chunked\r\n",
            b"Content-Encoding: gzip\r\n",
            b"\r\n",
            b"3\r\nabc\r\n",
            b"0\r\n",
            b"-1\r\n",
            b"ffffffffffffffffffff\r\n",
            b" folded\r\n",
        ]
    )
    | st.binary(max_size=8),
    max_size=8,
).map(b"".join)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answer=answers)
@example(answer=OK + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n")
def test_any_answer_is_a_body_or_an_input_error(
    site: Callable[..., Server], internet: Internet, answer: bytes
) -> None:
    server = internet.routes.get(PUBLIC) or site(answer)
    server.answers = [answer]
    try:
        body = download("http://scans.example/", timeout=5, max_bytes=100, max_redirects=2)
    except InputError:
        return
    assert len(body) <= 100
