"""What can be done with templates, campaigns and automations."""

from campaigns.services.actions import (
    CampaignNotFound,
    EmptyAudience,
    InvalidStatus,
    ScheduleInPast,
    ScheduleTooFar,
    SendingNotApproved,
    cancel_campaign,
    pause_campaign,
    refuse_impossible,
    resume_campaign,
    retry_failed,
    schedule_campaign,
    send_campaign,
    unschedule_campaign,
)
from campaigns.services.automations import (
    AutomationExists,
    AutomationFields,
    AutomationInUse,
    AutomationNotFound,
    create_automation,
    delete_automation,
    update_automation,
)
from campaigns.services.birthdays import send_birthday_messages
from campaigns.services.editing import (
    UNCHANGED,
    CampaignFields,
    CampaignInUse,
    PreconditionFailed,
    create_campaign,
    delete_campaign,
    duplicate_campaign,
    update_campaign,
)
from campaigns.services.following import follow_broadcast, reconcile
from campaigns.services.launching import launch_due
from campaigns.services.recurring import SeriesOver
from campaigns.services.templates import (
    SystemTemplate,
    TemplateExists,
    TemplateInUse,
    create_template,
    delete_template,
    update_template,
)
from campaigns.services.trials import MAX_PHONES, TextRefused, TooManyTests, send_test
from campaigns.services.welcoming import send_welcome

__all__ = [
    "MAX_PHONES",
    "UNCHANGED",
    "AutomationExists",
    "AutomationFields",
    "AutomationInUse",
    "AutomationNotFound",
    "CampaignFields",
    "CampaignInUse",
    "CampaignNotFound",
    "EmptyAudience",
    "InvalidStatus",
    "PreconditionFailed",
    "ScheduleInPast",
    "ScheduleTooFar",
    "SendingNotApproved",
    "SeriesOver",
    "SystemTemplate",
    "TemplateExists",
    "TemplateInUse",
    "TextRefused",
    "TooManyTests",
    "cancel_campaign",
    "create_automation",
    "create_campaign",
    "create_template",
    "delete_automation",
    "delete_campaign",
    "delete_template",
    "duplicate_campaign",
    "follow_broadcast",
    "launch_due",
    "pause_campaign",
    "reconcile",
    "refuse_impossible",
    "resume_campaign",
    "retry_failed",
    "schedule_campaign",
    "send_birthday_messages",
    "send_campaign",
    "send_test",
    "send_welcome",
    "unschedule_campaign",
    "update_automation",
    "update_campaign",
    "update_template",
]
