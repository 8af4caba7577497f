"""Templates and campaigns for tests."""

from datetime import date, time, timedelta
from typing import Any

from django.utils import timezone

from accounts.models import Business
from accounts.tests.factories import make_business
from campaigns import services
from campaigns.models import Automation, Campaign, Template
from campaigns.schedule import from_instant
from campaigns.selectors import broadcasts_of
from contacts.tests.factories import make_contacts
from messaging.services import complete_broadcast, expand_chunk, send_next_batch
from messaging.tests.factories import ScriptedGateway, accept_all


def make_template(
    business: Business, name: str = "Offer", text: str = "Hi {{first_name|there}}!"
) -> Template:
    return services.create_template(business=business, name=name, text=text)


def make_campaign(
    business: Business | None = None, *, contacts: int = 0, **fields: Any
) -> Campaign:
    """A draft to all contacts, of whom there are as many as said."""
    business = business or make_business()
    make_contacts(business, contacts)
    defaults = {"name": "Spring"} if "template" in fields else {"name": "Spring", "text": "Hi!"}
    return Campaign.objects.create(business=business, **(defaults | fields))


def make_due(business: Business | None = None, *, contacts: int = 1, **fields: Any) -> Campaign:
    due = timezone.now() - timedelta(seconds=1)
    defaults = {"status": "scheduled", "scheduled_at": due}
    return make_campaign(business, contacts=contacts, **(defaults | fields))


def make_sending(business: Business | None = None, *, contacts: int = 1, **fields: Any) -> Campaign:
    """Launched and expanded; nothing has been handed to the gateway."""
    campaign = make_due(business, contacts=contacts, **fields)
    for broadcast_id in services.launch_due():
        expand(broadcast_id)
    campaign.refresh_from_db()
    return campaign


def expand(broadcast_id: int) -> None:
    while (chunk := expand_chunk(broadcast_id=broadcast_id)) and not chunk.done:
        pass


def finish(campaign: Campaign) -> None:
    """Hand everything to a gateway that accepts it."""
    gateway = ScriptedGateway(accept_all)
    while send_next_batch(gateway):
        pass
    for broadcast_id in broadcasts_of(campaign):
        complete_broadcast(broadcast_id=broadcast_id)
    campaign.refresh_from_db()


def make_automation(business: Business, **fields: Any) -> Automation:
    """A welcome that is at work."""
    defaults = {"kind": "welcome", "text": "Welcome, {{first_name|friend}}!"}
    return services.create_automation(business=business, **(defaults | fields))


def make_series(
    business: Business | None = None,
    *,
    ago: timedelta = timedelta(seconds=1),
    contacts: int = 1,
    **fields: Any,
) -> Campaign:
    """A campaign that goes out every day, and should have so long ago: in UTC, of even days."""
    business = business or make_business(time_zone="UTC")
    due = from_instant((timezone.now() - ago).replace(microsecond=0), business.zone)
    planned = {
        "scheduled_at": due.instant,
        "schedule_date": due.day,
        "schedule_time": due.time,
        "schedule_zone": due.zone,
        "recurrence": {"every": "day"},
    }
    return make_due(business, contacts=contacts, **(planned | fields))


def make_birthday(business: Business, **fields: Any) -> Automation:
    """At ten o'clock, and at work since before anybody's birthday that a test may name."""
    defaults: dict[str, Any] = {
        "kind": "birthday",
        "text": "Happy birthday!",
        "send_time": time(10),
    }
    automation = services.create_automation(business=business, **(defaults | fields))
    Automation.objects.filter(pk=automation.pk).update(swept_on=date(2027, 3, 9))
    automation.refresh_from_db()
    return automation
