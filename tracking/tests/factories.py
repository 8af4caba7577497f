"""Messages that have been sent, with links and an offer."""

from datetime import UTC, datetime
from typing import Any

from django.db.models import QuerySet
from django.test import Client

from accounts.models import Business
from accounts.tests.factories import make_business
from contacts.models import ContactList
from messaging import services as messaging
from messaging.models import Broadcast, Message
from messaging.tests.factories import expand_all, make_contacts
from tracking import services
from tracking.models import EngagementCounters, ListEngagement
from tracking.services import OfferFields

PHONE = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Mobile Safari/537.36"
)
SHOP = "https://shop.example/summer?a=1&b=2"
OFFER = OfferFields(title="Two for one", text="All coffee, all day.")
NOTHING = {"views": 0, "clicks": 0, "redemptions": 0, "unsubscribes": 0}


def make_sent(
    *,
    business: Business | None = None,
    contacts: int = 1,
    text: str = "Hello {{first_name}}: {{offer_link}} and https://shop.example/summer?a=1&b=2",
    offer: OfferFields | None = OFFER,
    contact_list: ContactList | None = None,
) -> Broadcast:
    """As a launch does it: the text's links prepared, what they lead to attached, then messages."""
    business = business or make_business()
    made = make_contacts(business, contacts)
    if contact_list is not None:
        contact_list.members.bulk_create(
            contact_list.members.model(contact_list=contact_list, contact=each) for each in made
        )
    prepared, targets = services.prepare_links(text=text)
    broadcast = messaging.start_broadcast(
        business=business,
        text=prepared,
        sender="Store",
        audience={
            "list": contact_list.pk if contact_list else None,
            "filter": None,
            "on": datetime.now(UTC).date().isoformat(),
        },
    )
    services.attach(broadcast=broadcast, targets=targets, offer=offer)
    expand_all(broadcast)
    return broadcast


def make_message(**fields: object) -> Message:
    return message_of(make_sent(**fields))  # type: ignore[arg-type]


def message_of(broadcast: Broadcast) -> Message:
    messages = Message.objects.select_related("broadcast__business", "broadcast__offer")
    found = messages.filter(broadcast=broadcast).order_by("id").first()
    assert found is not None
    return found


def make_list(business: Business, name: str = "Regulars") -> ContactList:
    return ContactList.objects.create(business=business, name=name)


def phone() -> Client:
    """A person's browser."""
    return Client(headers={"User-Agent": PHONE})


def engagement(broadcast: Broadcast) -> dict[str, int]:
    return _counters(EngagementCounters.objects.filter(broadcast=broadcast))


def engagement_of_list(contact_list: ContactList) -> dict[str, int]:
    return _counters(ListEngagement.objects.filter(contact_list=contact_list))


def counted(**counts: int) -> dict[str, int]:
    return NOTHING | counts


def _counters(rows: QuerySet[Any]) -> dict[str, int]:
    return rows.values(*NOTHING).first() or NOTHING
