"""A hundred tills at once: one of them redeems."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from accounts.models import Role
from accounts.tests.factories import api_client, make_business, make_member
from tracking import services
from tracking.models import Redemption
from tracking.tests.factories import (
    counted,
    engagement,
    engagement_of_list,
    make_list,
    make_message,
    make_sent,
    message_of,
)

REDEEM = "/api/v1/tracking/redeem/"
TRIES = 100
# As many as the tests' PostgreSQL takes beside the others.
CONNECTIONS = 50


def all_at_once(work: Callable[[], str]) -> Counter[str]:
    """What came of so many tries, each thread with a connection of its own."""
    ready = threading.Barrier(CONNECTIONS)

    def run(_: int) -> list[str]:
        try:
            ready.wait(timeout=60)
            return [work() for _ in range(TRIES // CONNECTIONS)]
        finally:
            connection.close()

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        return Counter(status for found in threads.map(run, range(CONNECTIONS)) for status in found)


@pytest.mark.django_db(transaction=True)
def test_of_a_hundred_at_once_one_succeeds() -> None:
    business = make_business()
    regulars = make_list(business)
    message = message_of(make_sent(business=business, contact_list=regulars))
    user = make_member(business, Role.TILL)
    evidence = services.Evidence(channel=Redemption.Channel.API)

    statuses = all_at_once(
        lambda: (
            services.redeem(
                business_id=business.pk, code=message.public_id, user=user, evidence=evidence
            ).status
        )
    )

    assert statuses == {"redeemed": 1, "already_redeemed": TRIES - 1}
    assert Redemption.objects.count() == 1
    assert engagement(message.broadcast) == counted(redemptions=1)
    assert engagement_of_list(regulars) == counted(redemptions=1)


@pytest.mark.django_db(transaction=True)
def test_of_a_hundred_at_once_over_http_one_succeeds(settings: Settings) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"tracking:redeem:ip": (1000, 60)}
    business = make_business()
    message = make_message(business=business)
    user = make_member(business, Role.TILL)

    def ask() -> str:
        answer = api_client(user).post(REDEEM, {"tracking_id": message.public_id})
        assert answer.status_code == 200
        return str(answer.json()["status"])

    assert all_at_once(ask) == {"redeemed": 1, "already_redeemed": TRIES - 1}
    assert Redemption.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_redeems_and_undos_at_once_leave_counters_that_add_up() -> None:
    business = make_business()
    message = make_message(business=business)
    user = make_member(business, Role.TILL)
    evidence = services.Evidence(channel=Redemption.Channel.API)

    def there_and_back() -> str:
        names: dict[str, Any] = {"business_id": business.pk, "code": message.public_id}
        services.redeem(**names, user=user, evidence=evidence)
        return services.undo_redemption(**names, user=user).status

    undone = all_at_once(there_and_back)

    rows = Redemption.objects.all()
    standing = rows.filter(undone_at=None).count()
    assert standing in {0, 1}
    assert rows.count() == undone["undone"] + standing
    assert engagement(message.broadcast) == counted(redemptions=standing)
