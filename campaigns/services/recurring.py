"""The runs of a recurring campaign, one after the other: what is next, and what is left out.

A series ends by its rule or by a person. A run that cannot be is left out and said so; the next
may find what this one lacked: somebody in the audience, an approval, a longer offer.

The caller holds the campaign's row.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models.functions import Now

from accounts.problems import Problem
from campaigns import recurrence
from campaigns.models import Campaign, CampaignRun, SkippedRun
from campaigns.schedule import Schedule, from_instant
from campaigns.signals import campaigns_changed

# Later than this nobody can say whether it still makes sense: a person decides, or the next run.
MISSED_AFTER: Final = timedelta(hours=6)

UNATTENDED: Final = "The system was down until after the next run's time."
OVERTAKEN: Final = "The run before was still under way."

Status = Campaign.Status


class SeriesOver(Problem):
    code = "SERIES_OVER"
    title = "The series ends before its first run"


def planned_run(campaign: Campaign) -> Schedule:
    """The run that is next or under way. Brought forward, it is still the run of its day."""
    assert campaign.scheduled_at is not None
    zone = campaign.business.zone
    if campaign.schedule_date and campaign.schedule_time:
        return Schedule(
            campaign.schedule_date, campaign.schedule_time, zone.key, campaign.scheduled_at
        )
    at_once = from_instant(campaign.scheduled_at, zone)
    return at_once._replace(time=at_once.time.replace(second=0, microsecond=0))


def align(campaign: Campaign, wanted: Schedule, *, now: datetime) -> Schedule:
    """The campaign's first run from the wanted day on. Raises SeriesOver."""
    if campaign.recurrence is None:
        return wanted
    run = recurrence.first_run(
        campaign.recurrence,
        start=wanted.day,
        at=wanted.time,
        zone=campaign.business.zone,
        now=now,
    )
    if run is None or _has_had_all(campaign):
        raise SeriesOver(pointer="/recurrence")
    return run


def next_run(campaign: Campaign, *, now: datetime) -> Schedule | None:
    """None if the series is over, or is none."""
    if campaign.recurrence is None or _has_had_all(campaign):
        return None
    return recurrence.next_run(
        campaign.recurrence, last=planned_run(campaign), zone=campaign.business.zone, now=now
    )


def catch_up(campaign: Campaign, *, now: datetime) -> None:
    """Make the latest run whose time has come the planned one; those before it are left out."""
    due = _latest_due(campaign, now)
    if due.passed:
        _note(campaign, UNATTENDED, first=planned_run(campaign), times=due.passed)
    for name, value in schedule_fields(due.run).items():
        setattr(campaign, name, value)
    Campaign.objects.filter(pk=campaign.pk).update(**schedule_fields(due.run))


def leave_out(campaign: Campaign, reason: str, *, now: datetime) -> bool:
    """Wait for the next run instead of the planned one; False if there is no next."""
    following = next_run(campaign, now=now)
    if following is None:
        return False
    planned = planned_run(campaign)
    _note(campaign, reason, first=planned)
    local = planned.instant.astimezone(campaign.business.zone)
    Campaign.objects.filter(pk=campaign.pk, status=Status.SCHEDULED).update(
        **schedule_fields(following),
        failure=f"Left out on {local:%Y-%m-%d %H:%M}: {reason}"[:255],
        updated_at=Now(),
    )
    campaigns_changed.send(sender=Campaign, business_ids={campaign.business_id})
    return True


def go_on(campaign: Campaign, *, now: datetime) -> None:
    """The run under way has come to its end: wait for the next, if there is one."""
    following = next_run(campaign, now=now)
    if following is None:
        return
    if overtaken := _latest_due(campaign, now).passed:
        first = next_run(campaign, now=planned_run(campaign).instant) or following
        _note(campaign, OVERTAKEN, first=first, times=overtaken)
    campaign.status = Status.SCHEDULED
    Campaign.objects.filter(pk=campaign.pk, status=Status.SENDING).update(
        status=Status.SCHEDULED, failure="", updated_at=Now(), **schedule_fields(following)
    )


def schedule_fields(schedule: Schedule) -> dict[str, Any]:
    return {
        "scheduled_at": schedule.instant,
        "schedule_date": schedule.day,
        "schedule_time": schedule.time,
        "schedule_zone": schedule.zone,
    }


def _latest_due(campaign: Campaign, now: datetime) -> recurrence.Due:
    assert campaign.recurrence is not None
    planned = planned_run(campaign)
    return recurrence.latest_due(
        campaign.recurrence, planned=planned, zone=campaign.business.zone, now=now
    )


def _note(campaign: Campaign, reason: str, *, first: Schedule, times: int = 1) -> None:
    SkippedRun.objects.create(
        campaign=campaign, scheduled_at=first.instant, times=times, reason=reason
    )


def _has_had_all(campaign: Campaign) -> bool:
    """Whether there were as many runs as the rule allows; what was left out is none."""
    most = (campaign.recurrence or {}).get("count")
    runs = CampaignRun.objects.filter(campaign=campaign, kind__in=CampaignRun.OF_SERIES)
    return most is not None and runs.count() >= most
