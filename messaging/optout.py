"""The opt-out link of a message: its public id and a short keyed tag bound to this purpose."""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator, Sequence

from django.conf import settings

_PUBLIC_ID_LENGTH = 12
_TAG_LENGTH = 8  # 48 bits: guessing is limited, and nobody can try offline without the key
TOKEN_LENGTH = _PUBLIC_ID_LENGTH + _TAG_LENGTH
_LINK = re.compile(rf"/u/([\w-]{{{TOKEN_LENGTH}}})(?![\w-])", re.ASCII)


def _key(secret: str) -> bytes:
    return hashlib.sha256(b"opt-out link of a message\0" + secret.encode()).digest()


def _tag(public_id: str, secret: str) -> str:
    digest = hmac.digest(_key(secret), public_id.encode(), "sha256")
    return base64.urlsafe_b64encode(digest[:6]).decode()


def make_token(public_id: str) -> str:
    return public_id + _tag(public_id, settings.SECRET_KEY)


def make_tokens(public_ids: Sequence[str]) -> list[str]:
    """The same for thousands, at a third of the cost."""
    # Six bytes are eight characters without padding: all tags are encoded at once.
    digests = _digests(settings.SECRET_KEY, public_ids)
    tags = base64.urlsafe_b64encode(b"".join(digests)).decode()
    return [
        public_id + tags[start : start + _TAG_LENGTH]
        for public_id, start in zip(public_ids, range(0, len(tags), _TAG_LENGTH), strict=True)
    ]


def _digests(secret: str, public_ids: Sequence[str]) -> Iterator[bytes]:
    """The first bytes of each HMAC (RFC 2104): its two hashes read the key once for all."""
    key = _key(secret).ljust(hashlib.sha256().block_size, b"\0")
    keyed_inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key))
    keyed_outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key))
    for public_id in public_ids:
        inner = keyed_inner.copy()
        inner.update(public_id.encode())
        outer = keyed_outer.copy()
        outer.update(inner.digest())
        yield outer.digest()[:6]


def read_token(token: str) -> str | None:
    """The message's public id, or None for a token that we never made.

    Links live for years in people's phones: a rotated key goes to SECRET_KEY_FALLBACKS.
    """
    if len(token) != TOKEN_LENGTH or not token.isascii():
        return None
    public_id, tag = token[:_PUBLIC_ID_LENGTH], token[_PUBLIC_ID_LENGTH:]
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    # Every key is tried, whatever the first says: the time taken tells nothing.
    matches = [hmac.compare_digest(tag, _tag(public_id, secret)) for secret in secrets]
    return public_id if any(matches) else None


def find_public_id(text: str) -> str | None:
    """Of the message whose link is the last in the text; None if it has none of ours."""
    links = _LINK.findall(text)
    return read_token(links[-1]) if links else None


def link(public_id: str, base: str) -> str:
    """base: what links begin with, without a slash at its end."""
    return links([public_id], base)[0]


def links(public_ids: Sequence[str], base: str) -> list[str]:
    return [f"{base}/u/{token}" for token in make_tokens(public_ids)]
