"""Exceptions of the network to errors of ours, which hold nothing of the request.

The classes of the HTTP libraries go by name here: httpx and httpx2 spell them alike.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

from vlm_core.errors import ConnectionFailed, ProviderTimeout

UNKNOWN_HOST = "the host's name cannot be looked up"
_SPELLING = "Check the base_url's spelling and the network."
_BEFORE_SENDING = ("ConnectTimeout", "PoolTimeout")
# The first that is among the causes tells what happened and what to do.
_CAUSES: tuple[tuple[type[BaseException] | str, str, str], ...] = (
    (
        ssl.SSLCertVerificationError,
        "the server's certificate is not valid for this host",
        "Check the base_url; a certificate authority of your own is named by the variable SSL_CERT_FILE.",
    ),
    ("ProxyError", "the proxy refused", "Check the variables HTTPS_PROXY, ALL_PROXY and NO_PROXY."),
    (socket.gaierror, UNKNOWN_HOST, _SPELLING),
    (UnicodeError, UNKNOWN_HOST, _SPELLING),  # it cannot even be written as a name of the DNS
    (ConnectionRefusedError, "the server refused the connection", "Check the base_url's host and port."),
    (
        ssl.SSLError,
        "no TLS connection can be made",
        "Check that the base_url's port speaks https, and not http.",
    ),
    ("ConnectTimeout", "no connection in the time allowed", ""),
    ("PoolTimeout", "all connections were in use for the time allowed", "Lower max_concurrency."),
    (ConnectionResetError, "the server broke the connection off", ""),
    ("RemoteProtocolError", "the server broke the answer off, or sent what is not HTTP", ""),
    ("UnsupportedProtocol", "the base_url is neither http nor https", "Correct the base_url."),
)
_FOR_GOOD = (ssl.SSLCertVerificationError, "UnsupportedProtocol")
"""Those that stay as they are, however often one tries."""


def map_transport_error(error: BaseException, route: str) -> ConnectionFailed | ProviderTimeout:
    """What happened, by the exceptions that caused it.

    Args:
        error: what openai's client, httpx or httpx2 raised.
        route: what was asked, for the message.

    Example:
        >>> map_transport_error(ConnectionRefusedError(), "ollama:gemma3").message
        'ollama:gemma3: the server refused the connection'
    """
    chain = list(_chain(error))
    names = {kind.__name__ for link in chain for kind in type(link).__mro__}
    late = isinstance(error, TimeoutError) or any(name.endswith("TimeoutException") for name in names)
    if late and names.isdisjoint(_BEFORE_SENDING):
        return ProviderTimeout(f"{route}: no answer in the time allowed", route=route)
    for cause, what, hint in _CAUSES:
        if cause in names if isinstance(cause, str) else any(isinstance(link, cause) for link in chain):
            failed = ConnectionFailed(f"{route}: {what}", hint=hint, route=route)
            failed.is_passing = cause not in _FOR_GOOD
            return failed
    return ConnectionFailed(f"{route}: the connection failed ({type(chain[-1]).__name__})", route=route)


def read_timed_out(route: str) -> ProviderTimeout:
    """The error for an answer that was still coming when the time was over.

    Example:
        >>> read_timed_out("ollama:gemma3").may_be_billed
        True
    """
    return ProviderTimeout(f"{route}: the time was over before the answer was whole", route=route)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
