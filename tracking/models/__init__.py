"""What a message leads to (links, an offer), what people did with it, and how often."""

from tracking.models.counters import EngagementCounters, ListEngagement
from tracking.models.events import Click, OfferView, OptOut, Redemption
from tracking.models.targets import Offer, ShortLink

__all__ = [
    "Click",
    "EngagementCounters",
    "ListEngagement",
    "Offer",
    "OfferView",
    "OptOut",
    "Redemption",
    "ShortLink",
]
