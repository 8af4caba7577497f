"""Offers, links and what came of them, in the admin; and the till's page."""

from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Business, Role, User
from accounts.tests.factories import make_business, make_member
from messaging.models import Message
from tracking import services
from tracking.models import Redemption, ShortLink
from tracking.services import OfferFields
from tracking.tests.factories import make_message

pytestmark = pytest.mark.django_db

LISTS = ["redemption", "offer", "shortlink", "offerview", "click", "optout"]
TILL = reverse("admin:tracking_redemption_redeem")
ATTACK = "<script>alert(1)</script>"


def page(model: str, action: str = "changelist", *args: Any) -> str:
    return reverse(f"admin:tracking_{model}_{action}", args=args)


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def business() -> Business:
    return make_business("Bakery")


@pytest.fixture
def message(business: Business) -> Message:
    return make_message(business=business)


@pytest.fixture
def till(business: Business) -> Client:
    return browser(make_member(business, Role.TILL, is_staff=True))


@pytest.fixture
def manager(business: Business) -> Client:
    return browser(make_member(business, Role.MANAGER, is_staff=True))


def let_happen(message: Message) -> None:
    """One of each."""
    services.record_view(message=message)
    link = ShortLink.objects.get(broadcast=message.broadcast)
    services.record_click(message=message, link=link)
    services.redeem(
        business_id=message.business_id,
        code=message.public_id,
        user=make_member(message.broadcast.business, Role.TILL),
        evidence=services.Evidence(
            channel=Redemption.Channel.API, ip="192.0.2.7", user_agent=ATTACK
        ),
    )
    services.opt_out(message=message)


