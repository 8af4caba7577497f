"""The API of templates, campaigns, automations and the dashboard."""

from campaigns.views.automations import AutomationViewSet
from campaigns.views.campaigns import CampaignViewSet
from campaigns.views.dashboard import DashboardView
from campaigns.views.templates import TemplateViewSet

__all__ = ["AutomationViewSet", "CampaignViewSet", "DashboardView", "TemplateViewSet"]
