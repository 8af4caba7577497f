"""Signing up by a public form, where anybody can type anybody's phone.

So a form never overwrites what is known, tells nothing of it, and never subscribes a person again
who has opted out: that takes their own confirmation, by a link that is sent to their phone.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final, cast

from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import Business
from contacts.models import (
    Consent,
    Contact,
    ContactList,
    DailySignups,
    OptInRequest,
    Suppression,
)
from contacts.models.consents import MAX_PAGE, MAX_USER_AGENT
from contacts.services.consents import Person, address, printable, record_consent, remember_text
from contacts.services.contacts import ContactFields
from contacts.services.locks import hold_suppressions, lock_phone, lock_suppressions
from contacts.services.subscriptions import lift_suppression
from contacts.signals import contact_opted_in

TOKEN_BYTES: Final = 12  # 16 characters in an SMS
REQUEST_HOURS: Final = 72
HOURS_BETWEEN_REQUESTS: Final = 24
KEPT_DAYS: Final = timedelta(days=7)

# One row of the day for each business: the update waits for whoever counts at this moment.
_COUNT: Final = """
INSERT INTO contacts_dailysignups AS taken (business_id, day, count)
SELECT %(business)s, %(day)s, 1 WHERE %(cap)s > 0
ON CONFLICT (business_id, day) DO UPDATE SET count = taken.count + 1 WHERE taken.count < %(cap)s
"""
# Until the transaction ends the list is there, or it was gone before.
_HOLD_LIST: Final = """
SELECT id FROM contacts_contactlist
WHERE id = %s AND business_id = %s AND filter IS NULL FOR KEY SHARE
"""
_JOIN: Final = """
INSERT INTO contacts_listmembership (contact_list_id, contact_id) VALUES (%s, %s)
ON CONFLICT (contact_list_id, contact_id) DO NOTHING
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """How somebody came to agree. text: the words, verbatim; version, reference: of the form."""

    text: str
    language: str
    version: int
    reference: str = ""
    tag: str = ""
    page: str = ""
    ip: str | None = None
    user_agent: str = ""


class Outcome(StrEnum):
    """For the server only: whoever filled in the form is answered the same, whatever it is.

    already_asked: a confirmation is under way, and nothing more is sent for a day.
    capped: the business has taken all the sign-ups of the day; nothing was done.
    """

    CREATED = "created"
    COMPLETED = "completed"
    MUST_CONFIRM = "must_confirm"
    ALREADY_ASKED = "already_asked"
    CAPPED = "capped"


@dataclass(frozen=True, slots=True)
class OptIn:
    """token: in plain, for the link to be sent, and only if it must be confirmed."""

    outcome: Outcome
    contact: Contact | None = None
    token: str | None = None


@transaction.atomic
def opt_in(
    *,
    business: Business,
    phone: str,
    fields: ContactFields,
    evidence: Evidence,
    contact_list: ContactList | None = None,
    must_confirm: bool = False,
) -> OptIn:
    """Take what a public form says. phone: E.164; fields: checked by the caller.

    A new phone becomes a contact. Of a contact that is subscribed, only what was not known yet is
    filled in, and that they agreed again is recorded. must_confirm: a new phone has to confirm.

    Call this before locking rows of your own: it locks the business's suppressions first of all.
    """
    hold_suppressions(business_id=business.pk)
    lock_phone(business_id=business.pk, phone=phone)
    known = Contact.objects.filter(business=business, phone=phone)
    asks = _is_suppressed(business, phone) or (must_confirm and not known.exists())
    if asks and _was_asked(business, phone):
        return OptIn(Outcome.ALREADY_ASKED)
    if not _count(business):
        return OptIn(Outcome.CAPPED)
    proof = _proof(business, evidence)
    list_id = _hold_list(contact_list.pk if contact_list else None, business_id=business.pk)
    if asks:
        request = OptInRequest(business=business, phone=phone, contact_list_id=list_id, **proof)
        token = _ask(request, fields, evidence)
        return OptIn(Outcome.MUST_CONFIRM, token=token)
    contact, is_first = _take_in(
        Consent(business=business, source=Consent.Source.FORM, **proof),
        fields,
        person=Person(phone=phone, ip=evidence.ip, user_agent=evidence.user_agent),
        list_id=list_id,
    )
    return OptIn(Outcome.CREATED if is_first else Outcome.COMPLETED, contact)


def find_request(*, token: str) -> OptInRequest | None:
    """The sign-up that a link is about, confirmed or not; None once it has expired."""
    requests = OptInRequest.objects.select_related("business", "text")
    return requests.filter(token_hash=_hashed(token), expires_at__gt=Now()).first()


@transaction.atomic
def confirm_opt_in(
    *, token: str, evidence_ip: str | None = None, evidence_user_agent: str = ""
) -> Contact | None:
    """The person says yes, by the link sent to their phone. None if it is not, or no more, valid.

    Whatever they said before, even that they want nothing more, this is their newest word. But it
    is said once: pressing again is harmless, and an opt-out since then stands.
    """
    request = find_request(token=token)
    if request is None:
        return None
    lock_suppressions(business_id=request.business_id)
    this = OptInRequest.objects.filter(pk=request.pk)
    if this.filter(confirmed_at=None, expires_at__gt=Now()).update(confirmed_at=Now()):
        person = Person(phone=request.phone, ip=evidence_ip, user_agent=evidence_user_agent)
        return _subscribe(request, person=person)
    if not this.exclude(confirmed_at=None).exists():
        return None
    return Contact.objects.filter(business_id=request.business_id, phone=request.phone).first()


