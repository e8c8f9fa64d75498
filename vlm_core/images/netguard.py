"""Which addresses a stranger's URL may reach. Pure: nothing here looks up a name or opens a socket.

A URL that a user or an agent hands in must not lead to this machine, its network or its
cloud's metadata service (server-side request forgery). `check_url` judges a URL as it is
written; `refusal` judges an address, and so each answer of a name look-up. Both are needed:
a name with nothing odd about it may point anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple
from urllib.parse import SplitResult, quote, urlsplit

from vlm_core.errors import UnsafeURLError

# The first match gives the reason. Sources: the IANA special-purpose address registries
# (RFC 6890 and its updates); for the metadata services, each vendor's documentation.
_REFUSED = tuple(
    (ip_network(network), reason)
    for reason, networks in {
        "cloud metadata service": (
            "169.254.169.254 169.254.170.2 169.254.170.23 fd00:ec2::254 fd00:ec2::23 "  # AWS; most clouds
            "fd20:ce::254 "  # Google
            "168.63.129.16 "  # Azure, a public address
            "100.100.100.200 "  # Alibaba
            "192.0.0.192 fd00:c1::a9fe:a9fe "  # Oracle
            "169.254.42.42 fd00:42::42 "  # Scaleway
            "169.254.0.23"  # Tencent
        ),
        "loopback": "127.0.0.0/8 ::1",
        "this machine": "0.0.0.0/8 ::",  # Linux connects 0.0.0.0 and :: to itself
        "private network": "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7 fec0::/10",
        "carrier's private network": "100.64.0.0/10",
        "link-local": "169.254.0.0/16 fe80::/10",
        "multicast": "224.0.0.0/4 ff00::/8",
        "documentation": "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 2001:db8::/32 3fff::/20",
        "benchmarking": "198.18.0.0/15 2001:2::/48",
        "local NAT64": "64:ff9b:1::/48",  # RFC 8215: where the IPv4 address stands is the site's choice
        "reserved": "192.0.0.0/24 192.88.99.0/24 240.0.0.0/4",
    }.items()
    for network in networks.split()
)

# All that is handed out of IPv6 (RFC 4291; 2001::/23 is for protocols, RFC 2928), and the
# two forms in which an ordinary IPv4 address reaches an IPv6 socket.
_PUBLIC_IPV6 = (
    *IPv6Network("2000::/3").address_exclude(IPv6Network("2001::/23")),
    IPv6Network("::ffff:0:0/96"),
    IPv6Network("64:ff9b::/96"),
)


class _Embedding(NamedTuple):
    """Where an IPv6 address (those with `value & mask == pattern`) holds an IPv4 address."""

    form: str
    mask: int
    pattern: int
    shift: int = 0
    flipped: int = 0


def _prefix(network: str) -> tuple[int, int]:
    parsed = IPv6Network(network)
    return int(parsed.netmask), int(parsed.network_address)


_EMBEDDINGS = (
    _Embedding("IPv4-mapped", *_prefix("::ffff:0:0/96")),  # RFC 4291
    _Embedding("IPv4-compatible", *_prefix("::/96")),  # RFC 4291
    _Embedding("IPv4-translated", *_prefix("::ffff:0:0:0/96")),  # RFC 2765
    _Embedding("NAT64", *_prefix("64:ff9b::/96")),  # RFC 6052
    _Embedding("6to4", *_prefix("2002::/16"), shift=80),  # RFC 3056
    _Embedding("Teredo", *_prefix("2001::/32"), shift=64),  # RFC 4380: the server,
    _Embedding("Teredo", *_prefix("2001::/32"), flipped=0xFFFFFFFF),  # and the client
    # RFC 5214: 0000:5efe or 0200:5efe before the address, under any prefix
    _Embedding("ISATAP", 0xFDFF_FFFF << 32, 0x0000_5EFE << 32),
)

# RFC 6761 (localhost), 6762 (local; appendix G for those in private use), 8375 (home.arpa).
_REFUSED_NAMES = {
    "metadata.google.internal": "cloud metadata service",
    "metadata.goog": "cloud metadata service",
    "localhost": "loopback",
    "localdomain": "loopback",
    "svc": "Kubernetes service",
} | dict.fromkeys(
    ("local", "internal", "intranet", "private", "corp", "home", "lan", "home.arpa"), "private network"
)

_DEFAULT_PORTS = {"http": 80, "https": 443}
_FORBIDDEN = re.compile(r"[\s\x00-\x20\x7f-\x9f\\\ud800-\udfff]")
_AUTHORITY = re.compile(r"(?P<host>\[[0-9a-f:.]+\]|[^\[\]:@%]+)(?::(?P<port>[0-9]{0,5}))?", re.IGNORECASE)
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# IDNA 2003 and 2008 make different hosts of these (RFC 5895, Unicode TS 46)
_AMBIGUOUS = frozenset("ßẞς\u200c\u200d")
_HOST_HINT = "Write the host as a name (xn--... if not ASCII), as four decimal numbers, or as [IPv6]."


class SplitURL(NamedTuple):
    """A checked URL, in the parts a connection needs.

    Example:
        >>> url = check_url("http://[2606:4700::1111]:8080/scan.png?page=2")
        >>> url.host, url.target, url.authority
        ('2606:4700::1111', '/scan.png?page=2', '[2606:4700::1111]:8080')
    """

    scheme: str
    """"http" or "https"."""
    host: str
    """A lower-case ASCII name without a trailing dot, or an IP address without brackets."""
    port: int
    target: str
    """Path and query as they go into the request line: ASCII, at least "/"."""

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them: IPv6 in brackets, no default port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def refusal(address: str) -> str | None:
    """Why an IP address may not be reached.

    An IPv6 address is no better than the IPv4 address inside it (IPv4-mapped, IPv4-compatible,
    IPv4-translated, NAT64, 6to4, Teredo, ISATAP).

    Args:
        address: IPv4 or IPv6, in its textual form, a zone id allowed.

    Returns:
        The reason in a few words, or None for an ordinary public address.

    Example:
        >>> refusal("169.254.169.254")
        'cloud metadata service'
        >>> refusal("64:ff9b::10.0.0.1")
        'private network, in a NAT64 address'
        >>> refusal("1.1.1.1") is None
        True
    """
    try:
        return _refusal(ip_address(address))
    except ValueError:
        return "not an IP address"


def _refusal(address: IPv4Address | IPv6Address) -> str | None:
    listed = next((reason for network, reason in _REFUSED if address in network), None)
    if listed or isinstance(address, IPv4Address):
        return listed
    for form, inner in _embedded(address):
        if reason := _refusal(inner):
            return f"{reason}, in a {form} address"
    return None if any(address in network for network in _PUBLIC_IPV6) else "reserved"


def _embedded(address: IPv6Address) -> Iterator[tuple[str, IPv4Address]]:
    value = int(address)
    for form, mask, pattern, shift, flipped in _EMBEDDINGS:
        if value & mask == pattern:
            yield form, IPv4Address(value >> shift & 0xFFFF_FFFF ^ flipped)


def check_url(url: str, *, allow_private: bool = False) -> SplitURL:
    """Parse a stranger's URL strictly, and refuse what must not be fetched.

    Spellings that two parsers may read differently are refused rather than guessed at:
    credentials, backslashes, white space, IPv4 addresses that are not four decimal numbers.

    Args:
        url: an absolute URL; characters outside ASCII are allowed in host, path and query.
        allow_private: let addresses and names of this machine and its network through.
            The scheme and the spelling are checked all the same.

    Returns:
        The URL in parts; the fragment is dropped. A name in it still has to be looked up,
        and every address found to pass `refusal`.

    Raises:
        UnsafeURLError: the URL is refused; the message shows neither credentials nor query.

    Example:
        >>> check_url("http://bücher.example:8080?page=2")
        SplitURL(scheme='http', host='xn--bcher-kva.example', port=8080, target='/?page=2')
        >>> check_url("http://2130706433/")
        Traceback (most recent call last):
        ...
        vlm_core.errors.UnsafeURLError: http://2130706433/: malformed host or port. \
