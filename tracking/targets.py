"""What a short link may lead to. No Django models in here."""

import re
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from django.utils.encoding import iri_to_uri

MAX_TARGET: Final = 2000  # characters
# Browsers read a backslash as a slash and skip control characters: `https:/\evil.example`.
_FORBIDDEN: Final = re.compile(r"[\x00-\x20\x7f-\x9f\\\ud800-\udfff]")
_HOST: Final = re.compile(r"[a-z0-9_.-]+|\[[0-9a-f:.]+\]")


class UnsafeTarget(ValueError):
    """No link of ours leads there; the message says why."""


def read_target(address: str) -> str:
    """The address as a Location header has it: ASCII, its host in lower case.

    Only http and https, and no user name, by which `https://bank.example@evil.example` deceives.
    """
    if _FORBIDDEN.search(address):
        raise UnsafeTarget("An address holds no spaces, backslashes or control characters.")
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise UnsafeTarget("This is no address.") from error
    if parts.scheme not in {"http", "https"}:
        raise UnsafeTarget("An address begins with http:// or https://.")
    if "@" in parts.netloc:
        raise UnsafeTarget("An address with a user name in it may deceive people.")
    host = _ascii_host(host)
    netloc = host if port is None else f"{host}:{port}"
    target = iri_to_uri(urlunsplit(parts._replace(netloc=netloc)))
    if len(target) > MAX_TARGET:
        raise UnsafeTarget(f"An address has at most {MAX_TARGET} characters.")
    return target


def _ascii_host(host: str) -> str:
    if ":" in host:
        host = f"[{host}]"
    elif not host.isascii():
        try:
            host = host.encode("idna").decode()
        except UnicodeError as error:
            raise UnsafeTarget("The address's host is not a valid one.") from error
    if not _HOST.fullmatch(host):
        raise UnsafeTarget("The address's host is not a valid one.")
    return host
