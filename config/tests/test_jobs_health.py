"""jobs/health/: what waits, for the managers of the business only."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, cast

import pytest
from django.utils import timezone
from kombu.transport.redis import Channel
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import Business
from accounts.tests.factories import api_client, make_business, make_member
from campaigns.models import Campaign
from config import tasks
from config.celery import app
from contacts.models import ContactImport
from messaging.models import Batch, Broadcast, GatewayEvent
from messaging.tasks import apply_events
from rediskit import connection, doorbell, failover

pytestmark = pytest.mark.django_db
URL = "/api/v1/jobs/health/"
NOTHING = {"batch": None, "gateway_event": None, "contact_import": None, "campaign": None}


@pytest.fixture(autouse=True)
def _nothing_known() -> Iterator[None]:
    failover.cache.reset()
    failover.broker.reset()
    connection.client().delete(tasks.HEARTBEAT)
    with app.connection_for_write() as broker:
        cast("Channel", broker.default_channel).queue_purge("events")
    yield
    failover.cache.reset()
    failover.broker.reset()


@pytest.fixture
def business() -> Business:
    return make_business()


def health(business: Business) -> dict[str, Any]:
    answer = api_client(make_member(business)).get(URL)
    assert answer.status_code == 200
    result: dict[str, Any] = answer.json()
    return result


def make_work(business: Business) -> None:
    """A piece of each kind, that has waited since a minute, two, three and four."""

    def ago(minutes: int) -> Any:
        return timezone.now() - timedelta(minutes=minutes)

    broadcast = Broadcast.objects.create(business=business, text="x", sender="Store")
    Batch.objects.create(
        broadcast=broadcast,
        size=1,
        first_message_id=1,
        last_message_id=1,
        created_at=ago(9),
        not_before=ago(1),
    )
    GatewayEvent.objects.create(gateway="mitto", kind="delivery", raw=b"{}", received_at=ago(2))
    ContactImport.objects.create(business=business, file="a.csv", created_at=ago(3))
    Campaign.objects.create(
        business=business, name="x", text="x", status="scheduled", scheduled_at=ago(4)
    )


def test_nothing_waits(business: Business) -> None:
    answer = health(business)

    assert answer["oldest_waiting"] == NOTHING
    assert answer["scheduler_heartbeat_age"] is None
    assert set(answer["queues"]) == {"events", "imports", "scheduler", "sms"}


def test_what_waits_is_told_with_its_age(business: Business) -> None:
    make_work(business)
    assert doorbell.ring(apply_events)
    tasks.heartbeat()

    answer = health(business)

    waiting = {kind: round(age / 60) for kind, age in answer["oldest_waiting"].items()}
    assert waiting == {"batch": 1, "gateway_event": 2, "contact_import": 3, "campaign": 4}
    assert answer["queues"]["events"] == 1
    assert 0 <= answer["scheduler_heartbeat_age"] < 5


def test_work_that_may_not_run_does_not_wait(business: Business) -> None:
    make_work(business)
    Broadcast.objects.update(status="paused")
    Campaign.objects.update(scheduled_at=timezone.now() + timedelta(hours=1))

    oldest = health(business)["oldest_waiting"]

    assert oldest["batch"] is oldest["campaign"] is None


def test_the_work_of_another_business_is_not_told(business: Business) -> None:
    make_work(business)

    oldest = health(make_business())["oldest_waiting"]

    assert oldest.pop("gateway_event") is not None  # belongs to nobody until it is applied
    assert set(oldest.values()) == {None}


def test_for_managers_only(business: Business) -> None:
    clerk = api_client(make_member(business, role="till"))
    outsider = api_client(make_member(make_business()))

    assert clerk.get(URL).status_code == 403
    assert outsider.get(URL, headers={"X-Business": str(business.pk)}).status_code == 404


def test_without_redis_the_database_still_tells(business: Business, settings: Settings) -> None:
    make_work(business)
    settings.REDIS_URL = "redis://127.0.0.1:9/0"

    answer = health(business)

    assert answer["scheduler_heartbeat_age"] is None
    assert answer["oldest_waiting"]["campaign"] > 200


def test_garbage_is_no_heartbeat(business: Business) -> None:
    connection.client().set(tasks.HEARTBEAT, b"\x80\x04not a date", ex=60)

    assert health(business)["scheduler_heartbeat_age"] is None


def test_one_query_per_kind_of_work(
    business: Business, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = api_client(make_member(business))
    with django_assert_num_queries(6):  # user, membership, and the four kinds
        client.get(URL)
