"""Which IP addresses are public. Live mode calls no others."""

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_IPV6_IN_USE = ipaddress.IPv6Network("2000::/3")
# Ranges that `ipaddress` calls global in some of the Python versions that we support.
_NOT_PUBLIC = [
    ipaddress.ip_network("168.63.129.16/32"),  # the host agent of Microsoft Azure, on an address that looks public
    ipaddress.ip_network("192.0.0.0/24"),  # protocol assignments, among them a cloud's metadata service
    ipaddress.ip_network("192.88.99.0/24"),  # retired 6to4 relays
    ipaddress.ip_network("2001::/23"),  # protocol assignments, among them Teredo: an IPv4 address inside, scrambled
    ipaddress.ip_network("3fff::/20"),  # documentation
]


def is_public(address: Address) -> bool:
    """Whether an address is a unicast address of the public internet (IANA special-purpose registries, RFC 6890).

    An IPv6 address that embeds an IPv4 address (mapped, 6to4, NAT64) is as public as the IPv4 address.
    """
    if isinstance(address, ipaddress.IPv6Address):
        embedded = address.ipv4_mapped or address.sixtofour
        if embedded is None and address in _NAT64:
            embedded = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if embedded is not None:
            return is_public(embedded)
        if address not in _IPV6_IN_USE:
            return False
    if any(address in network for network in _NOT_PUBLIC if network.version == address.version):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)