Write the host as a name (xn--... if not ASCII), as four decimal numbers, or as [IPv6].
    """
    if _FORBIDDEN.search(url):
        raise unsafe(url, "white space, a control character or a backslash in it", "Percent-encode it.")
    parts = _split(url)
    if parts.scheme not in _DEFAULT_PORTS:
        raise unsafe(url, "neither http nor https", "Give a URL that begins with https:// or http://.")
    if "@" in parts.netloc:
        raise unsafe(url, "credentials in it", "Take out the user name and password before the host.")
    host, port = _host_and_port(url, parts)
    if not allow_private and (reason := _host_refusal(host)):
        raise unsafe(url, f"refused ({reason})")
    return SplitURL(parts.scheme, host, port, _target(parts))


def unsafe(url: str, reason: str, hint: str = "") -> UnsafeURLError:
    """The error for a URL that is refused.

    Args:
        url: the URL, shown without its secrets.
        reason: why it is refused.
        hint: what to do about it; without one, how to allow private addresses.

    Returns:
        The error, to be raised.

    Example:
        >>> unsafe("http://10.0.0.1/scan.png?token=s3cret", "refused (private network)").message
        'http://10.0.0.1/scan.png: refused (private network)'
    """
    return UnsafeURLError(f"{shown(url)}: {reason}", hint=hint)


def shown(url: str) -> str:
    """A URL as an error message may show it: scheme, host and path, 200 characters at most.

    Credentials and query may be secrets, as in a signed link. Where a URL is too odd to tell
    them apart, only its scheme is shown.

    Args:
        url: any text.

    Returns:
        What may be shown of it, all printable.

    Example:
        >>> shown("https://ann:pw@example.com/scan.png?signature=1f3a")
        'https://example.com/scan.png'
        >>> shown("data:image/png;base64,iVBORw0KGgo=")
        'data URL'
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return "URL"
    host = parts.netloc.rpartition("@")[2]
    if not _AUTHORITY.fullmatch(host):
        return f"{parts.scheme} URL".lstrip()
    text = f"{parts.scheme}://{host}{parts.path}"[:200]
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def percent_encoded(text: str, encoding: str = "utf-8") -> str:
    """A URL, or a part of one, with all that RFC 3986 does not allow in it percent-encoded.

    Args:
        text: what is percent-encoded in it already stays as it is.
        encoding: how a character becomes bytes.

    Returns:
        ASCII without white space.

    Example:
        >>> percent_encoded("/größe 1%2F2?page=2")
        '/gr%C3%B6%C3%9Fe%201%2F2?page=2'
    """
    return quote(text, safe="!#$%&'()*+,/:;=?@[]~", encoding=encoding)


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:  # its message would show credentials
        raise unsafe(url, "malformed", "Correct the URL.") from None


