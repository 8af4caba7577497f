"""Counters of views, clicks, redemptions and opt-outs, and their proof."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import F
from rest_framework.test import APIClient

from accounts.models import Business, Role
from accounts.tests.factories import api_client, make_business, make_member
from contacts.models import ContactList
from contacts.services import delete_list
from messaging.models import Broadcast, Message
from messaging.tests.factories import at_once
from tracking import selectors, services
from tracking.models import (
    Click,
    EngagementCounters,
    ListEngagement,
    OfferView,
    OptOut,
    Redemption,
    ShortLink,
)
from tracking.selectors import Engagement
from tracking.tests.factories import (
    counted,
    engagement,
    engagement_of_list,
    make_list,
    make_message,
    make_sent,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def business() -> Business:
    return make_business()


@pytest.fixture
def regulars(business: Business) -> ContactList:
    return make_list(business)


@pytest.fixture
def busy(business: Business, regulars: ContactList) -> Broadcast:
    """Three people: all looked and clicked, two redeemed, one of these was undone, one left."""
    broadcast = make_sent(business=business, contacts=3, contact_list=regulars)
    link = ShortLink.objects.get()
    messages = Message.objects.select_related("broadcast__business").filter(broadcast=broadcast)
    user = make_member(business, Role.TILL)
    evidence = services.Evidence(channel=Redemption.Channel.API)
    names: dict[str, Any] = {"business_id": business.pk, "user": user}
    for number, message in enumerate(messages):
        services.record_view(message=message)
        services.record_click(message=message, link=link)
        if number:
            services.redeem(**names, code=message.public_id, evidence=evidence)
    services.undo_redemption(**names, code=messages[1].public_id)
    services.opt_out(message=messages[2])
    return broadcast


def prove() -> str:
    out = StringIO()
    call_command("check_engagement", stdout=out)
    return out.getvalue()


def test_a_broadcast_and_its_list_add_up(busy: Broadcast, regulars: ContactList) -> None:
    expected = counted(views=3, clicks=3, redemptions=1, unsubscribes=1)
    assert engagement(busy) == engagement_of_list(regulars) == expected
    assert "All counters are right." in prove()


@pytest.mark.parametrize("counter", ["views", "clicks", "redemptions", "unsubscribes"])
@pytest.mark.parametrize("model", [EngagementCounters, ListEngagement])
def test_the_proof_names_a_counter_that_is_wrong(busy: Broadcast, model: Any, counter: str) -> None:
    model.objects.update(**{counter: F(counter) + 1})
    out = StringIO()
    with pytest.raises(CommandError, match="1 counters differ"):
        call_command("check_engagement", stdout=out)
    kind = "list" if model is ListEngagement else "broadcast"
    assert f"{kind} {model.objects.get().pk}: {counter} is kept as" in out.getvalue()


@pytest.mark.parametrize("event", [OfferView, Click, OptOut, Redemption])
def test_the_proof_notices_an_event_that_is_gone(busy: Broadcast, event: Any) -> None:
    event.objects.all().delete()
    with pytest.raises(CommandError):
        prove()


def test_a_counter_without_a_row_is_noticed(busy: Broadcast) -> None:
    EngagementCounters.objects.all().delete()
    with pytest.raises(CommandError, match="4 counters"):
        prove()


@pytest.mark.django_db(transaction=True)
def test_events_at_once_are_all_counted() -> None:
    business = make_business()
    regulars = make_list(business)
    broadcast = make_sent(business=business, contacts=20, contact_list=regulars)
    messages = list(Message.objects.select_related("broadcast__business").order_by("id"))

    def look_at_all() -> None:
        for message in messages:
            services.record_view(message=message)

    at_once(look_at_all, threads=8)

    assert engagement(broadcast) == engagement_of_list(regulars) == counted(views=20)
    assert set(OfferView.objects.values_list("times", flat=True)) == {8}
    assert "right" in prove()


def test_a_list_that_is_gone_stops_nobody(busy: Broadcast, regulars: ContactList) -> None:
    message = Message.objects.select_related("broadcast__business").first()
    assert message is not None
    delete_list(contact_list=regulars)

    services.opt_out(message=message)

    assert engagement(busy)["unsubscribes"] == 2
    assert not ListEngagement.objects.exists()
    assert "right" in prove()


def test_what_failed_is_not_counted(business: Business) -> None:
    message = make_message(business=business)
    with transaction.atomic():
        services.record_view(message=message)
        transaction.set_rollback(True)
    assert engagement(message.broadcast) == counted()
    services.record_view(message=message)
    assert engagement(message.broadcast) == counted(views=1)


def test_many_are_read_in_one_query(busy: Broadcast, django_assert_num_queries: Any) -> None:
    ids = [busy.pk, 999_999]
    with django_assert_num_queries(1):
        found = selectors.engagement(ids)
    assert found == {busy.pk: Engagement(3, 3, 1, 1), 999_999: Engagement()}


class TestOfAList:
    @pytest.fixture
    def client(self, business: Business) -> APIClient:
        return api_client(make_member(business, Role.MANAGER))

    def test_it_tells_what_came_of_all_broadcasts_to_it(
        self, client: APIClient, busy: Broadcast, regulars: ContactList
    ) -> None:
        answer = client.get(f"/api/v1/lists/{regulars.pk}/stats/")
        assert answer.json() == counted(views=3, clicks=3, redemptions=1, unsubscribes=1)

    def test_before_anything_happened_all_is_nought(
        self, client: APIClient, regulars: ContactList
    ) -> None:
        assert client.get(f"/api/v1/lists/{regulars.pk}/stats/?fresh=1").json() == counted()

    def test_another_business_s_list_is_not_found(
        self, busy: Broadcast, regulars: ContactList
    ) -> None:
        stranger = api_client(make_member(make_business()))
        answer = stranger.get(f"/api/v1/lists/{regulars.pk}/stats/")
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")

    def test_the_till_does_not_see_it(self, business: Business, regulars: ContactList) -> None:
        till = api_client(make_member(business, Role.TILL))
        assert till.get(f"/api/v1/lists/{regulars.pk}/stats/").status_code == 403

    def test_unknown_parameters_and_lists_are_refused(
        self, client: APIClient, regulars: ContactList, django_assert_max_num_queries: Any
    ) -> None:
        assert client.get(f"/api/v1/lists/{regulars.pk}/stats/?x=1").status_code == 400
        assert client.get("/api/v1/lists/999999999999999999/stats/").status_code == 404
        assert client.get("/api/v1/lists/x/stats/").status_code == 404
        with django_assert_max_num_queries(4):
            client.get(f"/api/v1/lists/{regulars.pk}/stats/")
