"""Where a webhook may not lead, in every form in which an address can be written."""

import pytest

from api.webhooks.destinations import Destination, DestinationRefused, Policy, check_address, parse

PRODUCTION = Policy()
DEVELOPMENT = Policy(development=True, loopback=True)

EVIL = [
    # Schemes, ports and parts.
    "http://hooks.example.org/", "ftp://hooks.example.org/", "file:///etc/passwd", "gopher://hooks.example.org/",
    "//hooks.example.org/", "hooks.example.org", "https:hooks.example.org", "https:///hooks.example.org",
    "https://hooks.example.org:22/", "https://hooks.example.org:8080/", "https://hooks.example.org:0/",
    "https://hooks.example.org:99999/", "https://hooks.example.org:/", "https://hooks.example.org:+443/",
    "https://user@hooks.example.org/", "https://user:password@hooks.example.org/", "https://hooks.example.org@10.0.0.1/",
    "https://hooks.example.org#@10.0.0.1/", "https://10.0.0.1\\@hooks.example.org/", "https://hooks.example.org/#x",
    "https://hooks.example.org/ x", "https://hooks.example.org/\r\nHost: x", "https://hooks.example.org/\x00",
    " https://hooks.example.org/", "https://hooks.example.org\t/", "https://",
    # IPv4 addresses that are not public.
    "https://127.0.0.1/", "https://127.255.255.254/", "https://0.0.0.0/", "https://10.1.2.3/", "https://172.16.0.1/",
    "https://192.168.1.1/", "https://169.254.169.254/latest/meta-data/", "https://100.64.0.1/", "https://192.0.0.192/",
    "https://192.88.99.1/", "https://198.18.0.1/", "https://203.0.113.1/", "https://224.0.0.1/", "https://240.0.0.1/",
    "https://255.255.255.255/",
    # The same in other forms.
    "https://2130706433/", "https://0x7f000001/", "https://0x7f.0.0.1/", "https://0177.0.0.1/", "https://017700000001/",
    "https://127.1/", "https://127.0.1/", "https://0/", "https://127.0.0.1./", "https://127.0.0.01/",
    "https://127.0.0.0x1/", "https://1.1.1.256/", "https://8.8.8.08/", "https://134744072/", "https://0x/",
    "https://127%2e0%2e0%2e1/", "https://%31%32%37.0.0.1/", "https://１２７.0.0.1/", "https://127。0。0。1/",
    "https://127｡0｡0｡1/", "https://①②⑦.⓪.⓪.①/", "https://①.①.①.①/",
    # IPv6.
    "https://[::1]/", "https://[::]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/",
    "https://[::ffff:8.8.8.8]/", "https://[::127.0.0.1]/", "https://[64:ff9b::7f00:1]/", "https://[64:ff9b::10.0.0.1]/",
    "https://[64:ff9b::8.8.8.8]/", "https://[64:ff9b:1::a00:1]/", "https://[2002:7f00:1::]/", "https://[2002:a00:1::1]/",
    "https://[2001:0:53aa:64c::1]/", "https://[2001:db8::1]/", "https://[3fff::1]/", "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/", "https://[fe80::1%eth0]/", "https://[fc00::1]/", "https://[fd00:ec2::254]/",
    "https://[ff02::1]/", "https://[100::1]/", "https://[5f00::1]/", "https://[::1", "https://::1/", "https://[]/",
    "https://[v1.x]/", "https://[2606:4700::1111]x/", "https://[127.0.0.1]/",
    # Names.
    "https://localhost/", "https://LOCALHOST/", "https://gateway/", "https://localhost./", "https://hooks.example.org./",
    "https://.hooks.example.org/", "https://hooks..example.org/", "https://-hooks.example.org/",
    "https://hooks_.example.org/", "https://hoöks.example.org/", "https://hooks。example.org/",
    "https://hooks.example.org\u2024com/", "https://" + "a" * 64 + ".example.org/", "https://" + "a." * 130 + "org/",
    "https://hooks.example.org/" + "x" * 2000, "https://hooks.example.1/", "https://*.example.org/",
]  # fmt: skip


@pytest.mark.parametrize("url", EVIL)
def test_an_evil_url_is_refused(url: str) -> None:
    with pytest.raises(DestinationRefused):
        parse(url, PRODUCTION)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://hooks.example.org/", "https"), ("https://u:p@hooks.example.org/", "credentials"),
        ("https://hooks.example.org:22/", "port"), ("https://10.0.0.1/", "public"), ("https://1.2.3/", "valid address"),
        ("https://hooks。example.org/", "ASCII"), ("https://gateway/", "full host name"),
    ],
)  # fmt: skip
def test_the_refusal_names_the_reason(url: str, reason: str) -> None:
    with pytest.raises(DestinationRefused, match=reason):
        parse(url, PRODUCTION)


def test_there_are_at_least_40_forms() -> None:
    assert len(set(EVIL)) == len(EVIL) > 100


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://hooks.example.org", ("https", "hooks.example.org", 443, "/")),
        ("HTTPS://Hooks.Example.ORG:8443/a/%20b?c=d&e", ("https", "hooks.example.org", 8443, "/a/%20b?c=d&e")),
        ("https://hooks.example.org?x", ("https", "hooks.example.org", 443, "/?x")),
        ("https://xn--hks-tna.example/", ("https", "xn--hks-tna.example", 443, "/")),
        ("https://a1-b.co:443/", ("https", "a1-b.co", 443, "/")),
        ("https://8.8.8.8/", ("https", "8.8.8.8", 443, "/")),
        ("https://[2606:4700:4700::1111]:8443/x", ("https", "2606:4700:4700::1111", 8443, "/x")),
    ],
)
def test_a_public_url_is_read(url: str, expected: tuple[str, str, int, str]) -> None:
    assert parse(url, PRODUCTION) == Destination(*expected)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9000/x", "http://localhost:9000", "https://localhost:9000/", "http://[::1]:1/"]
)
def test_development_allows_http_any_port_and_this_machine(url: str) -> None:
    parse(url, DEVELOPMENT)
    with pytest.raises(DestinationRefused):
        parse(url, Policy(development=True))  # a gateway that others can reach


@pytest.mark.parametrize("url", ["http://10.0.0.1/", "http://169.254.169.254/", "http://[fd00::1]/", "http://0.0.0.0/"])
def test_development_allows_no_other_private_address(url: str) -> None:
    with pytest.raises(DestinationRefused):
        parse(url, DEVELOPMENT)


@pytest.mark.parametrize("address", ["fe80::1%eth0", "2606:4700::1111%1", "hooks.example.org", "", "8.8.8.8/32"])
def test_a_resolver_cannot_answer_anything_else(address: str) -> None:
    with pytest.raises(DestinationRefused):
        check_address(address, DEVELOPMENT)
