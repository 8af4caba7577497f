"""The steps of a campaign that a person takes.

Each is one conditional UPDATE whose row count is checked: of two at once, one wins. Locks go from
the broadcast to the campaign, never back: the engine ends broadcasts in that order.
"""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any, Final, NoReturn

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from accounts.problems import Problem
from campaigns import selectors
from campaigns.models import Campaign, CampaignRun
from campaigns.offers import OfferEnded, is_over
from campaigns.schedule import Schedule
from campaigns.services.following import follow_broadcast
from campaigns.services.recurring import align, schedule_fields
from campaigns.signals import campaigns_changed
from messaging import services as messaging
from tracking import services as tracking

MAX_AHEAD: Final = timedelta(days=2 * 366)  # later is a typing mistake

_SCHEDULED: Final[dict[str, Any]] = {"status": Campaign.Status.SCHEDULED, "failure": ""}
_NO_WALL_TIME: Final[dict[str, Any]] = {
    "schedule_date": None,
    "schedule_time": None,
    "schedule_zone": "",
}
_WAITING = Q(status__in=[Campaign.Status.DRAFT, Campaign.Status.SCHEDULED, Campaign.Status.MISSED])


class CampaignNotFound(Problem):
    status = 404
    code = "NOT_FOUND"
    title = "The campaign has been deleted meanwhile"


class InvalidStatus(Problem):
    status = 409
    code = "INVALID_STATUS"
    title = "The campaign's status does not allow this"


class EmptyAudience(Problem):
    status = 409
    code = "EMPTY_AUDIENCE"
    title = "Nobody would get this campaign: no subscribed contact is in its audience"


class SendingNotApproved(Problem):
    status = 403
    code = "SENDING_NOT_APPROVED"
    title = "The operator's staff must approve your business before it can send"


class ScheduleInPast(Problem):
    code = "SCHEDULE_IN_PAST"
    title = "This time has passed"


class ScheduleTooFar(Problem):
    code = "SCHEDULE_TOO_FAR"
    title = "A campaign can be scheduled up to two years ahead"


@transaction.atomic
def send_campaign(*, campaign: Campaign) -> Campaign:
    """Schedule it for now, or bring a later schedule forward. Sending twice is refused.

    Brought forward, the next run of a series is still that of its day, and keeps its wall time.
    """
    # As the caller saw it: of two that saw a draft, the later one finds a schedule and is refused,
    # though its statement may have begun before the instant that the first one wrote.
    seen = Campaign.objects.filter(
        _WAITING, pk=campaign.pk, status=campaign.status, scheduled_at=campaign.scheduled_at
    )
    not_due = seen.exclude(status=Campaign.Status.SCHEDULED, scheduled_at__lte=Now())
    wall_time = _NO_WALL_TIME if campaign.recurrence is None else {}
    _step(campaign, not_due, "sent", scheduled_at=Now(), **wall_time, **_SCHEDULED)
    _refuse_unapproved(campaign)
    refuse_ended_offer(campaign)
    if not selectors.audience_of(campaign).exists():
        raise EmptyAudience
    return campaign


@transaction.atomic
def schedule_campaign(*, campaign: Campaign, schedule: Schedule) -> Campaign:
    """Set or change the time. Who is in the audience is decided when it has come.

    The first run of a recurring campaign is that of the first day of its rule from then on.
    """
    refuse_impossible(schedule.instant)
    schedule = align(campaign, schedule, now=timezone.now())
    waiting = Campaign.objects.filter(_WAITING, pk=campaign.pk)
    _step(campaign, waiting, "scheduled", **schedule_fields(schedule), **_SCHEDULED)
    _refuse_unapproved(campaign)
    refuse_ended_offer(campaign)
    return campaign


def refuse_ended_offer(campaign: Campaign) -> None:
    """Raise OfferEnded if the campaign waits for a time at which its offer will be over."""
    if campaign.status == Campaign.Status.SCHEDULED and is_over(campaign, campaign.scheduled_at):
        raise OfferEnded


