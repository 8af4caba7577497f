"""The engine in the admin: all of it to look at, each business for itself."""

import re

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.tests.factories import make_business, make_member
from messaging import services
from messaging.admin import WHY
from messaging.gateways.base import CredentialsRefused, FailureReason, SendResult
from messaging.models import GatewayEvent, Message
from messaging.services.claim_statements import CAPPED_MESSAGES
from messaging.tests.factories import ScriptedGateway, accept_all, make_expanded

pytestmark = pytest.mark.django_db

MODELS = ["message", "dailyusage"]
OPERATORS = [
    "broadcast",
    "batch",
    "gatewayevent",
    "messageproblem",
    "waitingreport",
    "gatewayreference",
    "quiethours",
]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("model", MODELS + OPERATORS)
def test_a_superuser_sees_every_list(admin_client: Client, model: str) -> None:
    make_expanded(contacts=2)
    services.send_next_batch(ScriptedGateway(accept_all))
    services.store_event(gateway="mitto", kind="delivery", raw=b"\x00 not json")

    assert admin_client.get(f"/admin/messaging/{model}/").status_code == 200


def test_a_broadcast_shows_its_counters(admin_client: Client) -> None:
    broadcast = make_expanded(contacts=2)
    page = admin_client.get(f"/admin/messaging/broadcast/{broadcast.pk}/change/")
    assert page.status_code == 200
    assert "Expansion" in page.content.decode()
    assert "Left out" in page.content.decode()
    assert "uppressed:" not in page.content.decode()


@pytest.fixture
def clerk() -> Client:
    """A manager who may use the admin, of a business with one broadcast; there is another."""
    mine, other = make_business(name="Mine"), make_business(name="Other")
    make_expanded(contacts=1, business=mine)
    make_expanded(contacts=1, business=other)
    user = make_member(mine, role="manager")
    user.is_staff = True
    user.save(update_fields=["is_staff"])
    client = Client()
    client.force_login(user)
    return client


def test_a_clerk_sees_the_own_business_only(clerk: Client) -> None:
    mine, other = Message.objects.order_by("id")
    page = clerk.get("/admin/messaging/message/").content.decode()

    assert mine.phone in page
    assert other.phone not in page
    url = "/admin/messaging/message/{}/change/"
    assert clerk.get(url.format(mine.pk)).status_code == 200
    assert clerk.get(url.format(other.pk)).status_code == 302


@pytest.mark.parametrize("model", OPERATORS)
def test_what_is_of_all_businesses_is_not_for_clerks(clerk: Client, model: str) -> None:
    assert clerk.get(f"/admin/messaging/{model}/").status_code == 403


def test_an_event_in_quarantine_is_tried_again(admin_client: Client) -> None:
    services.store_event(gateway="mitto", kind="delivery", raw=b"[")
    services.apply_stored_events()
    event = GatewayEvent.objects.get()
    assert event.state == "quarantined"
    page = admin_client.get(f"/admin/messaging/gatewayevent/{event.pk}/change/")
    assert page.status_code == 200

    admin_client.post(
        "/admin/messaging/gatewayevent/", {"action": "replay", "_selected_action": [event.pk]}
    )

    event.refresh_from_db()
    assert event.state == "pending"


def test_the_list_of_messages_does_not_grow_in_queries(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    make_expanded(contacts=60)
    with django_assert_max_num_queries(8):
        page = admin_client.get("/admin/messaging/message/")
    assert "60 messages" in page.content.decode()


BROADCASTS = "/admin/messaging/broadcast/"


@pytest.fixture
def refused() -> Message:
    """A single message, of no campaign, whose gateway has refused our key."""

    def refuse(_: object) -> list[SendResult]:
        raise CredentialsRefused(FailureReason.CREDENTIALS, "HTTP 403")

    message = services.send_message(
        business=make_business(), phone="+306940000001", text="Your order is ready", sender="Shop"
    )
    assert services.send_next_batch(ScriptedGateway(refuse))
    message.broadcast.refresh_from_db()
    assert message.broadcast.status == "paused"
    return message


@pytest.mark.django_db(transaction=True)
def test_a_single_message_that_was_paused_can_go_on(admin_client: Client, refused: Message) -> None:
    chosen = {"action": "resume", "_selected_action": [refused.broadcast_id]}
    page = admin_client.post(BROADCASTS, chosen, follow=True)

    assert "Broadcasts that go on: 1." in page.content.decode()
    assert services.send_next_batch(ScriptedGateway(accept_all))
    refused.refresh_from_db()
    assert refused.status == "sent"


@pytest.mark.django_db(transaction=True)
def test_a_single_message_that_was_paused_can_be_given_up(
    admin_client: Client, refused: Message
) -> None:
    chosen = {"action": "cancel", "_selected_action": [refused.broadcast_id]}
    page = admin_client.post(BROADCASTS, chosen)
    assert "HTTP 403" in page.content.decode()
    refused.broadcast.refresh_from_db()
    assert refused.broadcast.status == "paused", "it asks first"

    admin_client.post(BROADCASTS, chosen | {"confirmed": "yes"})
    services.sweep_messaging()

    refused.refresh_from_db()
    assert refused.status == "cancelled"


@pytest.mark.django_db(transaction=True)
def test_a_broadcast_s_page_has_a_button_for_what_is_possible(
    admin_client: Client, refused: Message
) -> None:
    page = f"{BROADCASTS}{refused.broadcast_id}/change/"
    button = re.compile(r'<button class="button" name="action" value="(\w+)">')
    assert button.findall(admin_client.get(page).text) == ["resume", "cancel"]

    pressed = {"action": "resume", "_selected_action": [refused.broadcast_id], "_page": "yes"}
    answer = admin_client.post(BROADCASTS, pressed, follow=True)

    assert answer.redirect_chain == [(page, 302)]
    assert "Broadcasts that go on: 1." in answer.text
    assert button.findall(answer.text) == ["cancel"]
    lost = SendResult.uncertain(FailureReason.TIMEOUT)
    assert services.send_next_batch(ScriptedGateway(lambda _: [lost]))
    assert button.findall(admin_client.get(page).text) == ["close_unknown"]
    question = admin_client.post(BROADCASTS, pressed | {"action": "close_unknown"})
    assert "1 unknown (timeout)" in question.text
    assert f'<a href="{page}" class="button">No, take me back</a>' in question.text


def test_staff_read_why_in_words(clerk: Client) -> None:
    mine = Message.objects.get(business__name="Mine")
    problem = {"status": "suppressed", "reason": "frequency_cap"}
    Message.objects.filter(pk=mine.pk).update(**problem)
    for url in ("/admin/messaging/message/", f"/admin/messaging/message/{mine.pk}/change/"):
        page = clerk.get(url).text
        assert "as many messages as the frequency cap allows" in page
        assert "Left out" in page
        assert "Suppressed" not in page


def test_every_reason_of_a_message_has_words() -> None:
    never_of_a_message = {"credentials", "throttled", "unreachable"}
    of_claims = set(re.findall(r"(?:THEN|ELSE) '(\w+)'", CAPPED_MESSAGES))
    assert len(of_claims) == 4
    assert {*FailureReason, *of_claims} - never_of_a_message <= WHY.keys()
