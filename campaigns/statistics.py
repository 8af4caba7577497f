"""A campaign in figures: the counters of its broadcasts, added up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final

from messaging import selectors as messaging


@dataclass(frozen=True, slots=True)
class CampaignStatistics(messaging.BroadcastStatistics):
    """Rates go from 0 to 1, and are 0 while there is nothing to divide by. Views, clicks,
    redemptions and unsubscribes are not counted per campaign yet, and stay 0.
    """

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


def campaign_statistics(runs: Mapping[int, Sequence[int]]) -> dict[int, CampaignStatistics]:
    """`runs`: the broadcasts of each campaign. The number of queries does not depend on theirs."""
    broadcasts = [broadcast for ids in runs.values() for broadcast in ids]
    known = messaging.statistics(broadcasts) if broadcasts else {}
    return {campaign: _add([known[each] for each in ids]) for campaign, ids in runs.items()}


def _add(parts: Sequence[messaging.BroadcastStatistics]) -> CampaignStatistics:
    counts: dict[str, int] = {name: sum(getattr(part, name) for part in parts) for name in _COUNTED}
    started = [part.first_sent_at for part in parts if part.first_sent_at]
    updated = [part.updated_at for part in parts if part.updated_at]
    return CampaignStatistics(
        **counts,
        first_sent_at=min(started, default=None),
        updated_at=max(updated, default=None),
    )


def _rate(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
