from api.networks import network_of, site_of


def test_an_ipv6_network_has_one_key() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff") != network_of("2001:db8:0:1::1")
    assert network_of("192.0.2.1") == "192.0.2.1"
    assert network_of("unknown") == "unknown"


def test_an_ipv4_address_mapped_into_ipv6_has_the_same_key() -> None:
    assert network_of("::ffff:192.0.2.1") == "192.0.2.1" != network_of("::ffff:192.0.2.2")


def test_a_link_local_address_has_a_key() -> None:
    assert network_of("fe80::1%eth0") == "fe80::/64"


def test_a_site_has_many_networks() -> None:
    assert site_of("2001:db8:7::1") == site_of("2001:db8:7:ffff::1") != site_of("2001:db8:8::1")
    assert site_of("192.0.2.1") == site_of("::ffff:192.0.2.200") == "192.0.2.0/24" != site_of("192.0.3.1")
    assert site_of("unknown") == "unknown"
