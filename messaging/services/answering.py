"""Automatic replies: few, to people whom the business has texted, and never in a dialogue.

The rules: docs/adr/0011-whose-reply-it-is.md.
"""

import logging
from datetime import UTC, date, timedelta
from typing import Final, TypedDict, Unpack

from django.db import InterfaceError, InternalError, OperationalError, transaction
from django.utils import timezone

from accounts.models import Business
from accounts.problems import Problem
from messaging import texts
from messaging.correspondence import auto_reply_of
from messaging.keywords import Keyword, is_by_machine
from messaging.models import AutoReply, InboundMessage, Message, SentReply
from messaging.rendering import TemplateError
from messaging.services.single import send_message

logger = logging.getLogger(__name__)

Kind = AutoReply.Kind
Effect = InboundMessage.Effect

# What cannot go out by then, because of the cap or of quiet hours, comes too late to be an answer.
_GOOD_FOR: Final = timedelta(hours=24)
_BY_EFFECT: Final = {
    Effect.UNSUBSCRIBED: Kind.STOP,
    Effect.RESUBSCRIBED: Kind.START,
    Effect.CONFIRMED: Kind.START,
}


class Changes(TypedDict, total=False):
    """What a business says of an automatic reply; an empty text is the standard one."""

    text: str
    is_active: bool


def answer(*, inbound: InboundMessage, answered: Message) -> bool:
    """Answer by the engine, if the business does so; whoever calls rings the senders after it.

    answered: the last message to the phone, without which there is no answer. Called inside the
    transaction that takes the reply in, which stands whatever comes of the answer.
    """
    kind = _kind(inbound, answered)
    if kind is None or _is_ours(inbound.phone):
        return False
    business = answered.broadcast.business
    reply = auto_reply_of(business, kind)
    if not reply.is_active or _has_had(inbound.phone, kind):
        return False
    try:
        with transaction.atomic():
            _send(reply, business, inbound=inbound, answered=answered)
    except (OperationalError, InterfaceError, InternalError):
        raise  # the database is away, or was while we were frozen: the reply waits
    except (TemplateError, Problem) as obstacle:
        logger.warning("Reply %s is not answered: %s", inbound.pk, obstacle)
        return False
    except Exception as error:
        # Whatever it is, a STOP holds. Or another answer of the same kind was faster.
        if "sent_reply_once_a_day" not in str(error):
            logger.exception("Reply %s cannot be answered.", inbound.pk)
        return False
    return True


def save_auto_reply(*, business: Business, kind: str, **changes: Unpack[Changes]) -> AutoReply:
    """Change what is named; the rest stays, or is as it is without the business's doing.

    Raises rendering.TemplateError.
    """
    if text := changes.get("text"):
        texts.check_text(text, has_offer=False)
    by_itself = {"is_active": kind in AutoReply.ACTIVE_BY_ITSELF, **changes}
    reply, _ = AutoReply.objects.update_or_create(
        business=business, kind=kind, defaults=changes, create_defaults=by_itself
    )
    return reply


def _kind(inbound: InboundMessage, answered: Message) -> str | None:
    """Which answer the message calls for; None for what a machine may have written."""
    if inbound.effect:
        return _BY_EFFECT.get(Effect(inbound.effect))
    if inbound.keyword == Keyword.HELP:
        return Kind.HELP
    if inbound.keyword in {Keyword.STOP, Keyword.START}:
        return None  # it changed nothing: there is nothing to tell
    is_echo = inbound.text.strip() in {answered.text.strip(), ""}
    is_dialogue = SentReply.objects.filter(broadcast=answered.broadcast_id).exists()
    return None if is_echo or is_dialogue or is_by_machine(inbound.text) else Kind.OTHER


def _is_ours(phone: str) -> bool:
    """A number that a business sends from: what comes from it is our own."""
    return Business.objects.filter(sender_name=phone.removeprefix("+")).exists()


def _has_had(phone: str, kind: str) -> bool:
    return SentReply.objects.filter(phone=phone, kind=kind, day=_today()).exists()


def _send(
    reply: AutoReply, business: Business, *, inbound: InboundMessage, answered: Message
) -> None:
    contacts = business.contacts.filter(phone=inbound.phone)
    message = send_message(
        business=business,
        phone=inbound.phone,
        text=reply.text,
        # As the message that they answer: the gateway has taken it, and they know it.
        sender=answered.broadcast.sender,
        contact=contacts.first(),
        # With the opt-out link, except for who has just opted out.
        is_marketing=reply.kind in {Kind.HELP, Kind.START},
        is_asked_for=True,
        reaches_suppressed=reply.kind == Kind.STOP,
        expires_at=timezone.now() + _GOOD_FOR,
    )
    SentReply.objects.create(
        business=business,
        phone=inbound.phone,
        kind=reply.kind,
        day=_today(),
        inbound=inbound,
        broadcast=message.broadcast,
    )


def _today() -> date:
    return timezone.now().astimezone(UTC).date()
