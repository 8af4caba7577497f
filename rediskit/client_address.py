"""Who asks: the address that limits count by."""

import ipaddress
from ipaddress import IPv4Address, IPv6Address

from django.conf import settings
from django.http import HttpRequest

UNKNOWN = "unknown"
_NETWORK_BITS = 64  # what one customer of a provider has at the least


def client_address(request: HttpRequest) -> str:
    """The client as limits count it: an IPv4 address, or the first of an IPv6 /64.

    The client is the peer, unless settings.TRUSTED_PROXIES proxies stand before us: then it is the
    entry of X-Forwarded-For that the outermost of them has written. Whatever the client itself
    sent stands to the left of that and is not read. Never raises: what is no address falls back
    to the peer's, and that (a Unix socket has none) to "unknown".
    """
    return counted_address(_client(request))


def client_ip(request: HttpRequest) -> str | None:
    """The same client's whole address, for evidence; None if there is none."""
    address = _client(request)
    return None if address is None else str(address)


def counted_address(address: IPv4Address | IPv6Address | None) -> str:
    if address is None:
        return UNKNOWN
    if isinstance(address, IPv4Address):
        return str(address)
    network = int(address) >> (128 - _NETWORK_BITS) << (128 - _NETWORK_BITS)
    return str(IPv6Address(network))


def parse_address(text: str) -> str | None:
    """How limits count the address in the text; None if there is none."""
    address = _parsed(text)
    return None if address is None else counted_address(address)


def _client(request: HttpRequest) -> IPv4Address | IPv6Address | None:
    return _vouched_for(request) or _parsed(request.META.get("REMOTE_ADDR", ""))


def _vouched_for(request: HttpRequest) -> IPv4Address | IPv6Address | None:
    trusted = settings.TRUSTED_PROXIES
    if not trusted:
        return None
    entries = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    # Fewer entries than proxies: the request came in behind the outer ones, all are ours.
    return _parsed(entries[-min(trusted, len(entries))])


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """Also `1.2.3.4:56789` and `[2001:db8::1]:443`, as some proxies write.

    Of `fe80::1%eth0` the address alone: the link is named as this machine calls it, and the
    database takes no such name.
    """
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0] if ":" in text else text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address
