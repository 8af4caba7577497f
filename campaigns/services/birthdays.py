"""Birthday messages: every day, at an hour of the business's time zone, once per phone and year."""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from typing import Final, NamedTuple

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.problems import Problem
from campaigns import selectors
from campaigns.models import Automation, AutomationRun
from campaigns.offers import OfferEnded, is_over, offer_of, prepare
from campaigns.schedule import from_wall_time
from campaigns.services.recurring import MISSED_AFTER
from contacts.models import Contact
from messaging import services as messaging
from messaging.rendering import TemplateError
from messaging.texts import check_text
from tracking import services as tracking

logger = logging.getLogger(__name__)

LATE: Final = "the system was down at their hour, and for more than six hours after it."
DOWN: Final = "the system was down."


class _Chunk(NamedTuple):
    messages: int
    last_contact_id: int


def send_birthday_messages(*, now: datetime | None = None) -> Iterator[int]:
    """See to the birthdays of every business whose hour has come.

    Yields the number of messages after each commit; whoever calls rings the senders. Safe in any
    number of processes at once, and begun anew after a crash: the runs say who has had theirs.
    """
    now = now or timezone.now()
    for automation_id in selectors.due_birthday_automations(now):
        after = 0
        try:
            while chunk := _send_chunk(automation_id, now, after):
                yield chunk.messages
                after = chunk.last_contact_id
        except Exception:
            # One business must not stop the others; the next tick tries this one again.
            logger.exception("Automation %s could not be seen to.", automation_id)


@transaction.atomic
def _send_chunk(automation_id: int, now: datetime, after: int) -> _Chunk | None:
    """None if there is nothing left to do today, or another process is at it."""
    automation = (
        Automation.objects.filter(pk=automation_id, is_active=True)
        .select_related("business")
        .select_for_update(of=("self",), skip_locked=True, no_key=True)
        .first()
    )
    if automation is None or not _is_due(automation, now):
        return None
    left_out = _left_out(automation, now)
    if left_out.endswith(LATE):
        _end_day(automation, now, left_out)
        return None
    contacts = selectors.birthday_contacts(automation, now, after=after)
    chunk = list(contacts[: settings.EXPANSION_CHUNK_SIZE])
    try:
        with transaction.atomic():
            _send(automation, chunk, now)
    except (TemplateError, Problem) as obstacle:
        logger.warning("Automation %s did not send: %s", automation.pk, obstacle)
        _end_day(automation, now, f"The birthday messages could not be sent: {obstacle.detail}")
        return None
    if len(chunk) < settings.EXPANSION_CHUNK_SIZE:
        _end_day(automation, now, left_out)
    return _Chunk(len(chunk), chunk[-1].pk) if chunk else None


def _send(automation: Automation, contacts: Sequence[Contact], now: datetime) -> None:
    """Raises TemplateError, Problem; even where nobody has a birthday, so that it is known."""
    offer = offer_of(automation)
    if is_over(automation, now):
        raise OfferEnded
    check_text(automation.text, has_offer=offer is not None)
    prepared = prepare(automation.text, track_links=automation.track_links)
    if not contacts:
        return
    day = selectors.day_of(automation, now)
    # Nobody is congratulated on the day after.
    end = from_wall_time(day + timedelta(days=1), time.min, automation.business.zone).instant
    if offer and offer.valid_until:
        end = min(end, offer.valid_until)
    broadcast = messaging.send_to_contacts(
        business=automation.business,
        contacts=contacts,
        text=prepared.text,
        sender=automation.sender or automation.business.sender_name,
        expires_at=end,
    )
    AutomationRun.objects.bulk_create(
        AutomationRun(
            automation=automation,
            phone=contact.phone,
            contact_id=contact.pk,
            year=day.year,
            broadcast=broadcast,
        )
        for contact in contacts
    )
    tracking.attach(broadcast=broadcast, targets=prepared.targets, offer=offer)


def _is_due(automation: Automation, now: datetime) -> bool:
    """Not by instants: so an hour that the clocks skip, or show twice, comes once on its day."""
    assert automation.swept_on is not None
    assert automation.send_time is not None
    local = now.astimezone(automation.business.zone)
    return automation.swept_on < local.date() and automation.send_time <= local.time()


def _left_out(automation: Automation, now: datetime) -> str:
    """Whose birthdays nobody has seen to in time; empty if there are none."""
    assert automation.swept_on is not None
    assert automation.send_time is not None
    first, day = automation.swept_on + timedelta(days=1), selectors.day_of(automation, now)
    hour = from_wall_time(day, automation.send_time, automation.business.zone).instant
    is_late = now - hour > MISSED_AFTER
    last = day if is_late else day - timedelta(days=1)
    if last < first:
        return ""
    days = f"of {first}" if first == last else f"from {first} to {last}"
    return f"The birthdays {days} were left out: {LATE if is_late else DOWN}"


def _end_day(automation: Automation, now: datetime, failure: str) -> None:
    if failure:
        logger.warning("Automation %s: %s", automation.pk, failure)
    automation.swept_on = selectors.day_of(automation, now)
    automation.failure = failure[:255]
    automation.save(update_fields=["swept_on", "failure"])
