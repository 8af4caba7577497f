"""The marketing objects: templates, campaigns and automations."""

from campaigns.models.automations import (
    LATEST_SEND_TIME,
    MAX_OFFER_DAYS,
    Automation,
    AutomationRun,
)
from campaigns.models.campaigns import (
    MAX_NAME,
    MAX_OFFER_TEXT,
    MAX_OFFER_TITLE,
    Campaign,
    CampaignRun,
    CampaignTest,
    SkippedRun,
    Template,
    WithOffer,
)

__all__ = [
    "LATEST_SEND_TIME",
    "MAX_NAME",
    "MAX_OFFER_DAYS",
    "MAX_OFFER_TEXT",
    "MAX_OFFER_TITLE",
    "Automation",
    "AutomationRun",
    "Campaign",
    "CampaignRun",
    "CampaignTest",
    "SkippedRun",
    "Template",
    "WithOffer",
]
