"""The welcome: to each person once, whatever they and others do, and never in a sign-up's way."""

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from accounts.models import Business
from accounts.tests.factories import make_business
from campaigns import services
from campaigns.models import Automation, AutomationRun
from campaigns.tests.factories import make_automation
from contacts.models import Consent, Contact
from contacts.services import confirm_opt_in, unsubscribe
from contacts.tests.factories import make_contact, sign_up
from messaging.models import Broadcast, Message
from messaging.services import send_next_batch
from messaging.tests.factories import ScriptedGateway, accept_all
from rediskit.doorbell import waiting
from tracking.models import Offer, ShortLink
from tracking.services import opt_out, undo_opt_out

pytestmark = pytest.mark.django_db

PHONE = "+306940000001"


@pytest.fixture
def business() -> Business:
    return make_business(sender_name="Bakery")


class TestMessage:
    def test_it_is_marketing_with_links_of_its_own(self, business: Business) -> None:
        automation = make_automation(
            business,
            text="Welcome, {{first_name|you}}! {{offer_link}} https://shop.example/",
            offer_title="10 % off",
            offer_text="Once.",
        )
        contact = sign_up(business, PHONE, first_name="Eleni").contact
        assert contact is not None
        message = Message.objects.select_related("broadcast").get()
        first, last = message.text.splitlines()
        link = f"http://testserver/o/{message.public_id}"
        assert first.startswith("Welcome, Eleni! ")
        assert f"/o/{message.public_id} " in first
        assert first.endswith(f"/s/{message.public_id}1"), link
        assert last.startswith("Stop: ")
        broadcast = message.broadcast
        assert (broadcast.is_marketing, broadcast.sender) == (True, "Bakery")
        assert Offer.objects.get(broadcast=broadcast).title == "10 % off"
        assert ShortLink.objects.get(broadcast=broadcast).target == "https://shop.example/"
        run = AutomationRun.objects.get()
        assert (run.automation, run.phone, run.contact_id, run.broadcast) == (
            automation,
            PHONE,
            contact.pk,
            broadcast,
        )

    def test_a_sender_of_its_own(self, business: Business) -> None:
        make_automation(business, sender="Cafe")
        sign_up(business)
        assert Broadcast.objects.get().sender == "Cafe"

    @pytest.mark.parametrize(("days", "hours", "end"), [(7, None, 168), (None, 9, 9), (7, 9, 9)])
    def test_the_offer_ends_at_the_sooner_of_its_ends(
        self, business: Business, days: int | None, hours: int | None, end: int
    ) -> None:
        before = timezone.now()
        until = before + timedelta(hours=hours) if hours else None
        make_automation(business, offer_title="x", offer_valid_days=days, offer_valid_until=until)
        sign_up(business)
        valid_until = Offer.objects.get().valid_until
        assert valid_until is not None
        assert before <= valid_until - timedelta(hours=end) <= timezone.now()
        assert Broadcast.objects.get().expires_at == valid_until

    @pytest.mark.django_db(transaction=True)
    def test_it_reaches_the_gateway_and_not_those_who_stop_before(self, business: Business) -> None:
        make_automation(business)
        sign_up(business, PHONE)
        sign_up(business, "+306940000002")
        unsubscribe(business_id=business.pk, phone=PHONE, source=Consent.Source.API)
        gateway = ScriptedGateway(accept_all)
        while send_next_batch(gateway):
            pass
        assert gateway.calls == [["+306940000002"]]
        assert Message.objects.get(phone=PHONE).status == "suppressed"
        assert set(Broadcast.objects.values_list("status", flat=True)) == {"completed"}

    def test_the_senders_are_rung_after_the_commit(
        self,
        business: Business,
        django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    ) -> None:
        make_automation(business)
        before = waiting("sms")
        with django_capture_on_commit_callbacks() as callbacks:
            sign_up(business)
        assert waiting("sms") == before
        for callback in callbacks:
            callback()
        assert waiting("sms") == before + 1
        with django_capture_on_commit_callbacks(execute=True):
            sign_up(business)
        assert waiting("sms") == before + 1


