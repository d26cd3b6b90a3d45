"""Which IP addresses a crawler may connect to: public ones, and those the recipe allows."""

import ipaddress
from collections.abc import Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Public by their numbers, yet they answer only from within a cloud, with the machine's secrets.
_CLOUD_METADATA = (
    ipaddress.ip_network("168.63.129.16/32"),
    ipaddress.ip_network("192.0.0.0/24"),
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class AddressPolicy:
    """Refuses private, loopback, link-local, CGNAT, multicast, reserved and metadata addresses."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        """`allowed`: addresses or networks that are let through although they are not public."""
        self._allowed = [ipaddress.ip_network(text) for text in allowed]

    def permits(self, text: str) -> bool:
        """Whether the address (IPv4 or IPv6, as text) may be connected to."""
        try:
            address = ipaddress.ip_address(text.partition("%")[0].strip("[]"))
        except ValueError:
            return False
        return all(self._is_permitted(each) for each in _meanings(address))

    def _is_permitted(self, address: Address) -> bool:
        if any(address in network for network in self._allowed):
            return True
        if any(address in network for network in _CLOUD_METADATA):
            return False
        return address.is_global and not address.is_multicast


def _meanings(address: Address) -> list[Address]:
    """The IPv4 address that an IPv6 one carries, where it does; else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if address.sixtofour is not None:
        return [address, address.sixtofour]
    if address.teredo is not None:
        return [address, *address.teredo]
    if address in _NAT64:
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    return [address]


def is_literal(host: str) -> bool:
    """Whether a host is an IP address, and no name."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
