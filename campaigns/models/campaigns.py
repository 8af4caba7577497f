"""Templates, campaigns and their runs."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import SENDER, Business, validate_sender
from contacts.models import ContactList
from messaging.models import Broadcast

MAX_NAME = 120
MAX_OFFER_TITLE = 120
MAX_OFFER_TEXT = 2000


class WithOffer(models.Model):
    """What a text may lead to: an offer, which has a title, and pages of the web.

    offer_valid_until: the offer ends then, and what has not been sent by then never is.
    track_links: addresses in the text become short links that count who follows them.
    """

    offer_title = models.CharField(max_length=MAX_OFFER_TITLE, blank=True)
    offer_text = models.TextField(max_length=MAX_OFFER_TEXT, blank=True)
    offer_valid_until = models.DateTimeField(null=True, blank=True)
    track_links = models.BooleanField(default=True)

    class Meta:
        abstract = True


class Template(models.Model):
    """A text with placeholders. Those without a business are the system's, read-only for all."""

    business = models.ForeignKey(
        Business,
        on_delete=models.CASCADE,
        db_index=False,
        null=True,
        blank=True,
        related_name="templates",
    )
    name = models.CharField(max_length=MAX_NAME)
    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["business", "name"], nulls_distinct=False, name="template_name_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Campaign(WithOffer):
    """A text for an audience at a time.

    Ladder, held by a trigger:
    draft <-> scheduled -> sending -> completed; sending <-> paused;
    scheduled | sending | paused -> cancelled | failed (with a reason);
    completed -> sending (retry of failures); sending -> scheduled (next recurrence);
    scheduled -> missed -> scheduled | cancelled when more than six hours late: a person decides.

    The text is the template's at the launch, or the campaign's own. The schedule keeps the wall
    time and zone that the person chose beside the instant that they mean.

    recurrence: a campaign that comes again is `scheduled` between its runs, and its schedule is
    that of the next one, or of the one under way. A run that cannot be is left out, not the
    series: `failure` says why until the next one is launched, SkippedRun for good.
    """

    class Status(models.TextChoices):
        DRAFT = "draft"
        SCHEDULED = "scheduled"
        SENDING = "sending"
        PAUSED = "paused"
        COMPLETED = "completed"
        CANCELLED = "cancelled"
        FAILED = "failed"
        MISSED = "missed"

    EDITABLE = (Status.DRAFT, Status.SCHEDULED)

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, db_index=False, related_name="campaigns"
    )
    name = models.CharField(max_length=MAX_NAME)
    template = models.ForeignKey(
        Template, on_delete=models.PROTECT, null=True, blank=True, related_name="campaigns"
    )
    text = models.TextField(blank=True)
    contact_list = models.ForeignKey(
        ContactList, on_delete=models.PROTECT, null=True, blank=True, related_name="campaigns"
    )
    filter = models.JSONField(null=True, blank=True)
    sender = models.CharField(max_length=14, blank=True, validators=[validate_sender])
    status = models.CharField(max_length=10, choices=Status, default=Status.DRAFT)
    failure = models.CharField(max_length=255, blank=True)
    scheduled_at = models.DateTimeField(null=True, blank=True)
    schedule_date = models.DateField(null=True, blank=True)
    schedule_time = models.TimeField(null=True, blank=True)
    schedule_zone = models.CharField(max_length=64, blank=True)
    recurrence = models.JSONField(
        null=True, blank=True, help_text="`recurrence.Recurrence`; empty: it does not come again."
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True
    )
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(auto_now=True)
    launched_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    broadcast_ids: list[int]  # only after selectors.with_broadcasts

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    status__in=[
                        "draft",
                        "scheduled",
                        "sending",
                        "paused",
                        "completed",
                        "cancelled",
                        "failed",
                        "missed",
                    ]
                ),
                name="campaign_status",
            ),
            models.CheckConstraint(
                condition=~Q(status="scheduled") | Q(scheduled_at__isnull=False),
                name="campaign_scheduled_when",
            ),
            models.CheckConstraint(
                condition=Q(template__isnull=False, text="") | (Q(template=None) & ~Q(text="")),
                name="campaign_template_or_text",
            ),
            models.CheckConstraint(
                condition=~Q(offer_title="") | Q(offer_text="", offer_valid_until=None),
                name="campaign_offer_titled",
            ),
            models.CheckConstraint(
                condition=Q(recurrence__isnull=True)
                | Q(recurrence__every__in=["day", "week", "month"]),
                name="campaign_recurrence",
            ),
            models.CheckConstraint(
                condition=Q(sender="") | Q(sender__regex=SENDER), name="campaign_sender"
            ),
        ]
        indexes = [
            models.Index(fields=["business", "-created_at", "-id"], name="campaign_newest"),
            models.Index(
                fields=["scheduled_at"], condition=Q(status="scheduled"), name="campaign_due"
            ),
            models.Index(
                fields=["id"], condition=Q(status__in=["sending", "paused"]), name="campaign_open"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def version(self) -> str:
        """Changes whenever the row does: every write sets updated_at."""
        return f"{self.pk}-{self.updated_at.isoformat()}"


class CampaignRun(models.Model):
    """One broadcast of a campaign; the broadcast itself knows nothing of campaigns.

    The statistics of the campaign are those of all its runs together.
    """

    class Kind(models.TextChoices):
        LAUNCH = "launch"
        RECURRENCE = "recurrence"
        RETRY = "retry"  # of what failed in the runs since the latest launch

    OF_SERIES = (Kind.LAUNCH, Kind.RECURRENCE)  # what a recurring campaign's `count` counts

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="runs")
    broadcast = models.OneToOneField(Broadcast, on_delete=models.PROTECT, related_name="run")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.LAUNCH)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.kind} of {self.campaign_id}"


class SkippedRun(models.Model):
    """Runs of a recurring campaign that did not take place, and why. Only ever added to.

    scheduled_at: of the first of them. times: how many, one after the other for the same reason.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="skipped")
    scheduled_at = models.DateTimeField()
    times = models.PositiveIntegerField(default=1)
    reason = models.CharField(max_length=255)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(times__gt=0) & ~Q(reason=""), name="skipped_run_says_why"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.times} x {self.campaign_id}: {self.reason}"


class CampaignTest(models.Model):
    """A broadcast of a campaign's text to a few phones of its author.

    No run of the campaign: neither its status nor its statistics know of it. It outlives the
    campaign, for it says how much of the day's allowance is used up.
    """

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    campaign = models.ForeignKey(
        Campaign, on_delete=models.SET_NULL, null=True, blank=True, related_name="tests"
    )
    broadcast = models.OneToOneField(Broadcast, on_delete=models.PROTECT, related_name="test")
    messages = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["business", "created_at"], name="campaign_test_recent")]

    def __str__(self) -> str:
        return f"Test of {self.campaign_id}"
