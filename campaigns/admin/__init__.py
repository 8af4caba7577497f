"""Templates, campaigns and automations as staff see them."""

from campaigns.admin.automations import AutomationAdmin
from campaigns.admin.campaigns import CampaignAdmin
from campaigns.admin.templates import TemplateAdmin

__all__ = ["AutomationAdmin", "CampaignAdmin", "TemplateAdmin"]
