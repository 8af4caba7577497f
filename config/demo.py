"""The main job, once, through everything: contacts in, a campaign out, reports back, numbers kept.

Runs against the servers that are up: a worker imports, launches, sends and applies, as always.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
from django.conf import settings
from django.core.files import File
from django.utils import timezone

from accounts.models import Business
from campaigns.models import Campaign
from campaigns.services import create_campaign, send_campaign
from campaigns.tasks import launch_due
from contacts.models import ContactImport, ContactList
from contacts.samples import SHIPPED, write_sample
from contacts.services import create_import
from contacts.tasks import run_import
from messaging.selectors import BroadcastStatistics, statistics
from rediskit.doorbell import ring

TEXT = "{{first_name|Hello}}, 20% off all this week: {{offer_link}} New in: https://example.com/new"
OFFER_TITLE = "20% off everything"
OFFER_TEXT = "Show this page at the till. Once per person."
PREFIX = "+30694"  # of every phone in the samples, hence the gateway's own count of them
_LISTED = "Demo customers"
_STALLED_AFTER = 120  # seconds in which nothing moves: longer than a lease and two sweeps
_POLL = 0.2

Progress = Callable[[str, int, int], None]  # what, done, of


class DemoStalled(Exception):
    """Nothing moved for two minutes; the message says where it stands."""


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the database counts beside what the gateway counts."""

    contacts_imported: int
    import_errors: int
    messages: int
    sent: int
    delivered: int
    undelivered: int
    failed: int
    unknown: int
    suppressed: int
    gateway_accepted: int
    duplicates: int
    max_per_destination: int
    seconds: float

    @property
    def is_accounted_for(self) -> bool:
        """Each message has a fate, and what the gateway took is among those that it may have.

        An unknown message is one whose call was cut off: the gateway may have it or not.
        """
        fates = self.sent + self.delivered + self.undelivered + self.failed + self.unknown
        accepted = self.sent + self.delivered + self.undelivered
        return (
            self.messages == fates + self.suppressed
            and accepted <= self.gateway_accepted <= accepted + self.unknown
            and self.duplicates == 0
            and self.contacts_imported > 0
        )

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def run_demo(*, business: Business, contacts: int | None, progress: Progress) -> DemoResult:
    """contacts: None for the shipped file of 1,000 lines. Raises DemoStalled."""
    started = time.monotonic()
    before = _gateway_counts()
    imported = _import(business, contacts, progress)
    campaign = _send(business, imported)
    final = _wait_for_reports(campaign, progress)
    after = _gateway_counts()
    return DemoResult(
        contacts_imported=imported.created + imported.updated,
        import_errors=imported.failed,
        messages=final.total,
        sent=final.sent,
        delivered=final.delivered,
        undelivered=final.undelivered,
        failed=final.failed,
        unknown=final.unknown,
        suppressed=final.suppressed,
        gateway_accepted=after["accepted"] - before["accepted"],
        duplicates=after["duplicates"] - before["duplicates"],
        max_per_destination=after["max_per_destination"],
        seconds=round(time.monotonic() - started, 2),
    )


def _gateway_counts() -> dict[str, int]:
    answer = httpx2.get(f"{settings.MITTO_API_BASE}/counts", params={"prefix": PREFIX}, timeout=10)
    counts: dict[str, int] = answer.raise_for_status().json()
    return counts


def _import(business: Business, contacts: int | None, progress: Progress) -> ContactImport:
    contact_list, _ = ContactList.objects.get_or_create(business=business, name=_LISTED)
    with TemporaryDirectory() as folder:
        path = SHIPPED if contacts is None else Path(folder) / "contacts.csv"
        if contacts is not None:
            write_sample(path, contacts)
        with path.open("rb") as file:
            contact_import = create_import(
                business=business,
                created_by=None,
                file=File(file),
                name=path.name,
                contact_list=contact_list,
                update_existing=True,
            )
    ring(run_import, contact_import.pk)
    for _ in _until_stalled(lambda: (contact_import.status, contact_import.processed)):
        contact_import.refresh_from_db()
        progress("Importing contacts", contact_import.processed, contact_import.total or 0)
        if contact_import.finished_at:
            break
    if contact_import.status != ContactImport.Status.COMPLETED:
        raise DemoStalled(f"The import {contact_import.status}: {contact_import.failure}")
    return contact_import


def _send(business: Business, imported: ContactImport) -> Campaign:
    owner = business.memberships.select_related("user").filter(role="owner").earliest("id").user
    campaign = create_campaign(
        business=business,
        created_by=owner,
        name=f"Demo of {timezone.localtime(timezone=business.zone):%d %B %Y, %H:%M}",
        text=TEXT,
        contact_list=imported.contact_list,
        offer_title=OFFER_TITLE,
        offer_text=OFFER_TEXT,
        offer_valid_until=timezone.now() + timedelta(days=7),
    )
    send_campaign(campaign=campaign)
    ring(launch_due)
    return campaign


def _wait_for_reports(campaign: Campaign, progress: Progress) -> BroadcastStatistics:
    """Until every message has its report, or none comes any more."""
    now = BroadcastStatistics()

    def state() -> tuple[Any, ...]:
        return (campaign.status, now.queued, now.submitting, now.sent, now.unknown)

    for _ in _until_stalled(state, is_settled=lambda: _is_over(campaign)):
        campaign.refresh_from_db()
        # Only a broadcast that has ended has all its messages: its counts are read after that.
        now = _statistics(campaign)
        progress("Handing over to the gateway", now.total - now.queued - now.submitting, now.total)
        progress("Reports", now.total - now.queued - now.submitting - now.sent, now.total)
        if _is_over(campaign) and not now.sent:
            break
    return now


def _is_over(campaign: Campaign) -> bool:
    return campaign.status not in {Campaign.Status.SCHEDULED, Campaign.Status.SENDING}


def _statistics(campaign: Campaign) -> BroadcastStatistics:
    run = campaign.runs.order_by("-id").first()
    if run is None:
        return BroadcastStatistics()
    return statistics([run.broadcast_id])[run.broadcast_id]


def _until_stalled(
    state: Callable[[], object], is_settled: Callable[[], bool] = lambda: False
) -> Iterator[None]:
    """Again and again while something moves; a state that is settled may stand still and ends."""
    last, since = state(), time.monotonic()
    while True:
        yield
        if state() != last:
            last, since = state(), time.monotonic()
        if time.monotonic() - since > _STALLED_AFTER:
            if is_settled():
                return
            raise DemoStalled(
                f"Nothing has moved for {_STALLED_AFTER} s: {state()}. "
                "Is the worker running? Its log lies in logs/worker.log of the data folder."
            )
        time.sleep(_POLL)
