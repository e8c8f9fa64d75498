"""Which addresses and URLs may be reached, as a table, and as properties against an oracle."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vlm_core.errors import UnsafeURLError
from vlm_core.images.netguard import check_url, percent_encoded, refusal, shown

REFUSED_ADDRESSES = {
    "cloud metadata service": [
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "169.254.42.42",
        "169.254.0.23",
        "168.63.129.16",
        "100.100.100.200",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
        "fd00:c1::a9fe:a9fe",
        "fd00:42::42",
        "::ffff:169.254.169.254",
        "::ffff:a83f:8110",
        "::169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b::168.63.129.16",
        "2002:a9fe:a9fe::1",
        "2a00:1450::5efe:169.254.169.254",
    ],
    "loopback": [
        "127.0.0.1",
        "127.0.0.0",
        "127.1.2.3",
        "127.255.255.255",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:7f00:1",
        "0:0:0:0:0:ffff:7f00:0001",
        "::127.0.0.1",
        "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2002:7f00:1:1::8.8.8.8",
        "2001:0:808:808::80ff:fffe",
        "2001:0:7f00:1::f7f7:f7f7",
        "2606:4700::5efe:7f00:1",
        "2606:4700::200:5efe:127.0.0.1",
        "2002:808:808::5efe:127.0.0.1",
    ],
    "this machine": ["0.0.0.0", "0.1.2.3", "::", "::ffff:0.0.0.0", "64:ff9b::", "2002::1"],
    "private network": [
        "10.0.0.1",
        "10.255.255.255",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.0.1",
        "192.168.255.255",
        "fc00::1",
        "fd12:3456:789a::1",
        "fec0::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:c0a8:1::1",
        "2a00:1450::5efe:192.168.1.1",
    ],
    "carrier's private network": ["100.64.0.1", "100.127.255.255", "::ffff:100.64.0.1"],
    "link-local": ["169.254.1.1", "fe80::1", "fe80::1%eth0", "febf::1", "fe80::5efe:8.8.8.8"],
    "multicast": ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1", "::ffff:224.0.0.1"],
    "documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
    "benchmarking": ["198.18.0.1", "198.19.255.255", "2001:2::1"],
    "local NAT64": ["64:ff9b:1::1", "64:ff9b:1:7f00:0:100::", "64:ff9b:1::8.8.8.8"],
    "reserved": [
        "192.0.0.1",
        "192.88.99.1",
        "240.0.0.1",
        "255.255.255.255",
        "::8.8.8.8",
        "::ffff:0:8.8.8.8",
        "2001:0:808:808::f7f7:f7f7",
        "2001:10::1",
        "2001:1ff:ffff::1",
        "100::1",
        "200::1",
        "4000::1",
        "5f00::1",
        "64:ff9b::1:0:0",
    ],
    "not an IP address": [
        "",
        "example.com",
        "127.1",
        "0177.0.0.1",
        "2130706433",
        "127.0.0.1/8",
        "[::1]",
        " ::1",
    ],
}

PUBLIC_ADDRESSES = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "168.63.129.15",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.167.255.255",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2606:4700:4700::1111",
    "2A00:1450:4001:0828:0000:0000:0000:2004",
    "::ffff:8.8.8.8",
    "::ffff:101:101",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
    "2a00:1450::5efe:8.8.8.8",
]

REFUSED_URLS = {
    "scheme": [
        "file:///etc/passwd",
        "file://localhost/etc/passwd",
        "ftp://example.com/scan.png",
        "gopher://example.com:70/_x",
        "data:image/png;base64,iVBORw0KGgo=",
        "javascript:alert(1)",
        "ws://example.com/",
        "//example.com/scan.png",
        "example.com/scan.png",
        "scan.png",
        "",
    ],
    "no-host": [
        "http://",
        "http:///scan.png",
        "https://:443/",
        "http:example.com",
        "http:/127.0.0.1/",
        "http://?a",
    ],
    "credentials": [
        "http://good@127.0.0.1/",
        "http://user:pass@example.com/",
        "http://@example.com/",
        "http://example.com@8.8.8.8/",
        "http://example.com:80@127.0.0.1:8080/",
        "https://a@b@example.com/",
    ],
    "characters": [
        "http://example.com\\@127.0.0.1/",
        "http://example.com\\.evil.example/",
        "http:\\\\127.0.0.1\\",
        " http://example.com/",
        "http://example.com/\n",
        "http://exam\tple.com/",
        "http://example.com/a b.png",
        "http://example.com/\r\nHost: 127.0.0.1",
        "http://example.com/\x00.png",
        "http://example.com/\x7f",
        "http://example.com/\x85",
        "http://example.com/\u2028",
        "http://example.com/\ud800",
        "\x01http://example.com/",
    ],
    "literal": [
        "http://127.0.0.1/",
        "http://127.0.0.1:8080/",
        "http://127.0.0.1./",
        "https://169.254.169.254/latest/meta-data/",
        "http://0.0.0.0/",
        "http://10.0.0.1:9200/_search",
        "http://[::1]/",
        "http://[::]:80/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::FFFF:7F00:1]/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://[64:ff9b::10.0.0.1]/",
        "http://[64:ff9b:1::10.0.0.1]/",
        "http://[fd00:ec2::254]/latest/meta-data/",
    ],
    "number": [
        "http://2130706433/",
        "http://134744072/",
        "http://017700000001/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://127.1/",
        "http://127.0.1/",
        "http://0177.0.0.1/",
        "http://0300.0250.0.1/",
        "http://0x7f.0x0.0x0.0x1/",
        "http://127.0.0.0x1/",
        "http://1.2.3.4.5/",
        "http://256.256.256.256/",
        "http://008.8.8.8/",
        "http://4294967296/",
        "http://example.0x/",
    ],
    "unicode": [
        "http://１２７.０.０.１/",
        "http://①②⑦.⓪.⓪.①/",
        "http://127。0。0。1/",
        "http://ｌｏｃａｌｈｏｓｔ/",
        "http://loc\u200balhost/",
        "http://localhost。/",
        "http://faß.example/",
        "http://example.com\u2100/",
        "http://example.com／@127.0.0.1/",
        "http://[::１]/",
        "http://example.com:８０/",
    ],
    "name": [
        "http://localhost/",
        "http://LOCALHOST:8080/",
        "http://localhost./",
        "http://api.localhost/",
        "http://localhost.localdomain/",
        "http://metadata/",
        "http://metadata.google.internal/computeMetadata/v1/",
        "http://METADATA.google.internal./",
        "http://metadata.goog/",
        "http://instance-data.ec2.internal/",
        "http://host.docker.internal/",
        "http://kubernetes.default.svc/",
        "http://printer.local/",
        "http://nas.home.arpa/",
        "http://router.lan/",
        "http://wiki.corp/",
        "http://intranet/",
    ],
    "host": [
        "http://%31%32%37.0.0.1/",
        "http://example%2ecom/",
        "http://[fe80::1%25eth0]/",
        "http://[fe80::1%eth0]/",
        "http://[::1/",
        "http://::1/",
        "http://[v1.x]/",
        "http://[127.0.0.1]/",
        "http://[2606:4700::1111]evil.example/",
        "http://example.com../",
        "http://.example.com/",
        "http://exa..mple.com/",
        "http://./",
        "http://exa$mple.com/",
        "http://exa<mple.com/",
        f"http://{'a' * 64}.com/",
        f"http://{'a.' * 127}com/",
    ],
    "port": [
        "http://example.com:0/",
        "http://example.com:65536/",
        "http://example.com:-1/",
        "http://example.com:80:80/",
        "http://example.com:http/",
        "http://example.com:+80/",
        "http://example.com:8_0/",
    ],
}

# each as scheme, host, port and target
PUBLIC_URLS = {
    "http://example.com": ("http", "example.com", 80, "/"),
    "https://example.com/": ("https", "example.com", 443, "/"),
    "HTTPS://EXAMPLE.COM/Scan.PNG": ("https", "example.com", 443, "/Scan.PNG"),
    "https://example.com./": ("https", "example.com", 443, "/"),
    "https://example.com:/": ("https", "example.com", 443, "/"),
    "https://example.com:8443/": ("https", "example.com", 8443, "/"),
    "http://example.com:00080/": ("http", "example.com", 80, "/"),
    "http://example.com:65535/": ("http", "example.com", 65535, "/"),
    "https://example.com?page=2": ("https", "example.com", 443, "/?page=2"),
    "https://example.com/a?": ("https", "example.com", 443, "/a"),
    "https://example.com/a#b": ("https", "example.com", 443, "/a"),
    "https://example.com//a/../b;v=1": ("https", "example.com", 443, "//a/../b;v=1"),
    "https://example.com/@user:x/a@b": ("https", "example.com", 443, "/@user:x/a@b"),
    "https://example.com/?u=http://127.0.0.1/": ("https", "example.com", 443, "/?u=http://127.0.0.1/"),
    "https://example.com/a%20b%2Fc?d=%41": ("https", "example.com", 443, "/a%20b%2Fc?d=%41"),
    "https://example.com/größe?é": ("https", "example.com", 443, "/gr%C3%B6%C3%9Fe?%C3%A9"),
    "https://example.com/a|b": ("https", "example.com", 443, "/a%7Cb"),
    "https://my_bucket.s3.amazonaws.com/x": ("https", "my_bucket.s3.amazonaws.com", 443, "/x"),
    "https://r3---sn-a.example.com/": ("https", "r3---sn-a.example.com", 443, "/"),
    "https://localhost.example.com/": ("https", "localhost.example.com", 443, "/"),
    "https://notlocalhost.com/": ("https", "notlocalhost.com", 443, "/"),
    "https://internal.example.com/": ("https", "internal.example.com", 443, "/"),
    "https://127.0.0.1.example.com/": ("https", "127.0.0.1.example.com", 443, "/"),
    "https://1.example.com/": ("https", "1.example.com", 443, "/"),
    "https://360.cn/": ("https", "360.cn", 443, "/"),
    "https://example.0xyz/": ("https", "example.0xyz", 443, "/"),
    "https://bücher.example/": ("https", "xn--bcher-kva.example", 443, "/"),
    "https://BÜCHER.example/": ("https", "xn--bcher-kva.example", 443, "/"),
    "https://xn--bcher-kva.example/": ("https", "xn--bcher-kva.example", 443, "/"),
    "https://例え。テスト/": ("https", "xn--r8jz45g.xn--zckzah", 443, "/"),
    "https://ｅｘａｍｐｌｅ．com/": ("https", "example.com", 443, "/"),
    f"https://{'a' * 63}.com/": ("https", f"{'a' * 63}.com", 443, "/"),
    "http://8.8.8.8/": ("http", "8.8.8.8", 80, "/"),
    "http://8.8.8.8.:81/": ("http", "8.8.8.8", 81, "/"),
    "http://[2606:4700:4700::1111]/": ("http", "2606:4700:4700::1111", 80, "/"),
    "http://[2606:4700:4700:0:0:0:0:1111]:8080/": ("http", "2606:4700:4700::1111", 8080, "/"),
    # Python 3.13 began to write the last part of this one in decimal
    "http://[::ffff:8.8.8.8]/": ("http", str(IPv6Address("::ffff:8.8.8.8")), 80, "/"),
    "http://[64:FF9B::8.8.8.8]/": ("http", "64:ff9b::808:808", 80, "/"),
}


def flat(table: dict[str, list[str]]) -> list[object]:
    """One parameter for each row, its id the group and the row."""
    return [pytest.param(row, group, id=f"{group}: {row!a}") for group, rows in table.items() for row in rows]


@pytest.mark.parametrize(("address", "reason"), flat(REFUSED_ADDRESSES))
def test_address_is_refused_for_its_reason(address: str, reason: str) -> None:
    told = refusal(address)
    assert told is not None
    assert told.partition(", in a")[0] == reason


@pytest.mark.parametrize("address", PUBLIC_ADDRESSES)
def test_public_address_is_allowed(address: str) -> None:
    assert refusal(address) is None


@pytest.mark.parametrize(("url", "_group"), flat(REFUSED_URLS))
def test_url_is_refused(url: str, _group: str) -> None:
    with pytest.raises(UnsafeURLError):
        check_url(url)


@pytest.mark.parametrize(("url", "parts"), PUBLIC_URLS.items(), ids=[ascii(url) for url in PUBLIC_URLS])
def test_public_url_is_allowed_in_its_one_spelling(url: str, parts: tuple[str, str, int, str]) -> None:
    assert check_url(url) == parts


@pytest.mark.parametrize(("url", "_group"), flat({k: REFUSED_URLS[k] for k in ("literal", "name")}))
def test_private_url_is_allowed_where_asked_for(url: str, _group: str) -> None:
    assert check_url(url, allow_private=True).host


@pytest.mark.parametrize(
    ("url", "_group"),
    flat({k: v for k, v in REFUSED_URLS.items() if k not in ("literal", "name", "unicode")}),
)
def test_odd_spelling_is_refused_even_where_private_is_allowed(url: str, _group: str) -> None:
    with pytest.raises(UnsafeURLError):
        check_url(url, allow_private=True)


def octets_are_public(a: int, b: int, c: int, d: int) -> bool:
    """The special blocks once more, by their decimal octets."""
    special = (
        a in (0, 10, 127)
        or a >= 224
        or (a == 100 and 64 <= b <= 127)
        or (a == 169 and b == 254)
        or (a == 172 and 16 <= b <= 31)
        or (a == 192 and b == 168)
        or (a == 198 and b in (18, 19))
        or (a, b, c) in {(192, 0, 0), (192, 0, 2), (192, 88, 99), (198, 51, 100), (203, 0, 113)}
        or (a, b, c, d) == (168, 63, 129, 16)
    )
    return not special


# first octets are drawn from where the blocks and their neighbours are, so that both sides are met
near_blocks = st.tuples(
    st.sampled_from(
        [0, 1, 9, 10, 11, 99, 100, 126, 127, 128, 168, 169, 172, 192, 198, 203, 223, 224, 240, 255]
    ),
    st.sampled_from(
        [0, 1, 15, 16, 17, 18, 19, 20, 31, 32, 51, 52, 63, 64, 88, 127, 128, 167, 168, 253, 254, 255]
    ),
    st.sampled_from([0, 1, 2, 3, 98, 99, 100, 101, 112, 113, 114, 128, 129, 130, 255]),
    st.sampled_from([0, 1, 15, 16, 17, 192, 254, 255]),
)
ipv4 = near_blocks | st.tuples(*[st.integers(0, 255)] * 4)


@given(ipv4)
def test_ipv4_agrees_with_the_oracle(octets: tuple[int, int, int, int]) -> None:
    assert (refusal(".".join(map(str, octets))) is None) == octets_are_public(*octets)


@pytest.mark.parametrize(
    "form",
    [
        "::ffff:{a}.{b}.{c}.{d}",
        "::ffff:{a:02x}{b:02x}:{c:02x}{d:02x}",
        "64:ff9b::{a}.{b}.{c}.{d}",
        "2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1",
        "2002:{a:02x}{b:02x}:{c:02x}{d:02x}:ffff:1:2:3:4",
        "2a00:1450:1:2::5efe:{a}.{b}.{c}.{d}",
        "2a00:1450:1:2:200:5efe:{a:02x}{b:02x}:{c:02x}{d:02x}",
    ],
)
@given(octets=ipv4)
def test_embedding_is_as_public_as_the_ipv4_address_in_it(
    form: str, octets: tuple[int, int, int, int]
) -> None:
    address = form.format(**dict(zip("abcd", octets, strict=True)))
    assert (refusal(address) is None) == octets_are_public(*octets)


@pytest.mark.parametrize(
    "form",
    [
        "::{a}.{b}.{c}.{d}",
        "::ffff:0:{a}.{b}.{c}.{d}",
        "64:ff9b:1::{a}.{b}.{c}.{d}",
        "64:ff9b:1:{a:02x}{b:02x}:{c:x}:{d:02x}00::",
        "2001:0:808:808:0:f:{a:02x}{b:02x}:{c:02x}{d:02x}",
        "2001:0:{a:02x}{b:02x}:{c:02x}{d:02x}::f7f7:f7f7",
    ],
)
@given(octets=ipv4)
def test_obsolete_or_local_embedding_is_never_public(form: str, octets: tuple[int, int, int, int]) -> None:
    assert refusal(form.format(**dict(zip("abcd", octets, strict=True)))) is not None


@given(ipv4)
def test_reason_names_the_address_hidden_in_teredo(octets: tuple[int, int, int, int]) -> None:
    inner = IPv4Address(bytes(octets))
    outer = IPv6Address(0x2001_0000_0808_0808 << 64 | int(inner) ^ 0xFFFF_FFFF)
    reason = refusal(str(inner))
    assert refusal(str(outer)) == (f"{reason}, in a Teredo address" if reason else "reserved")


@given(st.integers(0, 2**128 - 1).map(IPv6Address))
@example(IPv6Address("1fff:ffff::"))
@example(IPv6Address("4000::"))
def test_ipv6_outside_global_unicast_is_never_public(address: IPv6Address) -> None:
    top_bits = int(address) >> 125
    embeds_ipv4 = int(address) >> 32 in (0xFFFF, 0x64_FF9B << 64)
    assert top_bits == 1 or embeds_ipv4 or refusal(str(address)) is not None


@given(st.text())
def test_any_text_as_an_address_gets_an_answer(text: str) -> None:
    assert refusal(text) is None or refusal(text)


url_pieces = st.lists(
    st.sampled_from(
        ["http", "https", "://", "/", "@", ":", "[", "]", "::1", "127.0.0.1", "a.com", "%", "\\", "?", "#"]
    )
    | st.text(max_size=4),
    max_size=8,
).map("".join)


@given(st.text() | url_pieces | url_pieces.map("http://".__add__))
def test_any_text_as_a_url_is_refused_or_clean(text: str) -> None:
    try:
        url = check_url(text)
    except UnsafeURLError:
        return
    assert url.target.isascii()
    assert url.target.isprintable()
    assert " " not in url.target
    assert check_url(f"{url.scheme}://{url.authority}{url.target}") == url


@given(st.text() | url_pieces)
def test_any_text_can_be_shown(text: str) -> None:
    assert shown(text).isprintable()


@pytest.mark.parametrize(
    "url",
    [
        "http://user:s3cret@example.com/a.png",
        "http://example.com/a.png?signature=s3cret",
        "http://example.com/a.png#s3cret",
        "http:user:s3cret@example.com/",
        "http://user:s3cret/@example.com/",
        "http://user:s3cret\\@example.com/",
        "http://user:s3cret@[::1/",
        "http://user:s3cret@example.com\u2100/",
        "http://user:s3cret@[::1]x/",
        "ftp://user:s3cret@example.com/a.png",
        "data:image/png;base64,s3cret",
    ],
)
def test_refusal_shows_no_secret(url: str) -> None:
    with pytest.raises(UnsafeURLError) as caught:
        check_url(url + "\n")
    assert "s3cret" not in f"{caught.value}{caught.value.__cause__}{shown(url)}"


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("http://example.com/", "example.com"),
        ("http://example.com:443/", "example.com:443"),
        ("https://example.com:443/", "example.com"),
        ("https://[2606:4700::1111]/", "[2606:4700::1111]"),
        ("https://[2606:4700::1111]:8443/", "[2606:4700::1111]:8443"),
    ],
)
def test_authority_is_what_the_host_header_wants(url: str, authority: str) -> None:
    assert check_url(url).authority == authority


def test_a_long_url_is_shown_cut() -> None:
    assert len(shown(f"https://example.com/{'a' * 10_000}")) == 200


def test_control_characters_are_not_shown() -> None:
    assert shown("http://example.com/\x1b[31m\u202e") == "http://example.com/\ufffd[31m\ufffd"


def test_percent_encoding_leaves_what_is_encoded() -> None:
    assert percent_encoded(percent_encoded("/ä b")) == percent_encoded("/ä b") == "/%C3%A4%20b"
