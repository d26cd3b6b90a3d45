"""Names that answer differently each time. The look-up is a stand-in: no DNS here can rebind."""

import pytest
from twisted.internet.address import IPv4Address

from mapneo.sources.crawl.addresses import AddressPolicy
from mapneo.sources.crawl.resolver import Guard, GuardedResolver


class Rebinding:
    """A resolver whose answers change; it stands for Twisted's own."""

    def __init__(self, *answers):
        self.answers = list(answers)

    def resolveHostName(self, receiver, host, port=0, types=None, semantics="TCP"):  # noqa: N802
        receiver.resolutionBegan(None)
        for address in self.answers.pop(0):
            receiver.addressResolved(IPv4Address("TCP", address, port))
        receiver.resolutionComplete()


class Reactor:
    def __init__(self, resolver):
        self.nameResolver = resolver

    def installNameResolver(self, resolver):  # noqa: N802
        self.nameResolver = resolver


class Receiver:
    def __init__(self):
        self.found, self.is_complete = [], False

    def resolutionBegan(self, _):  # noqa: N802
        pass

    def addressResolved(self, address):  # noqa: N802
        self.found.append((address.host, address.port))

    def resolutionComplete(self):  # noqa: N802
        self.is_complete = True


def resolve(resolver, host, port=80):
    receiver = Receiver()
    resolver.resolveHostName(receiver, host, port)
    assert receiver.is_complete
    return receiver.found


def guarded(*answers, hosts=None):
    guard = Guard(AddressPolicy(), hosts or {})
    reactor = Reactor(Rebinding(*answers))
    GuardedResolver(reactor, guard).install_on_reactor()
    return reactor.nameResolver, guard


def test_a_name_that_turns_to_a_private_address_gets_no_connection():
    resolver, guard = guarded(["93.184.215.14"], ["10.0.0.1"], ["93.184.215.14"])
    assert resolve(resolver, "evil.test") == [("93.184.215.14", 80)]
    assert resolve(resolver, "evil.test") == []
    assert guard.refused == {"evil.test": "10.0.0.1"}
    assert resolve(resolver, "evil.test") == [("93.184.215.14", 80)]
    assert not guard.refused


def test_one_private_address_among_public_ones_refuses_all():
    resolver, guard = guarded(["93.184.215.14", "127.0.0.1"])
    assert resolve(resolver, "mixed.test") == []
    assert guard.refused == {"mixed.test": "127.0.0.1"}


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "169.254.169.254"])
def test_a_host_that_is_an_address_is_checked_too(host):
    assert resolve(guarded()[0], host) == []


def test_fixed_hosts_are_checked_and_bring_their_port():
    hosts = {"A.test": "93.184.215.14:8080", "b.test": "[::1]:80"}
    resolver, guard = guarded(hosts=hosts)
    assert resolve(resolver, "a.test") == [("93.184.215.14", 8080)]
    assert resolve(resolver, "b.test") == []
    assert guard.refused == {"b.test": "::1"}
