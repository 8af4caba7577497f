"""Whom limits take a request for, whatever it says of itself."""

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from rediskit.client_address import client_address, client_ip


def address(peer: str, forwarded: str | None = None) -> str:
    request = RequestFactory().get("/")
    request.META["REMOTE_ADDR"] = peer
    if forwarded is not None:
        request.META["HTTP_X_FORWARDED_FOR"] = forwarded
    return client_address(request)


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::FFFF:c000:207", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:DB8:1:2::", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("", "unknown"),
        ("a socket", "unknown"),
    ],
)
def test_the_peer_counts_and_ipv6_by_its_network(peer: str, expected: str) -> None:
    assert address(peer) == expected


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7%eth0", None),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6"),
        ("fe80::1%eth0", "fe80::1"),
        ("", None),
    ],
)
def test_evidence_is_an_address_that_the_database_takes(peer: str, expected: str | None) -> None:
    assert client_ip(RequestFactory().get("/", REMOTE_ADDR=peer)) == expected


@pytest.mark.parametrize("forwarded", ["203.0.113.9", "203.0.113.9, 192.0.2.7", "", "\x00", "::1"])
def test_without_trusted_proxies_nobody_is_believed(forwarded: str) -> None:
    assert address("192.0.2.7", forwarded) == "192.0.2.7"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (2, "198.51.100.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "203.0.113.9", "203.0.113.9"),
        (1, "203.0.113.9:51234", "203.0.113.9"),
        (1, "[2001:db8:1:2::5]:443", "2001:db8:1:2::"),
        (1, "::ffff:203.0.113.9", "203.0.113.9"),
    ],
)
def test_trusted_proxies_vouch_for_the_client(
    settings: Settings, proxies: int, forwarded: str, expected: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    assert address("10.0.0.1", forwarded) == expected


@pytest.mark.parametrize(
    "forwarded",
    [None, "", ",", "unknown", "1.2.3", "999.1.1.1", "[", "[]:1", "1.2.3.4 OR 1=1", "Ω"],
)
def test_what_is_no_address_falls_back_to_the_peer(
    settings: Settings, forwarded: str | None
) -> None:
    settings.TRUSTED_PROXIES = 1
    assert address("192.0.2.7", forwarded) == "192.0.2.7"
    assert address("", forwarded) == "unknown"


@pytest.mark.parametrize(
    ("peer", "whole"),
    [("2001:db8:1:2::5", "2001:db8:1:2::5"), ("::ffff:192.0.2.7", "192.0.2.7"), ("", None)],
)
def test_evidence_has_the_whole_address(peer: str, whole: str | None) -> None:
    request = RequestFactory().get("/")
    request.META["REMOTE_ADDR"] = peer
    assert client_ip(request) == whole
