import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapneo.sources.crawl.addresses import AddressPolicy, is_literal


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "100.100.100.200", "0.0.0.0", "192.0.0.192", "168.63.129.16", "224.0.0.1",
        "255.255.255.255", "240.0.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1",
        "fd00:ec2::254", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",
        "ff02::1", "2001:db8::1", "[::1]", "localhost", "", "0x7f.1",
    ],
)  # fmt: skip
def test_what_is_not_public_is_refused(address):
    assert not AddressPolicy().permits(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "64:ff9b::808:808"])
def test_what_is_public_is_permitted(address):
    assert AddressPolicy().permits(address)


def test_exceptions_are_those_named_and_no_others():
    policy = AddressPolicy(["127.0.0.1", "10.1.0.0/16"])
    assert policy.permits("127.0.0.1")
    assert policy.permits("::ffff:127.0.0.1")
    assert policy.permits("10.1.200.3")
    assert not policy.permits("127.0.0.2")
    assert not policy.permits("10.2.0.1")


@given(st.ip_addresses())
def test_no_private_address_passes(address):
    if AddressPolicy().permits(str(address)):
        assert not address.is_private
        assert not address.is_loopback
        assert not address.is_link_local
        assert not address.is_multicast


@given(st.ip_addresses(v=4))
def test_an_address_in_ipv6_clothes_is_judged_as_itself(address):
    plain = AddressPolicy().permits(str(address))
    assert AddressPolicy().permits(str(ipaddress.IPv6Address(f"::ffff:{address}"))) == plain


def test_literal():
    assert is_literal("127.0.0.1")
    assert is_literal("[::1]")
    assert not is_literal("127.0.0.1.nip.io")