def _host_and_port(url: str, parts: SplitResult) -> tuple[str, int]:
    try:
        found = _AUTHORITY.fullmatch(parts.netloc)
        if not found:
            raise ValueError("neither host nor host:port")
        return _host(found["host"]), _port(found["port"] or _DEFAULT_PORTS[parts.scheme])
    except ValueError:
        raise unsafe(url, "malformed host or port", _HOST_HINT) from None


def _port(value: str | int) -> int:
    if not 0 < int(value) < 2**16:
        raise ValueError(value)
    return int(value)


def _host(text: str) -> str:
    """The one spelling of a host; ValueError where it has none."""
    if text.startswith("["):
        return str(IPv6Address(text[1:-1]))
    if not _AMBIGUOUS.isdisjoint(text):
        raise ValueError(text)
    name = text.encode("idna").decode("ascii").lower().removesuffix(".")
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):  # the C library reads 127.1, 0x7f.1 and 2130706433 as 127.0.0.1
        return str(IPv4Address(name))
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(text)
    return name


def _host_refusal(host: str) -> str | None:
    try:
        ip_address(host)
    except ValueError:
        return _name_refusal(host)
    return refusal(host)


def _name_refusal(name: str) -> str | None:
    dotted = f".{name}"
    listed = next((reason for end, reason in _REFUSED_NAMES.items() if dotted.endswith(f".{end}")), None)
    # a name without a dot is completed by the machine's own search domains
    return listed or (None if "." in name else "private network")


def _target(parts: SplitResult) -> str:
    query = f"?{parts.query}" if parts.query else ""
    return percent_encoded(f"{parts.path or '/'}{query}")
