"""What can be checked of a route, one step after the other: key, name, connection, models, a picture."""

from __future__ import annotations

import json
import re
import socket
import ssl
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from http.client import HTTPException
from typing import Any, Literal, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPRedirectHandler,
    HTTPSHandler,
    ProxyHandler,
    Request,
    build_opener,
    getproxies,
    proxy_bypass,
)

from vlm_core.catalog.keys import find_key, key_state
from vlm_core.catalog.routes import Endpoint
from vlm_core.catalog.schema import Quirk
from vlm_core.client import VLMClient
from vlm_core.errors import AuthenticationFailed, MissingKeyError, QuotaExhausted, VLMError
from vlm_core.secret import Secret
from vlm_core.wire.transport import by_proxy

_LIST_BYTES = 2**24
_ANSWER_TOKENS = 512
"""One word is asked for; a model that thinks aloud needs some room before it."""
_RED = re.compile(r"\bred\b|#f00\b|#ff0000\b|\b255, ?0, ?0\b", re.IGNORECASE)
_SHOWN = 60  # characters of what a model says
_Result = TypeVar("_Result")
_KEY_ERRORS = (MissingKeyError, AuthenticationFailed, QuotaExhausted)
_FIREWALL = "Check the network, the firewall and the port."


@dataclass(frozen=True)
class Check:
    """What was looked at, and what came of it."""

    name: str
    state: Literal["ok", "failed", "skipped", "?"]
    said: str
    hint: str = ""
    """What to do about it."""
    about_key: bool = False
    """Whether it failed for want of a key that is accepted, or of credit."""


@dataclass(frozen=True)
class Patience:
    """How long to wait, in seconds."""

    step: float = 10.0
    """For a name, a connection, the list of models: each."""
    answer: float = 60.0
    """For what the model says."""


def checks_of(endpoint: Endpoint, client: VLMClient, patience: Patience) -> Iterator[Check]:
    """Check a route, as far as it goes: what a failure makes pointless is skipped.

    Args:
        endpoint: the route, as it was looked up.
        client: asks that route.
        patience: how long to wait.
    """
    key_check, key = _key(endpoint)
    yield key_check
    obstacle = ""
    for check, name in ((_name, "name"), (_connection, "connection")):
        found = Check(name, "skipped", obstacle) if obstacle else check(endpoint, patience.step)
        yield found
        obstacle = f"no {name}" if found.state == "failed" else obstacle
    obstacle = obstacle or ("no key" if key_check.state == "failed" else "")
    if obstacle:
        yield from (Check(name, "skipped", obstacle) for name in ("models", "image"))
        return
    yield _models(endpoint, key, patience.step)
    yield _image(endpoint, key, client, patience.answer)


# --- without the network


def _key(endpoint: Endpoint) -> tuple[Check, Secret | None]:
    try:
        key = find_key(endpoint)
    except VLMError as error:
        return _failed("key", error), None
    if key is None:
        return Check("key", "ok", "none is set, and none is needed"), None
    variable = key_state(endpoint.provider).variable
    where = "as it was given" if endpoint.api_key else f"in {variable}"
    return Check("key", "ok", f"found {where}"), key


def _failed(name: str, error: VLMError) -> Check:
    return Check(name, "failed", error.message, error.hint, about_key=isinstance(error, _KEY_ERRORS))


# --- the network


def _within(seconds: float, action: Callable[[], _Result]) -> _Result:
    """What an action gives, in time; the look-up of a name has no timeout of its own.

    Raises:
        TimeoutError: it took longer, and is left to itself.
    """
    results: list[_Result] = []
    failures: list[Exception] = []

    def act() -> None:
        try:
            results.append(action())
        except Exception as error:  # noqa: BLE001  it is raised again, where it is waited for
            failures.append(error)

    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    thread.join(seconds)
    if failures:
        raise failures[0]
    if not results:
        raise TimeoutError
    return results[0]


