"""Reads of templates, campaigns and their audiences."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any, Final

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    BigIntegerField,
    Case,
    DateField,
    DateTimeField,
    Exists,
    F,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TimeField,
    Value,
    When,
)
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast, Now
from django.utils import timezone

from accounts.models import Business
from campaigns.models import (
    Automation,
    AutomationRun,
    Campaign,
    CampaignRun,
    SkippedRun,
    Template,
)
from campaigns.offers import prepare
from contacts import selectors as contacts
from contacts.models import Contact, ContactList
from messaging import selectors as messaging
from messaging.gateways.base import RETRYABLE, FailureReason
from messaging.models import Broadcast, Retry
from messaging.rendering import Values
from messaging.texts import Preview, preview

# May have arrived: whoever sends these again has to say so.
RETRY_IF_NAMED: Final = frozenset({FailureReason.UNCONFIRMED})
SAMPLES: Final = 10
ESTIMATED_FROM: Final = 100


@dataclass(frozen=True, slots=True)
class AudienceSummary:
    """Who would get a campaign if it went out now.

    segments: of all messages together; exact up to ESTIMATED_FROM contacts, else projected from
    that many.
    """

    count: int
    exclusions: dict[str, int]
    segments: int


@dataclass(frozen=True, slots=True)
class RetryOutlook:
    """What has not arrived, or may not have, and could be sent again.

    failed: would be by any retry. unconfirmed: by one that names them. unknown: by none so far.
    """

    failed: int
    unconfirmed: int
    unknown: int


def templates_of(business: Business) -> QuerySet[Template]:
    """The business's own and the system's."""
    own_first = F("business").asc(nulls_last=True)
    visible = Template.objects.filter(Q(business=business) | Q(business=None))
    return visible.order_by(own_first, "name", "pk")


def lists_of(business: Business) -> QuerySet[ContactList]:
    return ContactList.objects.filter(business=business)


def contacts_of(business: Business) -> QuerySet[Contact]:
    return Contact.objects.filter(business=business)


def text_of(campaign: Campaign) -> str:
    return campaign.template.text if campaign.template else campaign.text


def audience_spec(campaign: Campaign) -> contacts.Audience:
    """The audience as of today in the business's time zone, as the broadcast keeps it."""
    today = timezone.localdate(timezone=campaign.business.zone)
    return {
        "list": campaign.contact_list_id,
        "filter": campaign.filter,
        "on": today.isoformat(),
    }


def audience_of(campaign: Campaign, *, is_subscribed: bool = True) -> QuerySet[Contact]:
    return contacts.audience(
        business_id=campaign.business_id,
        spec=audience_spec(campaign),
        is_subscribed=is_subscribed,
    )


def summarise_audience(campaign: Campaign) -> AudienceSummary:
    count = audience_of(campaign).count()
    sample = [text.segments for _, text in rendered_samples(campaign, ESTIMATED_FROM)]
    segments = round(count * sum(sample) / len(sample)) if sample else 0
    unsubscribed = audience_of(campaign, is_subscribed=False).count()
    return AudienceSummary(count, {"unsubscribed": unsubscribed}, segments)


def rendered_samples(campaign: Campaign, limit: int = SAMPLES) -> Iterable[tuple[Contact, Preview]]:
    """The first contacts of the audience, each with the text as it would go out."""
    show = partial(preview_of, text_of(campaign), campaign.business)
    for contact in audience_of(campaign).order_by("pk")[:limit]:
        yield contact, show(values_of(contact), track_links=campaign.track_links)


def preview_of(
    text: str, business: Business | None, values: Values, *, track_links: bool = True
) -> Preview:
    """The text as it would go out from the business. Raises rendering.TemplateError, TooManyLinks.

    business: None for links that begin as the site's do.
    """
    prepared = prepare(text, track_links=track_links)
    base = business.link_base if business else ""
    return preview(text, values, link_base=base, prepared=prepared.text)


def values_of(contact: Contact) -> Values:
    return Values(contact.first_name, contact.last_name, contact.attributes)


def broadcasts_of(campaign: Campaign) -> list[int]:
    runs = CampaignRun.objects.filter(campaign=campaign).order_by("broadcast_id")
    return list(runs.values_list("broadcast_id", flat=True))


def history_of(campaign: Campaign) -> QuerySet[Any, Any]:
    """Its runs and those that were left out, newest first, as `at, what, ran, state, number, why`.

    ran: the broadcast; None for runs left out, of which there were `number` in a row, from `at` on.
    """
    runs = CampaignRun.objects.filter(campaign=campaign).annotate(
        at=F("created_at"),
        what=F("kind"),
        ran=F("broadcast_id"),
        state=F("broadcast__status"),
        number=Value(1),
        why=F("broadcast__failure"),
    )
    skipped = SkippedRun.objects.filter(campaign=campaign).annotate(
        at=F("scheduled_at"),
        what=Value("skipped"),
        ran=Value(None, BigIntegerField()),
        state=Value("skipped"),
        number=F("times"),
        why=F("reason"),
    )
    names = ("at", "what", "ran", "state", "number", "why")
    both: QuerySet[Any, Any] = runs.values(*names).union(skipped.values(*names), all=True)
    return both.order_by("-at")


