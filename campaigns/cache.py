"""The cached reads of campaigns, templates, automations and the dashboard, and the receivers that
keep them true.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any, Final

from django.conf import settings
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from accounts.cache import business_generation
from campaigns.models import Campaign, CampaignRun, Template
from campaigns.signals import campaigns_changed
from contacts.models import Consent, Contact
from contacts.signals import contacts_changed
from messaging.signals import messages_changed
from rediskit.versioned_cache import (
    Cached,
    CachedMany,
    generation_key,
    get_many_or_compute,
    get_or_compute,
    invalidate,
    invalidate_durably,
    versioned_key,
)
from tracking.signals import engagement_changed

LONGEST_SEARCH: Final = 64  # bytes that stand in a key as they are
SYSTEM_TEMPLATES: Final = generation_key("templates", "system")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """What a page of the list of campaigns depends on. ordering: fields, with a minus if falling.

    page: its number, or "last".
    """

    page: int | str
    page_size: int
    search: str = ""
    status: Sequence[str] = ()
    date_from: date | None = None
    date_to: date | None = None
    ordering: Sequence[str] = ("-created_at",)
    with_stats: bool = False


def list_key(business_id: int, query: ListQuery) -> str:
    """
    >>> list_key(1, ListQuery(page=1, page_size=10, status=["draft"], with_stats=True))
    'campaigns:list:v1:1:1:10::draft::created_at:desc:true'
    """
    dates = (query.date_from, query.date_to)
    return versioned_key(
        "campaigns:list",
        1,
        business_id,
        query.page,
        query.page_size,
        _search(query.search),
        ",".join(sorted(query.status)),
        "..".join(str(day or "") for day in dates) if any(dates) else "",
        ",".join(field.removeprefix("-") for field in query.ordering),
        ",".join("desc" if field.startswith("-") else "asc" for field in query.ordering),
        str(query.with_stats).lower(),
    )


def statistics_key(business_id: int, campaign_id: int) -> str:
    """
    >>> statistics_key(1, 5)
    'stats:campaign:v1:1:5'
    """
    return versioned_key("stats:campaign", 1, business_id, campaign_id)


def automation_statistics_key(business_id: int, automation_id: int) -> str:
    """
    >>> automation_statistics_key(1, 5)
    'stats:automation:v1:1:5'
    """
    return versioned_key("stats:automation", 1, business_id, automation_id)


def dashboard_key(business_id: int) -> str:
    """
    >>> dashboard_key(1)
    'cache:dashboard:v1:1:1'
    """
    return versioned_key("cache:dashboard", 1, business_id, business_id)


def templates_key(business_id: int, *, page: int | str, page_size: int, search: str) -> str:
    """
    >>> templates_key(1, page=1, page_size=10, search="spring")
    'cache:templates:v1:1:1:10:spring'
    """
    return versioned_key("cache:templates", 1, business_id, page, page_size, _search(search))


def _search(text: str) -> str:
    # No short search can be taken for a long one's hash: that has more than 64 bytes itself.
    return text if len(text.encode()) <= LONGEST_SEARCH else f"sha256-{_hash(text)}"


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def campaigns_generation(business_id: int) -> str:
    return generation_key("campaigns", business_id)


def statistics_generation(business_id: int) -> str:
    """Of messages, and of what people did with them: all that is counted beside broadcasts."""
    return generation_key("stats", business_id)


def contacts_generation(business_id: int) -> str:
    return generation_key("contacts", business_id)


def templates_generation(business_id: int | None) -> str:
    return SYSTEM_TEMPLATES if business_id is None else generation_key("templates", business_id)


def get_campaign_list(
    *, business_id: int, query: ListQuery, compute: Callable[[], bytes], fresh: bool
) -> Cached:
    generations = [campaigns_generation(business_id)]
    if query.with_stats:
        generations.append(statistics_generation(business_id))
    if query.date_from or query.date_to:  # days of the business's time zone
        generations.append(business_generation(business_id))
    return get_or_compute(
        key=list_key(business_id, query),
        generations=generations,
        ttl=settings.CACHE_TTLS["campaign_list"],
        compute=compute,
        fresh=fresh,
    )


def get_statistics(
    *,
    business_id: int,
    campaign_ids: Sequence[int],
    compute: Callable[[list[int]], Mapping[int, bytes]],
    fresh: bool,
) -> CachedMany[int]:
    """By campaign; those that the business does not have are left out."""
    return get_many_or_compute(
        keys={each: statistics_key(business_id, each) for each in campaign_ids},
        generations=[statistics_generation(business_id)],
        ttl=settings.CACHE_TTLS["campaign_stats"],
        compute=compute,
        fresh=fresh,
    )


def get_automation_statistics(
    *, business_id: int, automation_id: int, compute: Callable[[], bytes], fresh: bool
) -> Cached:
    """Only for an automation that the business has: the caller has looked."""
    return get_or_compute(
        key=automation_statistics_key(business_id, automation_id),
        generations=[statistics_generation(business_id)],
        ttl=settings.CACHE_TTLS["campaign_stats"],
        compute=compute,
        fresh=fresh,
    )


def get_dashboard(*, business_id: int, compute: Callable[[], bytes], fresh: bool) -> Cached:
    return get_or_compute(
        key=dashboard_key(business_id),
        generations=[
            contacts_generation(business_id),
            campaigns_generation(business_id),
            statistics_generation(business_id),
        ],
        ttl=settings.CACHE_TTLS["dashboard"],
        compute=compute,
        fresh=fresh,
    )


def get_template_list(
    *,
    business_id: int,
    page: int | str,
    page_size: int,
    search: str,
    compute: Callable[[], bytes],
    fresh: bool,
) -> Cached:
    return get_or_compute(
        key=templates_key(business_id, page=page, page_size=page_size, search=search),
        generations=[templates_generation(business_id), SYSTEM_TEMPLATES],
        ttl=settings.CACHE_TTLS["templates"],
        compute=compute,
        fresh=fresh,
    )


@receiver([post_save, post_delete], sender=Campaign)
def forget_campaign(*, instance: Campaign, **_: Any) -> None:
    business_id = instance.business_id
    # Once deleted, it has no statistics either.
    invalidate(campaigns_generation(business_id), statistics_generation(business_id))


@receiver(campaigns_changed)
def forget_campaigns(*, business_ids: set[int], **_: Any) -> None:
    invalidate(*map(campaigns_generation, business_ids))


@receiver([post_save, post_delete], sender=CampaignRun)
def forget_run(*, instance: CampaignRun, **_: Any) -> None:
    invalidate(statistics_generation(instance.campaign.business_id))


@receiver([messages_changed, engagement_changed])
def forget_statistics(*, business_ids: set[int], **_: Any) -> None:
    invalidate(*map(statistics_generation, business_ids))


@receiver([post_save, post_delete], sender=Contact)
@receiver(post_save, sender=Consent)  # whoever subscribes or unsubscribes writes one
def forget_contact(*, instance: Contact | Consent, **_: Any) -> None:
    invalidate(contacts_generation(instance.business_id))


@receiver(contacts_changed)
def forget_contacts(*, business_ids: set[int], **_: Any) -> None:
    invalidate(*map(contacts_generation, business_ids))


@receiver([post_save, post_delete], sender=Template)
def forget_template(*, instance: Template, **_: Any) -> None:
    invalidate_durably(templates_generation(instance.business_id))
