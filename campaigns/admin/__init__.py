"""Templates and campaigns as staff see them."""

from campaigns.admin.campaigns import CampaignAdmin
from campaigns.admin.templates import TemplateAdmin

__all__ = ["CampaignAdmin", "TemplateAdmin"]