def open_broadcasts_of(campaign: Campaign) -> list[int]:
    """Those that have not come to their end: of a series that was sent for years, one."""
    runs = CampaignRun.objects.filter(
        campaign=campaign,
        broadcast__status__in=[Broadcast.Status.SENDING, Broadcast.Status.PAUSED],
    )
    return list(runs.order_by("broadcast_id").values_list("broadcast_id", flat=True))


def cancelled_broadcasts_of(campaign: Campaign) -> list[int]:
    """The run that was under way when it was cancelled; of a series, not those before it."""
    runs = CampaignRun.objects.filter(
        campaign=campaign, broadcast__status=Broadcast.Status.CANCELLED
    )
    return list(runs.values_list("broadcast_id", flat=True))


def broadcasts_of_automation(automation: Automation) -> QuerySet[AutomationRun, Any]:
    """Their ids, an id for each person that it happened to: for the condition of another query."""
    return AutomationRun.objects.filter(automation=automation).values("broadcast")


def retry_of(campaign: Campaign, include: Collection[str] = ()) -> Retry:
    """What a retry sends again: of the latest launch, and of its retries.

    include: reasons beyond those that may end better the next time, from RETRY_IF_NAMED.
    """
    runs = CampaignRun.objects.filter(campaign=campaign).order_by("-pk")
    found = []
    for kind, broadcast_id in runs.values_list("kind", "broadcast_id"):
        found.append(broadcast_id)
        if kind != CampaignRun.Kind.RETRY:
            break
    reasons = RETRYABLE | RETRY_IF_NAMED.intersection(include)
    return Retry(broadcasts=sorted(found), reasons=sorted(reasons))


def retry_outlook(campaign: Campaign) -> RetryOutlook:
    """Counted as the retry itself chooses."""
    retry = retry_of(campaign)
    unconfirmed = Retry(broadcasts=retry["broadcasts"], reasons=sorted(RETRY_IF_NAMED))
    counted = messaging.statistics(retry["broadcasts"]).values()
    return RetryOutlook(
        failed=messaging.count_failures(retry),
        unconfirmed=messaging.count_failures(unconfirmed),
        unknown=sum(each.unknown for each in counted),
    )


def with_broadcasts(campaigns: QuerySet[Campaign]) -> QuerySet[Campaign]:
    """Each campaign with `broadcast_ids`, read in the same query."""
    runs = CampaignRun.objects.filter(campaign=OuterRef("pk")).values("broadcast_id")
    return campaigns.annotate(broadcast_ids=ArraySubquery(runs))  # type: ignore[no-redef]


def campaign_of(broadcast_id: int) -> int | None:
    run = CampaignRun.objects.filter(broadcast_id=broadcast_id)
    return run.values_list("campaign_id", flat=True).first()


def due_birthday_automations(now: datetime) -> list[int]:
    """Those whose hour has come, on a day that nobody has seen to.

    In one statement: every minute asks for every business there is, and few are due. A zone that
    the database has forgotten, as after an upgrade, keeps nobody else from their messages.
    """
    known = RawSQL("SELECT name FROM pg_timezone_names", [])
    there = Func(
        F("business__time_zone"), Value(now), function="timezone", output_field=DateTimeField()
    )
    local = Case(When(business__time_zone__in=known, then=there))
    due = Automation.objects.filter(
        kind=Automation.Kind.BIRTHDAY,
        is_active=True,
        swept_on__lt=Cast(local, DateField()),
        send_time__lte=Cast(local, TimeField()),
    )
    return list(due.order_by("pk").values_list("pk", flat=True))


def day_of(automation: Automation, now: datetime) -> date:
    return now.astimezone(automation.business.zone).date()


def birthday_contacts(automation: Automation, now: datetime, *, after: int) -> QuerySet[Contact]:
    """Subscribed contacts whose birthday it is and who have had no message this year.

    after: the id behind which to begin.
    """
    day = day_of(automation, now)
    runs = AutomationRun.objects.filter(
        automation=automation, phone=OuterRef("phone"), year=day.year
    )
    contacts_ = Contact.objects.filter(
        ~Exists(runs), contacts.having_birthday(day), business=automation.business, pk__gt=after
    )
    return contacts_.filter(is_subscribed=True).order_by("pk")


def due_campaigns() -> list[int]:
    """Most overdue first."""
    due = Campaign.objects.filter(status=Campaign.Status.SCHEDULED, scheduled_at__lte=Now())
    return list(due.order_by("scheduled_at", "pk").values_list("pk", flat=True))


def out_of_step() -> list[int]:
    """Campaigns under way whose latest broadcast stands in another status than they do."""
    latest = CampaignRun.objects.filter(campaign=OuterRef("pk")).order_by("-pk")
    under_way = Campaign.objects.filter(
        status__in=[Campaign.Status.SENDING, Campaign.Status.PAUSED]
    ).annotate(broadcast_status=Subquery(latest.values("broadcast__status")[:1]))
    differing = under_way.exclude(status=F("broadcast_status"))
    return list(differing.order_by("pk").values_list("pk", flat=True))