@transaction.atomic
def confirm_by_reply(*, business_id: int, phone: str, asked_before: datetime) -> Contact | None:
    """The person says yes by a reply from their phone to the business that asked. None if it had
    not, or no more. Of several sign-ups that wait, the last is meant."""
    lock_suppressions(business_id=business_id)
    asked = OptInRequest.objects.filter(
        business=business_id,
        phone=phone,
        confirmed_at=None,
        created_at__lt=asked_before,
        expires_at__gt=Now(),
    )
    request = asked.order_by("id").last()
    if request is None:
        return None
    asked.filter(pk=request.pk).update(confirmed_at=Now())
    return _subscribe(request, person=Person(phone=phone))


def _subscribe(request: OptInRequest, *, person: Person) -> Contact:
    lift_suppression(business_id=request.business_id, phone=request.phone)
    consent = Consent(
        business_id=request.business_id,
        source=Consent.Source.CONFIRMATION,
        text=request.text,
        version=request.version,
        reference=request.reference,
        tag=request.tag,
        page=request.page,
    )
    fields = _from_json(request.fields)
    list_id = _hold_list(request.contact_list_id, business_id=request.business_id)
    contact, _ = _take_in(consent, fields, person=person, list_id=list_id)
    return contact


def _is_suppressed(business: Business, phone: str) -> bool:
    return Suppression.objects.filter(business=business, phone=phone).exists()


def _was_asked(business: Business, phone: str) -> bool:
    return OptInRequest.objects.filter(
        business=business,
        phone=phone,
        confirmed_at=None,
        created_at__gt=Now() - timedelta(hours=HOURS_BETWEEN_REQUESTS),
        expires_at__gt=Now(),
    ).exists()


def _count(business: Business) -> bool:
    """One sign-up more today, if the business's cap allows it."""
    names: dict[str, Any] = {
        "business": business.pk,
        "day": timezone.now().astimezone(UTC).date(),
        "cap": business.daily_signup_cap,
    }
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, names)
        return bool(cursor.rowcount)


def _proof(business: Business, evidence: Evidence) -> dict[str, Any]:
    text = remember_text(business_id=business.pk, language=evidence.language, text=evidence.text)
    return {
        "text": text,
        "version": evidence.version,
        "reference": evidence.reference,
        "tag": evidence.tag,
        "page": printable(evidence.page, MAX_PAGE),
    }


def _ask(request: OptInRequest, fields: ContactFields, evidence: Evidence) -> str:
    """Keep the sign-up until it is confirmed; the token for that, in plain."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    request.token_hash = _hashed(token)
    request.fields = _to_json(fields)
    request.ip = address(evidence.ip)
    request.user_agent = printable(evidence.user_agent, MAX_USER_AGENT)
    request.expires_at = timezone.now() + timedelta(hours=REQUEST_HOURS)
    request.save(force_insert=True)
    return token


def _take_in(
    consent: Consent, fields: ContactFields, *, person: Person, list_id: int | None
) -> tuple[Contact, bool]:
    """The contact of a phone that is not suppressed, now with this consent; whether it is new."""
    contact, is_first = Contact.objects.select_for_update(no_key=True).get_or_create(
        business_id=consent.business_id, phone=person.phone, defaults=dict(fields)
    )
    if not is_first:
        _fill_blanks(contact, fields)
    _join(contact, list_id)
    consent.contact, consent.kind = contact, Consent.Kind.GRANTED
    record_consent(consent, person=person)
    contact_opted_in.send(
        sender=Contact, contact=contact, consent=consent, is_first=is_first, tag=consent.tag
    )
    return contact, is_first


def _fill_blanks(contact: Contact, fields: ContactFields) -> None:
    new: dict[str, Any] = {
        name: value for name, value in fields.items() if value and not getattr(contact, name)
    }
    more = {**fields.get("attributes", {}), **contact.attributes}
    if more != contact.attributes:
        new["attributes"] = more
    for name, value in new.items():
        setattr(contact, name, value)
    if new:
        contact.save(update_fields=[*new, "updated_at"])


def _hold_list(list_id: int | None, *, business_id: int) -> int | None:
    """The static list of the business. One that is gone is no reason to refuse a person."""
    with connection.cursor() as cursor:
        cursor.execute(_HOLD_LIST, [list_id, business_id])
        return list_id if cursor.fetchone() else None


def _join(contact: Contact, list_id: int | None) -> None:
    if list_id is not None:
        with connection.cursor() as cursor:
            cursor.execute(_JOIN, [list_id, contact.pk])


def _hashed(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def _to_json(fields: ContactFields) -> dict[str, Any]:
    birthday = fields.get("birthday")
    return {**fields, **({"birthday": birthday.isoformat()} if birthday else {})}


def _from_json(stored: dict[str, Any]) -> ContactFields:
    fields = cast("ContactFields", dict(stored))
    if stored.get("birthday"):
        fields["birthday"] = date.fromisoformat(stored["birthday"])
    return fields


def forget_requests() -> None:
    """What was typed into forms is kept no longer than it can be confirmed."""
    now = timezone.now()
    OptInRequest.objects.filter(expires_at__lt=now).delete()
    DailySignups.objects.filter(day__lt=now.astimezone(UTC).date() - KEPT_DAYS).delete()
