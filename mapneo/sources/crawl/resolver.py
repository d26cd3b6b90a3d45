"""Names to addresses, checked: a connection can only be made to an address that passed here.

Twisted connects to the very addresses that its resolver hands out, so a name that answers with a
public address now and a private one a moment later (DNS rebinding) gains nothing. Host and port
that are addresses already pass here too.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IHostnameResolver, IResolutionReceiver
from zope.interface import implementer, provider

from mapneo.sources.crawl.addresses import AddressPolicy, is_literal


class Guard:
    """What may be connected to; shared by the resolver and by those who explain failures."""

    def __init__(self, policy: AddressPolicy, hosts: Mapping[str, str]) -> None:
        """`hosts`: host → ADDRESS:PORT to use in place of a look-up."""
        self.policy = policy
        self.hosts = {name.lower(): text for name, text in hosts.items()}
        self.refused: dict[str, str] = {}

    def choose(self, host: str, addresses: Sequence[Any]) -> Sequence[Any]:
        """The addresses of a host if all are permitted, else none.

        One private address among public ones is no accident that should be worked around.
        """
        wrong = [each.host for each in addresses if not self.policy.permits(each.host)]
        if wrong:
            self.refused[host.lower()] = wrong[0]
            return ()
        self.refused.pop(host.lower(), None)
        return addresses


@implementer(IHostnameResolver)
class GuardedResolver:
    """Twisted's name resolver, with the guard between it and whoever connects."""

    def __init__(self, reactor: Any, guard: Guard) -> None:
        """`guard` decides; the reactor's own resolver looks names up, in threads."""
        self._reactor, self._guard = reactor, guard
        self._resolver = reactor.nameResolver

    @classmethod
    def from_crawler(cls, crawler: Any, reactor: Any) -> "GuardedResolver":
        """Called by Scrapy; `MAPNEO_GUARD` is the guard."""
        return cls(reactor, crawler.settings["MAPNEO_GUARD"])

    def install_on_reactor(self) -> None:
        """Called by Scrapy."""
        self._reactor.installNameResolver(self)

    def resolveHostName(  # noqa: N802
        self,
        resolutionReceiver: Any,  # noqa: N803
        hostName: str,  # noqa: N803
        portNumber: int = 0,  # noqa: N803
        addressTypes: Any = None,  # noqa: N803
        transportSemantics: str = "TCP",  # noqa: N803
    ) -> Any:
        """Look a name up and hand on what the guard lets through."""
        fixed = self._guard.hosts.get(hostName.lower())
        if fixed is not None or is_literal(hostName):
            address = _address(fixed or hostName, portNumber)
            for each in self._guard.choose(hostName, [address]):
                resolutionReceiver.addressResolved(each)
            resolutionReceiver.resolutionComplete()
            return resolutionReceiver
        checked = _checking(resolutionReceiver, hostName, self._guard)
        return self._resolver.resolveHostName(
            checked, hostName, portNumber, addressTypes, transportSemantics
        )


def _checking(receiver: Any, host: str, guard: Guard) -> Any:
    """A receiver that passes on, once the look-up is complete, what the guard chooses."""
    found: list[Any] = []

    @provider(IResolutionReceiver)
    class Checking:
        @staticmethod
        def resolutionBegan(resolution: Any) -> None:  # noqa: N802
            receiver.resolutionBegan(resolution)

        @staticmethod
        def addressResolved(address: Any) -> None:  # noqa: N802
            found.append(address)

        @staticmethod
        def resolutionComplete() -> None:  # noqa: N802
            for address in guard.choose(host, found):
                receiver.addressResolved(address)
            receiver.resolutionComplete()

    return Checking


def _address(text: str, port: int) -> IPv4Address | IPv6Address:
    """An address from `ADDRESS:PORT`, or from a bare address with `port`."""
    if is_literal(text):
        host = text.strip("[]")
    else:
        host, _, digits = text.rpartition(":")
        host, port = host.strip("[]"), int(digits)
    kind = IPv6Address if ipaddress.ip_address(host).version == 6 else IPv4Address
    return kind("TCP", host, port)
