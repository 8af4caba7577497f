"""The till's page, and what became of offers and links."""

from tracking.admin.events import ClickAdmin, OfferViewAdmin, OptOutAdmin
from tracking.admin.redemptions import RedemptionAdmin
from tracking.admin.targets import OfferAdmin, ShortLinkAdmin

__all__ = [
    "ClickAdmin",
    "OfferAdmin",
    "OfferViewAdmin",
    "OptOutAdmin",
    "RedemptionAdmin",
    "ShortLinkAdmin",
]
