"""The columns of the list that say how far a campaign has come: all its runs together."""

from django.contrib import admin

from campaigns.models import Campaign
from messaging.models import BroadcastCounters


class ProgressColumns:
    """For an admin whose queryset has fetched the runs with their counters."""

    @admin.display(description="messages")
    def recipients(self, campaign: Campaign) -> int:
        return _count(campaign, "total")

    @admin.display(description="handed over")
    def handed_over(self, campaign: Campaign) -> str:
        total = _count(campaign, "total")
        return f"{100 * _count(campaign, 'handed_over') // total} %" if total else "-"

    @admin.display
    def delivered(self, campaign: Campaign) -> int:
        return _count(campaign, "delivered")

    @admin.display
    def failed(self, campaign: Campaign) -> int:
        return _count(campaign, "failed", "undelivered")

    @admin.display
    def unknown(self, campaign: Campaign) -> int:
        return _count(campaign, "unknown")

    @admin.display
    def clicks(self, campaign: Campaign) -> int:
        return _engagement(campaign, "clicks")

    @admin.display(description="redeemed")
    def redemptions(self, campaign: Campaign) -> int:
        return _engagement(campaign, "redemptions")


def _count(campaign: Campaign, *statuses: str) -> int:
    """From the prefetched runs: no query."""
    counters: list[BroadcastCounters] = [run.broadcast.counters for run in campaign.runs.all()]
    return sum(getattr(row, status) for row in counters for status in statuses)


def _engagement(campaign: Campaign, action: str) -> int:
    """From the prefetched runs as well; before the first action there is no row."""
    rows = [getattr(run.broadcast, "engagement", None) for run in campaign.runs.all()]
    return sum(getattr(row, action) for row in rows if row is not None)
