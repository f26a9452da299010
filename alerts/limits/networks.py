"""The networks of a client: what limits are counted for. Pure."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import msgspec

#: The network of whoever has no IP address, such as a proxy on a Unix socket.
UNKNOWN_NETWORK = "unknown"

#: Addresses of IPv6 whose last 32 bits are the client's IPv4 address: NAT64 (RFC 6052), and the
#: addresses of stateless translators (RFC 2765). ``::ffff:a.b.c.d`` is known to `ipaddress`.
_ENDS_IN_IPV4 = (IPv6Network("64:ff9b::/96"), IPv6Network("::ffff:0:0:0/96"))
#: NAT64 with a prefix of the network's own (RFC 8215).
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")


class Client(msgspec.Struct, frozen=True):
    """The networks that a client's address belongs to."""

    #: Its /24 of IPv4, or its /64 of IPv6: what one customer is given, or one office.
    network: str
    #: Its /48 of IPv6, which one customer is often given; None for IPv4.
    site: str | None = None


def find_client(host: str | None) -> Client:
    """Return the networks of the client at an address.

    An IPv6 address that stands for an IPv4 address belongs to the network of that one: otherwise
    everybody behind a translator would share a limit, or one client would have many.

    Args:
        host: An IP address, ``2001:db8::1``. Some proxies add its port: ``[2001:db8::1]:4711``.
            Anything else is one unknown network.
    """
    try:
        address = ip_address(_strip_port(host or ""))
    except ValueError:
        return Client(UNKNOWN_NETWORK)
    if isinstance(address, IPv6Address):
        address = find_embedded_ipv4(address) or address
    if isinstance(address, IPv4Address):
        return Client(_name_network(address, 24))
    return Client(_name_network(address, 64), _name_network(address, 48))


def _strip_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host


def name_network(host: str) -> str:
    """Return an IPv4 address, or the /64 of an IPv6 address: whose connections are counted."""
    try:
        address = ip_address(_strip_port(host))
    except ValueError:
        return UNKNOWN_NETWORK
    if isinstance(address, IPv6Address):
        address = find_embedded_ipv4(address) or address
    return find_client(host).network if isinstance(address, IPv6Address) else str(address)


def find_embedded_ipv4(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 address stands for; None if it stands for none."""
    if embedded := address.ipv4_mapped or address.sixtofour:
        return embedded
    if address.teredo:
        return address.teredo[1]
    plain = IPv6Address(int(address))  # without a zone (``%eth0``)
    if any(plain in network for network in _ENDS_IN_IPV4):
        return IPv4Address(int(plain) & 0xFFFFFFFF)
    return _find_local_nat64(int(plain)) if plain in _LOCAL_NAT64 else None


def _find_local_nat64(number: int) -> IPv4Address:
    """Return the IPv4 address within one of ``64:ff9b:1::/48``.

    With a prefix of 48 bits it stands around the bits 64 to 71, and 40 zero bits end the address.
    With a prefix of 96 bits, such as ``64:ff9b:1:fffe::/96``, it is the last 32 bits (RFC 6052,
    section 2.2).
    """
    if number & 0xFF_FFFFFFFF:
        return IPv4Address(number & 0xFFFFFFFF)
    return IPv4Address((number >> 64 & 0xFFFF) << 16 | (number >> 40 & 0xFFFF))


def _name_network(address: IPv4Address | IPv6Address, length: int) -> str:
    bits = address.max_prefixlen - length
    return f"{type(address)(int(address) >> bits << bits)}/{length}"
