"""Templates, campaigns, automations and their figures as JSON."""

from campaigns.serializers.automations import AutomationSerializer
from campaigns.serializers.campaigns import (
    CampaignListSerializer,
    CampaignSerializer,
    CampaignTestSerializer,
    EmptySerializer,
    RetrySerializer,
    ScheduleSerializer,
    TestMessagesSerializer,
)
from campaigns.serializers.dashboard import DashboardSerializer
from campaigns.serializers.recurrence import RecurrenceSerializer
from campaigns.serializers.results import (
    AudienceSerializer,
    IdsSerializer,
    MessageStatusSerializer,
    RunSerializer,
    SamplesSerializer,
    StatisticsSerializer,
)
from campaigns.serializers.templates import (
    PreviewInputSerializer,
    PreviewSerializer,
    TemplateSerializer,
)

__all__ = [
    "AudienceSerializer",
    "AutomationSerializer",
    "CampaignListSerializer",
    "CampaignSerializer",
    "CampaignTestSerializer",
    "DashboardSerializer",
    "EmptySerializer",
    "IdsSerializer",
    "MessageStatusSerializer",
    "PreviewInputSerializer",
    "PreviewSerializer",
    "RecurrenceSerializer",
    "RetrySerializer",
    "RunSerializer",
    "SamplesSerializer",
    "ScheduleSerializer",
    "StatisticsSerializer",
    "TemplateSerializer",
    "TestMessagesSerializer",
]
