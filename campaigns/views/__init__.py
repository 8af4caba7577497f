"""The API of templates and campaigns."""

from campaigns.views.campaigns import CampaignViewSet
from campaigns.views.templates import TemplateViewSet

__all__ = ["CampaignViewSet", "TemplateViewSet"]