class TestOnce:
    def test_signing_up_again(self, business: Business) -> None:
        make_automation(business)
        for _ in range(3):
            sign_up(business, PHONE, first_name="Eleni")
        assert Message.objects.count() == 1

    @pytest.mark.django_db(transaction=True)
    def test_stopping_undoing_and_signing_up_again(self, business: Business) -> None:
        make_automation(business)
        sign_up(business, PHONE)
        message = Message.objects.get()
        opt_out(message=message)
        assert undo_opt_out(message=message)
        sign_up(business, PHONE)
        unsubscribe(business_id=business.pk, phone=PHONE, source=Consent.Source.LINK)
        token = sign_up(business, PHONE).token
        assert token is not None
        for _ in range(2):
            assert confirm_opt_in(token=token) is not None
        assert Message.objects.count() == 1

    def test_also_for_whoever_was_deleted_meanwhile(self, business: Business) -> None:
        make_automation(business)
        sign_up(business, PHONE)
        Contact.objects.all().delete()
        sign_up(business, PHONE)
        assert Message.objects.count() == 1

    def test_an_edited_welcome_is_still_the_same(self, business: Business) -> None:
        automation = make_automation(business)
        sign_up(business, PHONE)
        services.update_automation(automation=automation, text="Hello again!")
        sign_up(business, PHONE)
        sign_up(business, "+306940000002")
        texts = Message.objects.order_by("pk").values_list("text", flat=True)
        assert [text.splitlines()[0] for text in texts] == ["Welcome, friend!", "Hello again!"]

    def test_each_business_has_its_own(self, business: Business) -> None:
        other = make_business()
        for each in (business, other):
            make_automation(each)
            sign_up(each, PHONE)
        assert Message.objects.values("business").distinct().count() == 2

    @pytest.mark.django_db(transaction=True)
    def test_the_constraint_decides_where_two_see_none_yet(
        self, business: Business, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As for two whose phone nothing else keeps apart."""
        make_automation(business)
        contact = sign_up(business, PHONE).contact
        assert contact is not None
        monkeypatch.setattr("campaigns.services.welcoming._has_had", lambda *_: False)
        assert services.send_welcome(contact=contact) is False
        assert Message.objects.count() == Broadcast.objects.count() == 1


class TestWhom:
    def test_who_is_known_and_signs_up_themselves_gets_one(self, business: Business) -> None:
        make_automation(business)
        make_contact(business, PHONE)
        assert not Message.objects.exists()  # staff wrote the contact down
        sign_up(business, PHONE)
        assert Message.objects.count() == 1

    def test_who_has_to_confirm_gets_it_once_they_do(self, business: Business) -> None:
        make_automation(business)
        token = sign_up(business, PHONE, must_confirm=True).token
        assert token is not None
        assert not Message.objects.exists()
        confirm_opt_in(token=token)
        assert Message.objects.get().phone == PHONE


class TestObstacles:
    """None of them harms the sign-up, and none uses up the one welcome of a person."""

    def test_none_or_an_inactive_one(self, business: Business) -> None:
        assert sign_up(business, PHONE).contact is not None
        automation = make_automation(business, is_active=False)
        sign_up(business, PHONE)
        assert not Message.objects.exists()
        services.update_automation(automation=automation, is_active=True)
        sign_up(business, PHONE)
        assert Message.objects.count() == 1

    def test_a_business_that_may_not_send_yet(self, business: Business) -> None:
        make_automation(business)
        Business.objects.update(daily_message_cap=0)
        assert sign_up(business, PHONE).contact is not None
        assert not Broadcast.objects.exists()
        Business.objects.update(daily_message_cap=10)
        sign_up(business, PHONE)
        assert Message.objects.count() == 1

    @pytest.mark.parametrize("text", ["Hi {{surname}}", "See {{offer_link}}", "x" * 1601, "{{"])
    def test_a_text_that_cannot_be_sent(
        self, business: Business, text: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        automation = make_automation(business)
        Automation.objects.update(text=text)
        contact = sign_up(business, PHONE).contact
        assert contact is not None
        assert Contact.objects.filter(pk=contact.pk, is_subscribed=True).exists()
        assert not Broadcast.objects.exists()
        assert f"Automation {automation.pk}" in caplog.text
        assert PHONE not in caplog.text

    def test_an_offer_that_is_over(self, business: Business) -> None:
        make_automation(business, offer_title="x", offer_valid_until=timezone.now())
        assert sign_up(business, PHONE).contact is not None
        assert not Broadcast.objects.exists()

    def test_a_broken_database_is_no_obstacle_to_pass_over(
        self, business: Business, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(**_: object) -> None:
            raise OperationalError("The server is shutting down.")

        make_automation(business)
        monkeypatch.setattr("messaging.services.send_message", fail)
        with pytest.raises(OperationalError):
            sign_up(business, PHONE)
        assert not Contact.objects.exists()
