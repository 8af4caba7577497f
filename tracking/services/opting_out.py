"""The way out of every marketing text, and the way back for whoever pressed by mistake."""

from datetime import timedelta
from typing import TypedDict, Unpack

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from accounts.models import Business
from contacts.models import Consent, Suppression
from contacts.selectors import suppressed_phones
from contacts.services import resubscribe, unsubscribe
from contacts.services.locks import lock_suppressions
from messaging.models import Message
from messaging.optout import read_token
from tracking.models import OptOut
from tracking.services.counting import count


class Person(TypedDict, total=False):
    """Who acts: kept with the consent as its proof."""

    ip: str | None
    user_agent: str


def find_message(token: str) -> Message | None:
    """The message of an opt-out token, with its broadcast and business; None if not one of ours."""
    public_id = read_token(token)
    if public_id is None:
        return None
    messages = Message.objects.select_related("broadcast__business")
    return messages.filter(public_id=public_id).first()


@transaction.atomic
def opt_out(*, message: Message, **person: Unpack[Person]) -> Business:
    """The business that sent the message never texts its phone again; twice is harmless.

    Nor the number that the person has moved to since, if it is a contact still.
    """
    business = message.broadcast.business
    # Held to the end: what is written down below is what has been taken.
    lock_suppressions(business_id=business.pk)
    phones = _phones(message, business)
    taken = [phone for phone in phones if _withdraw(message, phone, person)]
    before = OptOut.objects.filter(pk=message.pk).first()
    if before is None or before.undone_at is not None or taken:
        _write_down(message, phones=phones, taken=taken)
    if taken and not _counts(before):
        count("unsubscribes", broadcast=message.broadcast)
    return business


@transaction.atomic
def count_stop(*, message: Message) -> None:
    """The message was answered with STOP, which has just taken effect: count it as the message's.

    The link gives nothing back of it: that takes a START.
    """
    before = OptOut.objects.filter(pk=message.pk).first()
    _write_down(message, phones=[message.phone], taken=[message.phone])
    if not _counts(before):
        count("unsubscribes", broadcast=message.broadcast)


@transaction.atomic
def undo_opt_out(*, message: Message, **person: Unpack[Person]) -> bool:
    """Give back what the link of this very message took, within settings.OPT_OUT_UNDO_HOURS.

    False if there is nothing to give back: an opt-out that came after it stands.
    """
    business = message.broadcast.business
    lock_suppressions(business_id=business.pk)
    opted_out = _undoable(message).first()
    if opted_out is None:
        return False
    phones = [phone for phone in opted_out.taken if _is_the_last_word(opted_out, phone)]
    given_back = [phone for phone in phones if _give_back(message, phone, person)]
    if not given_back:
        return False
    OptOut.objects.filter(pk=message.pk).update(undone_at=Now())
    count("unsubscribes", broadcast=message.broadcast, by=-1)
    return True


def is_opted_out(*, message: Message) -> bool:
    business_id = message.broadcast.business_id
    return bool(suppressed_phones(business_id=business_id, phones=[message.phone]))


def may_undo_opt_out(*, message: Message) -> bool:
    """Whether the page offers it."""
    opted_out = _undoable(message).first()
    return opted_out is not None and any(
        _is_the_last_word(opted_out, phone) for phone in opted_out.taken
    )


def _write_down(message: Message, *, phones: list[str], taken: list[str]) -> None:
    OptOut.objects.update_or_create(
        message=message,
        defaults={"phones": phones, "taken": taken, "at": Now(), "undone_at": None},
        create_defaults={
            "business": message.broadcast.business,
            "broadcast": message.broadcast,
            "phones": phones,
            "taken": taken,
        },
    )


def _phones(message: Message, business: Business) -> list[str]:
    phones = [message.phone]
    if message.contact_id is not None:
        contact = business.contacts.filter(pk=message.contact_id).first()
        if contact is not None and contact.phone != message.phone:
            phones.append(contact.phone)
    return phones


def _withdraw(message: Message, phone: str, person: Person) -> bool:
    return unsubscribe(
        business_id=message.broadcast.business_id,
        phone=phone,
        source=Consent.Source.LINK,
        reference=message.public_id,
        **person,
    )


def _give_back(message: Message, phone: str, person: Person) -> bool:
    return resubscribe(
        business_id=message.broadcast.business_id,
        phone=phone,
        source=Consent.Source.UNDO,
        reference=message.public_id,
        **person,
    )


def _counts(opted_out: OptOut | None) -> bool:
    return opted_out is not None and opted_out.undone_at is None and bool(opted_out.taken)


def _undoable(message: Message) -> QuerySet[OptOut]:
    window = timedelta(hours=settings.OPT_OUT_UNDO_HOURS)
    return OptOut.objects.filter(pk=message.pk, undone_at=None, at__gt=Now() - window)


def _is_the_last_word(opted_out: OptOut, phone: str) -> bool:
    """The suppression is that of this opt-out, and no other link was used for the phone since."""
    suppression = Suppression.objects.filter(
        business=opted_out.business_id,
        phone=phone,
        source=Consent.Source.LINK,
        created_at__lte=opted_out.at,  # a later one is of a later withdrawal
    )
    later = OptOut.objects.filter(
        business=opted_out.business_id,
        at__gte=opted_out.at,
        undone_at=None,
        phones__contains=[phone],
    ).exclude(pk=opted_out.pk)
    return suppression.exists() and not later.exists()
