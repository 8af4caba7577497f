"""People who write back: what was sent to them, and what they say."""

import json
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from django.conf import settings
from django.test import Client

from accounts.models import Business
from accounts.tests.factories import make_business
from contacts.models import Contact, Suppression
from messaging import services
from messaging.models import GatewayEvent, InboundMessage, Message
from messaging.tests.factories import ScriptedGateway, accept_all

URL = "/webhooks/mitto/inbound/"
PHONE = "+306940000001"
NUMBERS = count(1)


def make_shop(name: str = "Kafe Zoe", **fields: Any) -> Business:
    return make_business(name=name, **fields)


def text_to(business: Business, phone: str = PHONE, *, sender: str = "Shop") -> Message:
    """One message that the gateway has accepted."""
    message = services.send_message(business=business, phone=phone, text="Hello", sender=sender)
    send_all()
    message.refresh_from_db()
    return message


def campaign_to(business: Business, *phones: str, sender: str = "Shop") -> None:
    """A broadcast to several that the gateway has accepted."""
    known = set(Contact.objects.filter(business=business).values_list("phone", flat=True))
    Contact.objects.bulk_create(
        Contact(business=business, phone=phone) for phone in phones if phone not in known
    )
    broadcast = services.start_broadcast(
        business=business,
        text="An offer",
        sender=sender,
        audience={"list": None, "filter": None, "on": datetime.now(UTC).date().isoformat()},
    )
    while (chunk := services.expand_chunk(broadcast_id=broadcast.pk)) and not chunk.done:
        pass
    services.complete_broadcast(broadcast_id=broadcast.pk)
    send_all()


def send_all() -> list[str]:
    """Whatever waits goes out; to whom."""
    gateway = ScriptedGateway(accept_all)
    while services.send_next_batch(gateway):
        pass
    return [phone for call in gateway.calls for phone in call]


def sms(text: str, phone: str = PHONE, *, at: datetime | None = None, **fields: Any) -> Any:
    """As the gateway posts it, with an id of its own."""
    named = {"receivedAt": at.isoformat()} if at else {}
    return {
        "messageId": f"in-{next(NUMBERS)}", "from": phone.removeprefix("+"), "to": "54321",
        "text": text, **named, **fields,
    }  # fmt: skip


def post(body: Any, **headers: str) -> int:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"X-Webhook-Secret": settings.MITTO_WEBHOOK_SECRET, **headers}
    return Client().post(URL, raw, content_type="application/json", headers=headers).status_code


def write(text: str, phone: str = PHONE, **fields: Any) -> InboundMessage:
    """Somebody writes to us, and it is taken in."""
    services.store_event(
        gateway="mitto",
        kind=GatewayEvent.Kind.INBOUND,
        raw=json.dumps(sms(text, phone, **fields)).encode(),
    )
    apply_all()
    return InboundMessage.objects.latest("pk")


def apply_all() -> None:
    while services.apply_stored_inbound().more:
        pass


def is_out(business: Business, phone: str = PHONE) -> bool:
    return Suppression.objects.filter(business=business, phone=phone).exists()


def ago(**time: float) -> datetime:
    return datetime.now(UTC) - timedelta(**time)