def refuse_impossible(instant: datetime) -> None:
    """Raise ScheduleInPast or ScheduleTooFar."""
    now = timezone.now()
    if instant <= now:
        raise ScheduleInPast(f"{instant:%Y-%m-%d %H:%M} UTC has passed.", pointer="/scheduled_at")
    if instant > now + MAX_AHEAD:
        raise ScheduleTooFar(pointer="/scheduled_at")


def unschedule_campaign(*, campaign: Campaign) -> Campaign:
    scheduled = Campaign.objects.filter(pk=campaign.pk, status=Campaign.Status.SCHEDULED)
    return _step(
        campaign,
        scheduled,
        "unscheduled",
        status=Campaign.Status.DRAFT,
        scheduled_at=None,
        **_NO_WALL_TIME,
    )


def cancel_campaign(*, campaign: Campaign) -> Campaign:
    """The whole series, too. What the gateway has been given already cannot be taken back."""
    if _cancel_waiting(campaign):
        return campaign
    try:
        return _drive(campaign, "cancelled", messaging.cancel_broadcast)
    except InvalidStatus:
        # A run may have ended in between, so that the series waits for its next.
        if _cancel_waiting(campaign):
            return campaign
        raise


def _cancel_waiting(campaign: Campaign) -> bool:
    waiting = Campaign.objects.filter(
        pk=campaign.pk, status__in=[Campaign.Status.SCHEDULED, Campaign.Status.MISSED]
    )
    cancelled = waiting.update(
        status=Campaign.Status.CANCELLED, finished_at=Now(), updated_at=Now(), failure=""
    )
    if cancelled:
        _tell(campaign)
    return bool(cancelled)


def pause_campaign(*, campaign: Campaign) -> Campaign:
    """A gateway call under way ends; no further one begins."""
    return _drive(campaign, "paused", messaging.pause_broadcast)


def resume_campaign(*, campaign: Campaign) -> Campaign:
    return _drive(campaign, "resumed", messaging.resume_broadcast)


@transaction.atomic
def retry_failed(*, campaign: Campaign, include: Collection[str] = ()) -> Campaign:
    """Send again what failed or was not delivered, to whoever is still there and subscribed.

    include: as `selectors.retry_of` takes it. Whoever calls rings `messaging.tasks.expand` for the
    campaign's latest broadcast after the commit.
    """
    completed = Campaign.objects.filter(pk=campaign.pk, status=Campaign.Status.COMPLETED)
    _step(campaign, completed, "retried", status=Campaign.Status.SENDING, finished_at=None)
    _refuse_unapproved(campaign)
    if is_over(campaign):
        raise OfferEnded
    retry = selectors.retry_of(campaign, include)
    broadcast = messaging.start_retry(
        retry=retry, sender=campaign.sender or campaign.business.sender_name
    )
    tracking.attach_same(broadcast=broadcast, source_id=retry["broadcasts"][0])
    CampaignRun.objects.create(campaign=campaign, broadcast=broadcast, kind=CampaignRun.Kind.RETRY)
    return campaign


def _step(campaign: Campaign, allowed: QuerySet[Campaign], word: str, **changes: Any) -> Campaign:
    if not allowed.update(**changes, updated_at=Now()):
        _refuse(campaign, word)
    _tell(campaign)
    return campaign


@transaction.atomic
def _drive(campaign: Campaign, word: str, move: Callable[..., bool]) -> Campaign:
    """Move the campaign's broadcasts, and the campaign after them."""
    moved = [move(broadcast_id=broadcast) for broadcast in selectors.open_broadcasts_of(campaign)]
    if not any(moved):
        _refuse(campaign, word)
    follow_broadcast(campaign_id=campaign.pk)
    campaign.refresh_from_db()
    return campaign


def _tell(campaign: Campaign) -> None:
    campaigns_changed.send(sender=Campaign, business_ids={campaign.business_id})
    campaign.refresh_from_db()


def _refuse(campaign: Campaign, word: str) -> NoReturn:
    status = Campaign.objects.filter(pk=campaign.pk).values_list("status", flat=True).first()
    if status is None:
        raise CampaignNotFound
    raise InvalidStatus(f"A campaign that is {status} cannot be {word}.")


def _refuse_unapproved(campaign: Campaign) -> None:
    if campaign.business.daily_message_cap == 0:
        raise SendingNotApproved
