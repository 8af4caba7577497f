"""The record of consent: what is written with each row, beside it and of the words agreed to."""

import secrets
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address
from typing import Final

from django.db import connection

from contacts.models import Consent, ConsentPerson, ConsentText
from contacts.models.consents import MAX_USER_AGENT

SALT_BYTES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who agreed, or took it back: the part of the proof that an erasure removes."""

    phone: str
    ip: str | None = None
    user_agent: str = ""


def record_consent(consent: Consent, *, person: Person) -> Consent:
    """Insert the consent and, outside the chain, whose it was.

    The one who acts is the person. What staff enter or import is recorded without.
    """
    salt = secrets.token_bytes(SALT_BYTES)
    ip, user_agent = address(person.ip), printable(person.user_agent, MAX_USER_AGENT)
    with connection.cursor() as cursor:
        # By the database, which checks it too: one definition.
        cursor.execute(
            "SELECT consent_person_hash(%s, %s, %s::inet, %s)",
            [salt, person.phone, ip, user_agent],
        )
        (consent.person_hash,) = cursor.fetchone()
    consent.save(force_insert=True)
    ConsentPerson.objects.create(
        consent=consent, phone=person.phone, ip=ip, user_agent=user_agent, salt=salt
    )
    return consent


def remember_text(*, business_id: int, language: str, text: str) -> ConsentText:
    """The words verbatim; kept once, however many agree to them."""
    remembered, _ = ConsentText.objects.get_or_create(
        business_id=business_id,
        sha256=sha256(text.encode()).hexdigest(),
        language=language,
        defaults={"text": text},
    )
    return remembered


def printable(text: str, length: int) -> str:
    """What a browser says of itself, in so far as the database takes it."""
    return text.replace("\0", "")[:length]


def address(text: str | None) -> str | None:
    """An IP address; None for a client that has none, behind a Unix socket for instance."""
    try:
        return str(ip_address(text or ""))
    except ValueError:
        return None