def _address(endpoint: Endpoint) -> tuple[str, int]:
    parts = urlsplit(endpoint.base_url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _proxy(endpoint: Endpoint) -> str | None:
    """The proxy that requests go through. It may hold a password, and is never shown."""
    parts = urlsplit(endpoint.base_url)
    proxies = getproxies() if by_proxy(endpoint.base_url) else {}
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return proxy if proxy and not proxy_bypass(parts.netloc) else None


def _by_proxy(name: str) -> Check:
    hint = "The variables HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY say which."
    return Check(name, "skipped", "it goes through a proxy", hint)


def _name(endpoint: Endpoint, seconds: float) -> Check:
    if _proxy(endpoint):
        return _by_proxy("name")
    host, port = _address(endpoint)
    try:
        found = _within(seconds, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except TimeoutError:
        return Check("name", "failed", f"no answer for {host} in {seconds:g} s", "Check the network's DNS.")
    except (OSError, UnicodeError):
        hint = "Check the spelling of the base_url, and the network."
        return Check("name", "failed", f"{host} cannot be looked up", hint)
    addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
    said = host if addresses == [host] else f"{host} is {', '.join(addresses[:3])}"
    return Check("name", "ok", said)


def _connection(endpoint: Endpoint, seconds: float) -> Check:
    if _proxy(endpoint):
        return _by_proxy("connection")
    host, port = _address(endpoint)
    try:
        return Check("connection", "ok", _within(seconds, lambda: _connect(endpoint, seconds)))
    except ssl.SSLCertVerificationError as error:
        said = f"the certificate of {host} is not valid: {error.verify_message}"
        hint = "An authority of your own is named by the variable SSL_CERT_FILE; else check clock and host."
        return Check("connection", "failed", said, hint)
    except ssl.SSLError as error:
        said = f"no TLS with {host}:{port} ({error.reason})"
        return Check("connection", "failed", said, "Check that this port speaks https, and not http.")
    except TimeoutError:
        return Check("connection", "failed", f"no connection to {host}:{port} in {seconds:g} s", _FIREWALL)
    except OSError as error:
        return Check("connection", "failed", f"{host}:{port}: {error.strerror or error}", _FIREWALL)


def _connect(endpoint: Endpoint, seconds: float) -> str:
    host, port = _address(endpoint)
    with socket.create_connection((host, port), seconds) as plain:
        if urlsplit(endpoint.base_url).scheme == "http":
            return f"{host}:{port}, by http: nothing is encrypted"
        with ssl.create_default_context().wrap_socket(plain, server_hostname=host) as secure:
            return f"{host}:{port}, {secure.version()}, its certificate is valid"


# --- the list of models


class _NoRedirect(HTTPRedirectHandler):
    """Redirects stay answers, for the key is not to follow them."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _models(endpoint: Endpoint, key: Secret | None, seconds: float) -> Check:
    if not (_proxy(endpoint) or "http").startswith("http"):
        return Check("models", "skipped", "only http proxies are tried for this")
    try:
        status, body = _within(seconds, lambda: _get_list(endpoint, key, seconds))
    except TimeoutError:
        return Check("models", "failed", f"no list in {seconds:g} s", "Try again, or raise --timeout.")
    except (OSError, HTTPException) as error:
        reason = error.reason if isinstance(error, URLError) else error
        return Check("models", "failed", f"the request failed ({type(reason).__name__})", _FIREWALL)
    if status != 200:
        return _no_list(status)
    ids = _ids(body)
    return _found_in(ids, endpoint.model, key) if ids else Check("models", "ok", "there is no list")


def _get_list(endpoint: Endpoint, key: Secret | None, seconds: float) -> tuple[int, bytes]:
    proxy = _proxy(endpoint)
    scheme = urlsplit(endpoint.base_url).scheme
    opener = build_opener(
        ProxyHandler({scheme: proxy} if proxy else {}),
        HTTPSHandler(context=ssl.create_default_context()),
        _NoRedirect,
    )
    request = Request(f"{endpoint.base_url}/models", headers=_headers(endpoint, key))  # noqa: S310  http(s) only
    try:
        with opener.open(request, timeout=seconds) as answer:
            return answer.status, answer.read(_LIST_BYTES)
    except HTTPError as refusal:
        with refusal:
            return refusal.code, b""


def _headers(endpoint: Endpoint, key: Secret | None) -> dict[str, str]:
    headers = {"User-Agent": "vlm-adapters", "Accept": "application/json"}
    if key and Quirk.API_KEY_HEADER in endpoint.quirks:
        headers["api-key"] = key.reveal()
    elif key:
        headers["Authorization"] = f"Bearer {key.reveal()}"
    return headers


def _no_list(status: int) -> Check:
    if status == 401:
        return Check("models", "failed", "the key was refused (401)", "Check the key.", about_key=True)
    if 300 <= status < 400:
        return Check("models", "failed", f"the server points elsewhere ({status})", "Check the base_url.")
    if status in (408, 429) or (status >= 500 and status != 501):
        return Check("models", "failed", f"the server answered {status}", "Try again later.")
    return Check("models", "ok", f"there is no list ({status})")


def _ids(body: bytes) -> list[str]:
    """The models in an answer, which is `{"data": [{"id": ...}]}` or only the inner list."""
    try:
        listed = json.loads(body)
    except (ValueError, RecursionError):
        return []
    rows = listed.get("data") if isinstance(listed, dict) else listed
    names = (row.get("id") for row in rows if isinstance(row, dict)) if isinstance(rows, list) else ()
    return [name for name in names if isinstance(name, str)]


def _found_in(ids: list[str], model: str, key: Secret | None) -> Check:
    if model in ids:
        return Check("models", "ok", f"{model} is one of {len(ids)}")
    lower = {name.lower(): name for name in ids}
    near = " or ".join(lower[name] for name in get_close_matches(model.lower(), lower, cutoff=0.5))
    hint = f"Did you mean {_bounded(near, key, 200)}?" if near else "Look for its id in the provider's list."
    # It is not a failure yet, for some lists are not complete: the question decides.
    return Check("models", "ok", f"{model} is not among the {len(ids)} that are listed", hint)


# --- a picture


def _image(endpoint: Endpoint, key: Secret | None, client: VLMClient, seconds: float) -> Check:
    parts = [
        {"type": "image", "image": red_square()},
        {"type": "text", "text": "Which colour is this? Answer with one word."},
    ]
    began = time.monotonic()
    try:
        answer = client.chat([{"role": "user", "content": parts}], max_tokens=_ANSWER_TOKENS, timeout=seconds)
    except VLMError as error:
        return _failed("image", error)
    text = answer.text or answer.refusal or ""
    said = f'it answered "{_bounded(text, key, _SHOWN)}" in {time.monotonic() - began:.1f} s'
    if _RED.search(text):
        return Check("image", "ok", said)
    if endpoint.profile.ocr_dialect is not None:
        return Check("image", "?", said, "This model only reads text, and the picture is a red square.")
    return Check("image", "failed", said, "The picture is a red square. Check that this model sees pictures.")


def red_square(side: int = 64) -> bytes:
    """A PNG, all red.

    Args:
        side: in pixels.

    Example:
        >>> red_square()[:8], len(red_square()) < 200
        (b'\\x89PNG\\r\\n\\x1a\\n', True)
    """
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    pixels = zlib.compress((b"\0" + b"\xff\0\0" * side) * side)
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _bounded(text: str, key: Secret | None, longest: int) -> str:
    """What a stranger wrote, in one line, not longer than is of use, and without the key."""
    line = " ".join((key.hide_in(text) if key else text).split())
    return line if len(line) <= longest else f"{line[:longest]}…"
