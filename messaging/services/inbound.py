"""Inbound messages: stored raw before they are acknowledged, each taken in once, afterwards."""

import hashlib
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import InterfaceError, InternalError, OperationalError, transaction
from django.db.models.functions import Now

from accounts.models import User
from contacts.models import Contact
from contacts.phone import InvalidPhone, normalise
from contacts.services.locks import lock_suppressions
from messaging.correspondence import last_message_to
from messaging.gateways import get_gateway
from messaging.gateways.base import InboundSms, UnreadableBody, UnreadableElement
from messaging.keywords import Keyword, read_keyword
from messaging.models import GatewayEvent, InboundMessage, Message
from messaging.services.answering import answer
from messaging.services.obeying import obey

logger = logging.getLogger(__name__)

State = GatewayEvent.State

_EVENTS_AT_A_TIME: Final = 100
# No network keeps an SMS for so long: an earlier time is what programs write that have none.
_OLDEST: Final = timedelta(days=30)
_NO_COUNTRY: Final = "ZZ"  # gateways name numbers with their country code


@dataclass(frozen=True, slots=True)
class TakenIn:
    """more: there may be more events; answered: automatic replies wait to be sent."""

    more: bool
    answered: bool


def apply_stored_inbound() -> TakenIn:
    """Take in the messages of the oldest stored events. Twice, or by several at once, is harmless.

    Each message is a transaction of its own: what cannot be applied spoils nothing beside it.
    """
    pending = GatewayEvent.objects.filter(kind=GatewayEvent.Kind.INBOUND, state=State.PENDING)
    ids = list(pending.order_by("id").values_list("id", flat=True)[:_EVENTS_AT_A_TIME])
    # One after the other: each may be as large as a request. Another process may have been there.
    answers = [_apply(event) for pk in ids for event in pending.filter(pk=pk)]
    return TakenIn(more=len(ids) == _EVENTS_AT_A_TIME, answered=any(answers))


def mark_handled(*, inbound: InboundMessage, by: User, is_handled: bool) -> InboundMessage:
    """A person has seen to it, or takes that back. Who was first stands."""
    rows = InboundMessage.objects.filter(pk=inbound.pk, handled_at__isnull=is_handled)
    rows.update(handled_at=Now() if is_handled else None, handled_by=by if is_handled else None)
    inbound.refresh_from_db(fields=["handled_at", "handled_by"])
    return inbound


def _apply(event: GatewayEvent) -> bool:
    """Whether something is to be sent now."""
    try:
        elements = get_gateway().parse_inbound(bytes(event.raw))
    except UnreadableBody as error:
        _mark(event, [str(error)])
        return False
    problems: list[str] = []
    is_answered = False
    for index, element in enumerate(elements):
        if isinstance(element, UnreadableElement):
            problems.append(f"element {element.index}: {element.reason}")
            continue
        try:
            is_answered |= _take_in(event, index, element)
        except (OperationalError, InterfaceError, InternalError):
            raise  # the database is away, or was while we were frozen: the event waits
        except Exception as error:
            # Whatever it is, it must not stop the messages of everybody else.
            logger.exception("Message %s of gateway event %s cannot be applied.", index, event.pk)
            problems.append(f"element {index}: cannot be applied: {error}")
    _mark(event, problems)
    return is_answered


def _mark(event: GatewayEvent, problems: list[str]) -> None:
    problem = "; ".join(problems)[:255]
    if problem:
        logger.warning("Gateway event %s is in quarantine: %s", event.pk, problem)
    GatewayEvent.objects.filter(pk=event.pk, state=State.PENDING).update(
        state=State.QUARANTINED if problems else State.APPLIED, problem=problem
    )


@transaction.atomic
def _take_in(event: GatewayEvent, index: int, sms: InboundSms) -> bool:
    """Write the message down and do what it asks for; whether it is answered by itself."""
    phone = _phone(sms.sender)
    answered = None
    if phone is not None:
        answered = last_message_to(phone, to=sms.to, by=event.received_at)
    if answered is not None:
        # Before any row of ours: of two words of a person one is weighed after the other.
        lock_suppressions(business_id=answered.business_id)
    inbound = _write_down(event, index, sms, phone=phone, answered=answered)
    if inbound is None or answered is None:
        return False
    effect = obey(inbound=inbound, answered=answered)
    is_answered = answer(inbound=inbound, answered=answered)
    is_settled = (
        effect or inbound.keyword in {Keyword.STOP, Keyword.START}
        or (inbound.keyword == Keyword.HELP and is_answered)
    )  # fmt: skip
    if is_settled:
        # A keyword that was followed needs nobody's attention.
        InboundMessage.objects.filter(pk=inbound.pk).update(handled_at=Now())
    return is_answered


def _write_down(
    event: GatewayEvent, index: int, sms: InboundSms, *, phone: str | None, answered: Message | None
) -> InboundMessage | None:
    """None if it was taken in before."""
    contact_id = None
    if answered is not None:
        contacts = Contact.objects.filter(business=answered.business_id, phone=phone)
        contact_id = contacts.values_list("pk", flat=True).first()
    inbound, is_new = InboundMessage.objects.get_or_create(
        dedupe_key=_dedupe_key(event, index, sms),
        defaults={
            "business_id": answered.business_id if answered else None,
            "contact_id": contact_id,
            "phone": phone or sms.sender,
            "to": sms.to,
            "text": sms.text,
            "keyword": read_keyword(sms.text) or "",
            "message": answered,
            "event": event,
            # A clock that is ahead must not outdo every later word of the person.
            "occurred_at": min(_said_at(event, sms) or event.received_at, event.received_at),
            "received_at": event.received_at,
        },
    )
    return inbound if is_new else None


def _said_at(event: GatewayEvent, sms: InboundSms) -> datetime | None:
    """By the gateway's clock. The year 1 would make every word outdated, and all of them one."""
    moment = sms.occurred_at
    return moment if moment and moment > event.received_at - _OLDEST else None


def _dedupe_key(event: GatewayEvent, index: int, sms: InboundSms) -> str:
    """The same for what a gateway posts again. Without id and time, only a replay is recognised."""
    named = sms.gateway_message_id or _said_at(event, sms)
    place = str(named) if named else f"{event.pk} {index}"
    parts = (event.gateway, place, sms.sender, sms.to, sms.text)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _phone(sender: str) -> str | None:
    """In E.164; None for a name, a short code, or whatever else cannot be dialled."""
    international = sender.removeprefix("00").removeprefix("+")
    try:
        return normalise(f"+{international}", _NO_COUNTRY)
    except InvalidPhone:
        return None
