"""A business in figures: five queries, each over rows that are counted already or indexed."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db.models import Count, Q
from django.utils import timezone

from accounts.models import Business
from campaigns.models import Campaign
from campaigns.statistics import CampaignStatistics, statistics_of_all
from contacts.models import Contact
from messaging.models import Broadcast

PERIOD: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Dashboard:
    """contacts: total, subscribed, unsubscribed, and new of the last 30 days."""

    contacts: dict[str, int]
    campaigns: dict[str, int]
    last_30_days: CampaignStatistics


def dashboard_of(business: Business) -> Dashboard:
    since = timezone.now() - PERIOD
    recent = Broadcast.objects.filter(business=business, created_at__gte=since)
    contacts = Contact.objects.filter(business=business).aggregate(
        total=Count("pk"),
        subscribed=Count("pk", filter=Q(is_subscribed=True)),
        unsubscribed=Count("pk", filter=Q(is_subscribed=False)),
        new=Count("pk", filter=Q(created_at__gte=since)),
    )
    statuses = Campaign.objects.filter(business=business).values_list("status")
    counted = dict(statuses.annotate(number=Count("pk")).order_by())
    return Dashboard(
        contacts=contacts,
        campaigns={status.value: counted.get(status.value, 0) for status in Campaign.Status},
        last_30_days=statistics_of_all(recent),
    )
