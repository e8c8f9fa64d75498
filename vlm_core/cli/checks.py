"""What can be checked of a route, one step after the other: key, name, connection, models, a picture.

The steps are those of two real requests, which go the way of every other: one for the list of models, whose
errors name what is wrong with the name or the connection, and one question about a picture.
"""

from __future__ import annotations

import json
import re
import struct
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

from vlm_core.catalog.keys import find_key, key_state
from vlm_core.catalog.routes import Endpoint
from vlm_core.client import VLMClient
from vlm_core.errors import AuthenticationFailed, MissingKeyError, QuotaExhausted, VLMError
from vlm_core.option_names import did_you_mean
from vlm_core.secret import Secret
from vlm_core.wire.error_mapping import UNKNOWN_HOST
from vlm_core.wire.transport import Transport

_LIST_BYTES = 2**24
# One word is asked for; a model that thinks aloud needs some room before it.
_ANSWER_TOKENS = 512
_RED = re.compile(r"\bred\b|#f00\b|#ff0000\b|\b255, ?0, ?0\b", re.IGNORECASE)
_SHOWN = 60  # characters of what a model says
_KEY_ERRORS = (MissingKeyError, AuthenticationFailed, QuotaExhausted)
_PROXY_HINT = "The variables HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY say which."


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
    trace = _Trace(urlsplit(endpoint.base_url).hostname or "", sends=key_check.state == "ok")
    listing = _list_models(replace(endpoint, api_key=key), trace, patience.step)
    name, connection = _name_and_connection(endpoint, trace, listing)
    yield name
    yield connection
    if name.state == "failed" or connection.state == "failed" or listing is None:
        missing = (
            "name" if name.state == "failed" else "connection" if connection.state == "failed" else "key"
        )
        yield from (Check(step, "skipped", f"no {missing}") for step in ("models", "image"))
        return
    yield _models(listing, endpoint, key)
    yield _image(endpoint, key, client, patience.answer)


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


def _failed(name: str, error: VLMError, said: str = "") -> Check:
    return Check(name, "failed", said or error.message, error.hint, about_key=isinstance(error, _KEY_ERRORS))


# --- the request for the list of models ----------------------------------------------------------

# The status and the body of the answer, or the error in its place; None where nothing was sent.
_Listing: TypeAlias = "tuple[int, bytes] | VLMError | None"


class _NothingSent(Exception):  # noqa: N818  it is not an error
    """The connection works; without a key no request is sent."""


@dataclass
class _Trace:
    """How far a request has come: httpcore tells of each of its steps."""

    host: str
    sends: bool
    """Whether the request is sent; else only the connection is made."""
    address: str = ""
    """To which the name led."""
    tls_version: str = ""
    uses_proxy: bool = False
    is_connected: bool = False

    def note(self, step: str, facts: Mapping[str, Any]) -> None:
        """Note a step.

        Raises:
            _NothingSent: the next step would send the request.
        """
        if step.endswith("connect_tcp.started"):
            # The HTTP library chooses the proxy. Its address may hold a password, and is never shown.
            self.uses_proxy = facts["host"].strip("[]") not in (self.host, _in_ascii(self.host))
        elif step.endswith("connect_tcp.complete"):
            self.address = str(facts["return_value"].get_extra_info("server_addr")[0])
        elif step.endswith("start_tls.complete"):
            self.tls_version = facts["return_value"].get_extra_info("ssl_object").version()
        elif step.endswith("send_request_headers.started"):
            self.is_connected = True
            if not self.sends:
                raise _NothingSent


def _in_ascii(host: str) -> str:
    """A host's name as it is looked up."""
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host


def _list_models(endpoint: Endpoint, trace: _Trace, seconds: float) -> _Listing:
    with closing(Transport()) as transport:
        try:
            response = transport.get(endpoint, "/models", seconds, trace.note)
            body = b""
            # A server of whatever kind answers here, and may send without end.
            while len(body) < _LIST_BYTES and (piece := transport.read(response)):
                body += piece
            transport.release(response)
            return response.status, body
        except _NothingSent:
            return None
        except VLMError as error:
            return error


def _name_and_connection(endpoint: Endpoint, trace: _Trace, listing: _Listing) -> tuple[Check, Check]:
    """What the request has shown of the two."""
    if trace.uses_proxy:
        by_proxy = Check("name", "skipped", "it goes through a proxy", _PROXY_HINT)
        return by_proxy, replace(by_proxy, name="connection")
    parts = urlsplit(endpoint.base_url)
    place = f"{trace.host}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
    if not trace.is_connected and isinstance(listing, VLMError):
        words = listing.message.removeprefix(f"{endpoint.route}: ")
        if words == UNKNOWN_HOST:
            return _failed("name", listing, f"{trace.host}: {words}"), Check(
                "connection", "skipped", "no name"
            )
        return Check("name", "ok", trace.host), _failed("connection", listing, f"{place}: {words}")
    name = Check(
        "name", "ok", trace.host if trace.address == trace.host else f"{trace.host} is {trace.address}"
    )
    if not trace.tls_version:
        return name, Check("connection", "ok", f"{place}, by http: nothing is encrypted")
    return name, Check("connection", "ok", f"{place}, {trace.tls_version}, its certificate is valid")


def _models(listing: tuple[int, bytes] | VLMError, endpoint: Endpoint, key: Secret | None) -> Check:
    if isinstance(listing, VLMError):
        words = listing.message.removeprefix(f"{endpoint.route}: ")
        return _failed("models", listing, f"the request failed: {words}")
    status, body = listing
    if status != 200:
        return _no_list(status)
    ids = _ids(body)
    return _found_in(ids, endpoint.model, key) if ids else Check("models", "ok", "there is no list")


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
    near = _bounded(did_you_mean(model, ids, most=3, alike=0.5), key, 220)
    hint = near or "Look for its id in the provider's list."
    # It is not a failure yet, for some lists are not complete: the question decides.
    return Check("models", "ok", f"{model} is not among the {len(ids)} that are listed", hint)


# --- a picture ---------------------------------------------------------------------------------


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
    # A refusal is an answer, too: it tells why the picture was not looked at.
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
