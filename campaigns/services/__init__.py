"""What can be done with templates and campaigns."""

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
    schedule_campaign,
    send_campaign,
    unschedule_campaign,
)
from campaigns.services.editing import (
    UNCHANGED,
    CampaignFields,
    PreconditionFailed,
    create_campaign,
    delete_campaign,
    duplicate_campaign,
    update_campaign,
)
from campaigns.services.following import follow_broadcast, reconcile
from campaigns.services.launching import launch_due
from campaigns.services.templates import (
    SystemTemplate,
    TemplateExists,
    TemplateInUse,
    create_template,
    delete_template,
    update_template,
)

__all__ = [
    "UNCHANGED",
    "CampaignFields",
    "CampaignNotFound",
    "EmptyAudience",
    "InvalidStatus",
    "PreconditionFailed",
    "ScheduleInPast",
    "ScheduleTooFar",
    "SendingNotApproved",
    "SystemTemplate",
    "TemplateExists",
    "TemplateInUse",
    "cancel_campaign",
    "create_campaign",
    "create_template",
    "delete_campaign",
    "delete_template",
    "duplicate_campaign",
    "follow_broadcast",
    "launch_due",
    "pause_campaign",
    "reconcile",
    "refuse_impossible",
    "resume_campaign",
    "schedule_campaign",
    "send_campaign",
    "unschedule_campaign",
    "update_campaign",
    "update_template",
]
