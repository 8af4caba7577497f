"""Campaigns as their author writes them: all that happens before the launch."""

from collections.abc import Collection
from datetime import datetime
from enum import Enum
from typing import Any, Final, TypedDict, Unpack

from django.db import transaction
from django.utils import timezone

from accounts.models import Business, User
from accounts.problems import Problem
from campaigns.models import MAX_NAME, Campaign, Template
from campaigns.recurrence import Recurrence
from campaigns.schedule import Schedule
from campaigns.services.actions import (
    CampaignNotFound,
    InvalidStatus,
    refuse_ended_offer,
    schedule_campaign,
    unschedule_campaign,
)
from campaigns.services.recurring import align, planned_run
from contacts.models import ContactList


class PreconditionFailed(Problem):
    status = 412
    code = "PRECONDITION_FAILED"
    title = "The campaign has changed since you read it"


class CampaignInUse(Problem):
    status = 409
    code = "CAMPAIGN_IN_USE"
    title = "It has sent messages, which stay in the statistics: cancel it instead"


class Unchanged(Enum):
    """Tells a schedule that is left alone from one that is taken back."""

    UNCHANGED = 0


UNCHANGED: Final = Unchanged.UNCHANGED


class CampaignFields(TypedDict, total=False):
    """filter: what `contacts.filters.validate_audience_filter` returned."""

    name: str
    template: Template | None
    text: str
    contact_list: ContactList | None
    filter: dict[str, Any] | None
    sender: str
    offer_title: str
    offer_text: str
    offer_valid_until: datetime | None
    track_links: bool
    recurrence: Recurrence | None


@transaction.atomic
def create_campaign(
    *,
    business: Business,
    created_by: User,
    schedule: Schedule | None = None,
    **fields: Unpack[CampaignFields],
) -> Campaign:
    """A draft, or scheduled at once. `fields` hold a template or a text of its own, never both."""
    campaign = Campaign.objects.create(business=business, created_by=created_by, **fields)
    return _reschedule(campaign, schedule)


@transaction.atomic
def update_campaign(
    *,
    campaign: Campaign,
    versions: Collection[str] | None = None,
    schedule: Schedule | Unchanged | None = UNCHANGED,
    **changes: Unpack[CampaignFields],
) -> Campaign:
    """`versions`: those that the editor may have seen (`Campaign.version`); None for any."""
    campaign = _lock_editable(campaign, versions)
    for name, value in changes.items():
        setattr(campaign, name, value)
    campaign.save(update_fields=[*changes, "updated_at"])
    if schedule is not UNCHANGED:
        campaign = _reschedule(campaign, schedule)
    elif changes.get("recurrence") and _is_to_come(campaign):
        campaign = _reschedule(campaign, planned_run(campaign))
    refuse_ended_offer(campaign)
    return campaign


@transaction.atomic
def delete_campaign(*, campaign: Campaign, versions: Collection[str] | None = None) -> None:
    """Only if it has sent nothing, as a draft or a series between two runs may have."""
    locked = _lock_editable(campaign, versions)
    if locked.runs.exists():
        raise CampaignInUse
    locked.delete()


def duplicate_campaign(*, campaign: Campaign, created_by: User) -> Campaign:
    """A draft with the same text and offer for the same audience, as often."""
    return Campaign.objects.create(
        business_id=campaign.business_id,
        created_by=created_by,
        name=f"Copy of {campaign.name}"[:MAX_NAME],
        template_id=campaign.template_id,
        text=campaign.text,
        contact_list_id=campaign.contact_list_id,
        filter=campaign.filter,
        sender=campaign.sender,
        offer_title=campaign.offer_title,
        offer_text=campaign.offer_text,
        offer_valid_until=campaign.offer_valid_until,
        track_links=campaign.track_links,
        recurrence=campaign.recurrence,
    )


def _reschedule(campaign: Campaign, schedule: Schedule | None) -> Campaign:
    if schedule is None:
        return campaign if campaign.scheduled_at is None else unschedule_campaign(campaign=campaign)
    now = timezone.now()
    is_due = campaign.scheduled_at == schedule.instant <= now
    if is_due or campaign.scheduled_at == align(campaign, schedule, now=now).instant:
        return campaign
    return schedule_campaign(campaign=campaign, schedule=schedule)


def _is_to_come(campaign: Campaign) -> bool:
    return campaign.scheduled_at is not None and campaign.scheduled_at > timezone.now()


def _lock_editable(campaign: Campaign, versions: Collection[str] | None) -> Campaign:
    """The row as it is now, held against the launch until the transaction ends."""
    locked = Campaign.objects.select_for_update().filter(pk=campaign.pk).first()
    if locked is None:
        raise CampaignNotFound
    if versions is not None and locked.version not in versions:
        raise PreconditionFailed
    if locked.status not in Campaign.EDITABLE:
        raise InvalidStatus(f"A campaign that is {locked.status} cannot be changed.")
    return locked
