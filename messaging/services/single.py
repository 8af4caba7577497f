"""Messages to people who are named, through the same engine as a campaign."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict, Unpack

from django.db import transaction

from accounts.models import Business
from accounts.problems import Problem
from contacts.models import Contact
from contacts.selectors import suppressed_phones
from messaging import texts
from messaging.models import Broadcast, BroadcastCounters, ExpansionCursor, Message
from messaging.services.expansion import Recipient, insert_messages


class SendingNotApproved(Problem):
    status = 403
    code = "SENDING_NOT_APPROVED"
    title = "This business may not send yet: staff have to approve it first."


class PhoneUnsubscribed(Problem):
    status = 409
    code = "PHONE_UNSUBSCRIBED"
    title = "The person behind this phone does not want messages from this business."


class _Fields(TypedDict, total=False):
    text: str
    sender: str
    phone: str
    is_marketing: bool
    is_asked_for: bool
    reaches_suppressed: bool
    expires_at: datetime | None


def check_approved(business: Business) -> None:
    if business.daily_message_cap == 0:
        raise SendingNotApproved


@transaction.atomic
def send_message(
    *,
    business: Business,
    phone: str,
    text: str,
    sender: str,
    contact: Contact | None = None,
    is_marketing: bool = False,
    is_asked_for: bool = False,
    reaches_suppressed: bool = False,
    is_checked: bool = False,
    expires_at: datetime | None = None,
) -> Message:
    """One message. A transactional one has no opt-out link, but an opt-out holds for it as well.

    is_asked_for: by the person, so that no frequency cap is about it.
    reaches_suppressed: to confirm what the person has just asked for, such as a sign-up.
    is_checked: the caller did so; the text may lead to an offer and to links that tracking attaches
    to the message's broadcast in the same transaction.

    Whoever calls rings the senders after the commit. Raises rendering.TemplateError,
    SendingNotApproved, PhoneUnsubscribed.
    """
    if not is_checked:
        texts.check_text(text, has_offer=False)
    check_approved(business)
    suppressed = suppressed_phones(business_id=business.pk, phones=[phone])
    if suppressed and not reaches_suppressed:
        raise PhoneUnsubscribed
    broadcast = _start(
        [_recipient(phone, contact)],
        business=business,
        text=text,
        sender=sender,
        phone=phone,
        is_marketing=is_marketing,
        is_asked_for=is_asked_for,
        reaches_suppressed=reaches_suppressed,
        expires_at=expires_at,
    )
    return Message.objects.get(broadcast=broadcast)


@transaction.atomic
def send_to_contacts(
    *,
    business: Business,
    contacts: Sequence[Contact],
    text: str,
    sender: str,
    expires_at: datetime | None = None,
) -> Broadcast:
    """A marketing broadcast to just these, whose messages exist at once: ten thousand at most.

    The text has been checked, and may lead to what tracking attaches in the same transaction.
    Whoever opts out meanwhile is left out when it goes out. Whoever calls rings the senders after
    the commit. Raises SendingNotApproved.
    """
    check_approved(business)
    return _start(
        [_recipient(contact.phone, contact) for contact in contacts],
        business=business,
        text=text,
        sender=sender,
        is_marketing=True,
        expires_at=expires_at,
    )


@transaction.atomic
def send_samples(
    *,
    business: Business,
    phones: Sequence[str],
    text: str,
    sender: str,
    expires_at: datetime | None = None,
) -> Broadcast:
    """A marketing text to a few phones, as it would go out: whoever is a contact is addressed.

    The caller has checked the text, and attaches its links in the same transaction. Raises
    SendingNotApproved, PhoneUnsubscribed.
    """
    check_approved(business)
    for phone in sorted(suppressed_phones(business_id=business.pk, phones=phones)):
        raise PhoneUnsubscribed(f"{phone} has unsubscribed from this business.")
    contacts = Contact.objects.filter(business=business, phone__in=phones)
    known = {contact.phone: contact for contact in contacts}
    return _start(
        [_recipient(phone, known.get(phone)) for phone in phones],
        business=business,
        text=text,
        sender=sender,
        is_marketing=True,
        is_asked_for=True,
        expires_at=expires_at,
    )


def _start(
    recipients: Sequence[Recipient], *, business: Business, **fields: Unpack[_Fields]
) -> Broadcast:
    """Its messages are given: there is nothing to expand."""
    broadcast = Broadcast.objects.create(business=business, link_base=business.link_base, **fields)
    BroadcastCounters.objects.create(broadcast=broadcast)
    ExpansionCursor.objects.create(broadcast=broadcast, up_to_contact_id=0, done=True)
    insert_messages(broadcast, recipients)
    return broadcast


def _recipient(phone: str, contact: Contact | None) -> Recipient:
    if contact is None:
        return None, phone, "", "", {}
    return contact.pk, phone, contact.first_name, contact.last_name, contact.attributes
