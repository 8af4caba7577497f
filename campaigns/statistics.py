"""Broadcasts in figures: the counters of their messages, and of what people did with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from django.db.models import Max, Min, QuerySet, Sum

from messaging import selectors as messaging
from messaging.models import Batch, BroadcastCounters
from tracking.models import EngagementCounters
from tracking.selectors import Engagement, engagement


@dataclass(frozen=True, slots=True)
class CampaignStatistics(messaging.BroadcastStatistics):
    """Rates go from 0 to 1, and are 0 while there is nothing to divide by."""

    views: int = 0
    clicks: int = 0
    redemptions: int = 0
    unsubscribes: int = 0

    @property
    def delivery_rate(self) -> float:
        return _rate(self.delivered, self.total)

    @property
    def failure_rate(self) -> float:
        return _rate(self.failed + self.undelivered, self.total)

    @property
    def conversion_rate(self) -> float:
        return _rate(self.redemptions, self.delivered)


_INSTANTS: Final = ("first_sent_at", "updated_at")
_COUNTED: Final = tuple(
    field.name for field in fields(messaging.BroadcastStatistics) if field.name not in _INSTANTS
)
_ENGAGED: Final = ("views", "clicks", "redemptions", "unsubscribes")


def campaign_statistics(runs: Mapping[int, Sequence[int]]) -> dict[int, CampaignStatistics]:
    """`runs`: the broadcasts of each campaign. The number of queries does not depend on theirs."""
    broadcasts = [broadcast for ids in runs.values() for broadcast in ids]
    known = messaging.statistics(broadcasts) if broadcasts else {}
    engaged = engagement(broadcasts) if broadcasts else {}
    return {
        campaign: _add([known[each] for each in ids], [engaged[each] for each in ids])
        for campaign, ids in runs.items()
    }


def statistics_of_all(broadcasts: QuerySet[Any, Any]) -> CampaignStatistics:
    """Of all of them together, however many, in three queries.

    broadcasts: a query for broadcasts, or for their ids.
    """
    counters = BroadcastCounters.objects.filter(broadcast__in=broadcasts).aggregate(
        **{name: Sum(name, default=0) for name in _COUNTED if name != "submitting"},
        first_sent_at=Min("first_sent_at"),
        updated_at=Max("updated_at"),
    )
    engaged = EngagementCounters.objects.filter(broadcast__in=broadcasts).aggregate(
        **{name: Sum(name, default=0) for name in _ENGAGED}
    )
    flying = Batch.objects.filter(broadcast__in=broadcasts, state=Batch.State.SUBMITTING)
    # The reads are of different instants, hence the bound.
    submitting = min(flying.aggregate(size=Sum("size", default=0))["size"], counters["queued"])
    counters["queued"] -= submitting
    return CampaignStatistics(submitting=submitting, **counters, **engaged)


def _add(
    parts: Sequence[messaging.BroadcastStatistics], engaged: Sequence[Engagement]
) -> CampaignStatistics:
    counts: dict[str, int] = {name: sum(getattr(part, name) for part in parts) for name in _COUNTED}
    actions = {name: sum(getattr(each, name) for each in engaged) for name in _ENGAGED}
    started = [part.first_sent_at for part in parts if part.first_sent_at]
    updated = [part.updated_at for part in parts if part.updated_at]
    return CampaignStatistics(
        **counts,
        **actions,
        first_sent_at=min(started, default=None),
        updated_at=max(updated, default=None),
    )


def _rate(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