def redeem(client: Client, code: str, **fields: Any) -> str:
    answer = client.post(TILL, {"code": code, **fields}, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


class TestTheTill:
    def test_it_redeems_and_takes_back(
        self, till: Client, business: Business, message: Message
    ) -> None:
        assert 'name="code"' in till.get(TILL).content.decode()

        done = redeem(till, f"https://x/o/{message.public_id}", business=business.pk)
        again = redeem(till, message.public_id, business=business.pk)

        assert "Redeemed: Two for one" in done
        assert "Take back" in done
        assert "Already redeemed at" in again
        row = Redemption.objects.get()
        assert (row.channel, row.ip) == ("admin", "127.0.0.1")

        back = redeem(till, message.public_id, business=business.pk, undo="Take back")
        assert "can be redeemed again" in back
        assert "Take back" not in back
        row.refresh_from_db()
        assert row.undone_by == row.redeemed_by

    def test_a_look_redeems_nothing(
        self, till: Client, business: Business, message: Message
    ) -> None:
        till.get(f"{TILL}?code={message.public_id}&business={business.pk}")
        assert not Redemption.objects.exists()

    def test_it_sees_redemptions_and_nothing_else(self, till: Client, message: Message) -> None:
        let_happen(message)

        listed = till.get(page("redemption")).content.decode()
        row = Redemption.objects.get()

        assert message.public_id in listed
        assert message.phone not in listed
        assert "Redeem a code" in listed
        assert till.get(page("redemption", "change", row.pk)).status_code == 200
        assert till.get(page("redemption", "add")).status_code == 403
        assert till.post(page("redemption", "delete", row.pk)).status_code == 403
        for model in LISTS[1:]:
            assert till.get(page(model)).status_code == 403, model
        index = till.get("/admin/").context["app_list"]
        assert [app["app_label"] for app in index] == ["tracking"]

    def test_another_business_s_code_is_not_found(self, till: Client, business: Business) -> None:
        foreign = make_message(business=make_business("Foreign"))

        answer = redeem(till, foreign.public_id, business=business.pk)
        forged = redeem(till, foreign.public_id, business=foreign.business_id)

        assert "There is no offer with this code." in answer
        assert "There is no offer" not in forged  # the form is shown again
        assert not Redemption.objects.exists()

    def test_others_redemptions_are_not_seen(self, till: Client) -> None:
        foreign = make_message(
            business=make_business("Foreign"), offer=OfferFields(title="Foreign offer")
        )
        let_happen(foreign)
        row = Redemption.objects.get()

        for address in (TILL, page("redemption")):
            assert "Foreign" not in till.get(address).content.decode()
        assert till.get(page("redemption", "change", row.pk)).status_code == 302

    def test_who_works_for_two_businesses_chooses(self, message: Message) -> None:
        user = make_member(message.broadcast.business, Role.TILL, is_staff=True)
        second = make_business("Second")
        second.memberships.create(user=user, role=Role.TILL)
        client = browser(user)

        shown = client.get(TILL).content.decode()

        assert "<select" in shown
        assert "Second" in shown
        assert "no offer with this code" in redeem(client, message.public_id, business=second.pk)

    def test_nobody_else_comes_in(self, business: Business, message: Message) -> None:
        member = browser(make_member(business, Role.TILL))  # may not use the admin
        lonely = browser(User.objects.create_user("lonely@example.com", is_staff=True))

        assert Client().get(TILL).status_code == 302
        assert member.post(TILL, {"code": message.public_id}).status_code == 302
        assert lonely.post(TILL, {"code": message.public_id}).status_code == 403
        assert not Redemption.objects.exists()

    def test_a_superuser_redeems_for_any_business(
        self, admin_client: Client, business: Business, message: Message
    ) -> None:
        assert "Redeemed" in redeem(admin_client, message.public_id, business=business.pk)

    def test_its_tries_are_limited(self, till: Client, business: Business) -> None:
        form = {"code": "x", "business": business.pk}
        with time_machine.travel(timezone.now(), tick=False):
            answers = [till.post(TILL, form).status_code for _ in range(31)]
        assert answers == [302] * 30 + [429]
        assert till.get(TILL).status_code == 200


@pytest.mark.parametrize("model", LISTS)
def test_a_manager_sees_the_own_business_only(
    manager: Client, message: Message, model: str
) -> None:
    foreign = make_message(business=make_business("Foreign"))
    for each in (message, foreign):
        let_happen(each)

    listed = manager.get(page(model))
    text = listed.content.decode()

    assert len(listed.context["cl"].result_list) == 1
    assert "Foreign" not in text
    assert foreign.public_id not in text


@pytest.mark.parametrize("model", LISTS)
def test_nothing_of_it_is_changed_in_the_admin(
    admin_client: Client, message: Message, model: str
) -> None:
    let_happen(message)
    listed = admin_client.get(page(model))
    row = listed.context["cl"].result_list[0]

    assert admin_client.get(page(model, "change", row.pk)).status_code == 200
    assert admin_client.get(page(model, "add")).status_code == 403
    assert admin_client.post(page(model, "change", row.pk), {}).status_code == 403
    assert admin_client.post(page(model, "delete", row.pk)).status_code == 403


@pytest.mark.parametrize("model", LISTS)
def test_a_list_costs_as_many_queries_whatever_its_length(
    manager: Client, business: Business, model: str, django_assert_max_num_queries: Any
) -> None:
    for _ in range(3):
        let_happen(make_message(business=business, contacts=1))
    with django_assert_max_num_queries(9):
        assert len(manager.get(page(model)).context["cl"].result_list) == 3


@pytest.mark.parametrize("model", LISTS)
def test_markup_is_text(manager: Client, business: Business, model: str) -> None:
    message = make_message(
        business=business,
        text=f"{{{{offer_link}}}} https://shop.example/{ATTACK}",
        offer=OfferFields(title=ATTACK, text=ATTACK),
    )
    let_happen(message)
    listed = manager.get(page(model))
    row = listed.context["cl"].result_list[0]
    opened = manager.get(page(model, "change", row.pk))
    till = manager.get(TILL)
    for answer in (listed, opened, till):
        assert ATTACK not in answer.content.decode()


def test_a_search_finds_a_message_by_its_id(manager: Client, message: Message) -> None:
    let_happen(message)
    for model in ("redemption", "offerview", "click", "optout"):
        found = manager.get(page(model), {"q": message.public_id}).context["cl"].result_list
        assert len(found) == 1
        assert not manager.get(page(model), {"q": "x"}).context["cl"].result_list
