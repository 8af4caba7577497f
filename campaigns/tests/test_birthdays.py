"""Birthday messages: on the day, at the hour, once a year, and never in the middle of the night."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import Business
from accounts.tests.factories import make_business
from campaigns import services
from campaigns.models import Automation, AutomationRun
from campaigns.tests.factories import make_automation, make_birthday
from contacts.models import Contact
from contacts.tests.factories import make_contact, sign_up
from messaging.models import Batch, Broadcast, Message
from messaging.services import send_to_contacts
from tracking.models import Offer, ShortLink

pytestmark = pytest.mark.django_db

ATHENS = ZoneInfo("Europe/Athens")
BORN = date(1990, 3, 10)


def at(text: str, zone: ZoneInfo = ATHENS) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


ON_THE_DAY = at("2027-03-10T10:00")


def sweep(now: datetime = ON_THE_DAY) -> int:
    return sum(services.send_birthday_messages(now=now))


def phones() -> list[str]:
    return list(Message.objects.order_by("phone").values_list("phone", flat=True))


@pytest.fixture
def business() -> Business:
    return make_business(sender_name="Bakery")


class TestWhom:
    def test_those_whose_birthday_it_is(self, business: Business) -> None:
        make_birthday(business)
        make_contact(business, "+306940000001", birthday=BORN)
        make_contact(business, "+306940000002", birthday=date(2001, 3, 10))
        make_contact(business, "+306940000003", birthday=date(1990, 3, 11))
        make_contact(business, "+306940000004", birthday=date(1990, 10, 3))
        make_contact(business, "+306940000005", birthday=BORN, is_subscribed=False)
        make_contact(business, "+306940000006")
        make_contact(make_business(), "+306940000007", birthday=BORN)
        assert sweep() == 2
        assert phones() == ["+306940000001", "+306940000002"]
        assert Broadcast.objects.count() == 1  # the engine serves them as one

    @pytest.mark.parametrize(
        ("day", "sent"),
        [
            ("2027-02-28", ["+306940000001", "+306940000002"]),
            ("2028-02-28", ["+306940000001"]),
            ("2028-02-29", ["+306940000002"]),
        ],
    )
    def test_whoever_was_born_on_29_february(
        self, business: Business, day: str, sent: list[str]
    ) -> None:
        make_birthday(business)
        Automation.objects.update(swept_on=date.fromisoformat(day) - timedelta(days=1))
        make_contact(business, "+306940000001", birthday=date(1990, 2, 28))
        make_contact(business, "+306940000002", birthday=date(1992, 2, 29))
        sweep(at(f"{day}T10:00"))
        assert phones() == sent


class TestMessage:
    def test_it_is_marketing_and_leads_to_the_offer_of_the_day(self, business: Business) -> None:
        automation = make_birthday(
            business,
            text="Happy birthday, {{first_name|you}}! {{offer_link}} https://shop.example/",
            offer_title="A cake",
            offer_valid_days=7,
        )
        contact = make_contact(business, first_name="Eleni", birthday=BORN)
        sweep()
        message = Message.objects.select_related("broadcast").get()
        assert message.text.startswith("Happy birthday, Eleni! ")
        assert f"/o/{message.public_id}" in message.text
        assert "Stop: " in message.text
        broadcast = message.broadcast
        assert (broadcast.is_marketing, broadcast.sender) == (True, "Bakery")
        assert Offer.objects.get(broadcast=broadcast).title == "A cake"
        assert ShortLink.objects.filter(broadcast=broadcast).count() == 1
        run = AutomationRun.objects.get()
        assert (run.automation, run.phone, run.contact_id, run.year, run.broadcast) == (
            automation,
            contact.phone,
            contact.pk,
            2027,
            broadcast,
        )

    def test_nobody_is_congratulated_on_the_day_after(self, business: Business) -> None:
        make_birthday(business)
        make_contact(business, birthday=BORN)
        sweep()
        assert Broadcast.objects.get().expires_at == at("2027-03-11T00:00")

    def test_an_offer_that_ends_earlier_ends_it(self, business: Business) -> None:
        end = at("2027-03-10T18:00")
        make_birthday(business, offer_title="A cake", offer_valid_until=end)
        make_contact(business, birthday=BORN)
        sweep()
        assert Broadcast.objects.get().expires_at == end


class TestHour:
    def test_not_before_it(self, business: Business) -> None:
        make_birthday(business)
        make_contact(business, birthday=BORN)
        assert sweep(at("2027-03-10T09:59")) == 0
        assert sweep(at("2027-03-10T10:00")) == 1

    def test_it_is_that_of_the_business(self) -> None:
        for zone, phone in [("Asia/Tokyo", "+306940000001"), ("UTC", "+306940000002")]:
            business = make_business(time_zone=zone)
            make_birthday(business)
            make_contact(business, phone, birthday=BORN)
        assert sweep(at("2027-03-10T10:00", ZoneInfo("Asia/Tokyo"))) == 1
        assert phones() == ["+306940000001"]

    @pytest.mark.parametrize(
        ("day", "instant"),
        [
            ("2027-03-28", "2027-03-28T01:00Z"),  # 03:30 does not exist: at four o'clock
            ("2027-10-31", "2027-10-31T00:30Z"),  # it comes twice: the first
        ],
    )
    def test_an_hour_that_the_clocks_skip_or_repeat(
        self, business: Business, day: str, instant: str
    ) -> None:
        make_birthday(business, send_time=time(3, 30))
        birthday = date.fromisoformat(day)
        Automation.objects.update(swept_on=birthday - timedelta(days=1))
        make_contact(business, birthday=birthday.replace(year=1990))
        due = datetime.fromisoformat(instant)
        assert sweep(due - timedelta(minutes=1)) == 0
        sent = [sweep(due + timedelta(minutes=30 * number)) for number in range(5)]
        assert sum(sent) == 1

    @pytest.mark.parametrize("when", ["2027-03-10T09:59", "2027-03-10T10:01"])
    def test_before_and_after_it_all_businesses_together_cost_one_query(
        self, when: str, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        """The tick comes every minute, and there may be thousands of them."""
        for _ in range(3):
            make_birthday(make_business())
        sweep(ON_THE_DAY - timedelta(days=0 if when > "2027-03-10T10" else 1))
        with django_assert_num_queries(1):
            assert sweep(at(when)) == 0

    def test_of_a_new_one_it_is_the_next(self, business: Business) -> None:
        """Whoever writes one in the evening surprises nobody the same evening."""
        now = timezone.now()
        local = timezone.localtime(now, business.zone)
        make_contact(business, birthday=local.date().replace(year=1992))
        automation = services.create_automation(
            business=business, kind="birthday", text="Hi!", send_time=time(0, 0)
        )
        assert sweep(now) == 0
        services.update_automation(automation=automation, text="Hello!")
        assert automation.swept_on == local.date()

    def test_being_edited_it_forgets_no_day(self, business: Business) -> None:
        automation = make_birthday(business)
        services.update_automation(
            automation=automation, text="Hi!", is_active=True, send_time=time(10)
        )
        assert automation.swept_on == date(2027, 3, 9)

    def test_switched_on_again_it_makes_up_for_nothing(self, business: Business) -> None:
        automation = make_birthday(business)
        Automation.objects.update(swept_on=date(2026, 1, 1))
        services.update_automation(automation=automation, is_active=False)
        assert sweep() == 0
        services.update_automation(automation=automation, is_active=True)
        today = timezone.localdate(timezone=business.zone)
        assert automation.swept_on in {today, today - timedelta(days=1)}


class TestOnce:
    def test_however_often_the_tick_comes(self, business: Business) -> None:
        make_birthday(business)
        make_contact(business, birthday=BORN)
        assert [sweep() for _ in range(5)] == [1, 0, 0, 0, 0]
        Automation.objects.update(swept_on=date(2027, 3, 9))  # as after a crash
        assert sweep() == 0

    def test_again_next_year(self, business: Business) -> None:
        make_birthday(business)
        make_contact(business, birthday=BORN)
        sweep()
        assert sweep(at("2028-03-10T10:00")) == 1
        years = AutomationRun.objects.order_by("year").values_list("year", flat=True)
        assert list(years) == [2027, 2028]

    def test_not_for_whoever_is_given_another_birthday(self, business: Business) -> None:
        make_birthday(business)
        contact = make_contact(business, birthday=BORN)
        sweep()
        Contact.objects.filter(pk=contact.pk).update(birthday=date(1990, 3, 11))
        assert sweep(at("2027-03-11T10:00")) == 0

    def test_not_for_whoever_was_deleted_and_is_back(self, business: Business) -> None:
        make_birthday(business)
        make_contact(business, birthday=BORN).delete()
        make_contact(business, birthday=BORN)
        sweep()
        Contact.objects.all().delete()
        make_contact(business, birthday=BORN)
        Automation.objects.update(swept_on=date(2027, 3, 9))
        assert sweep() == 0

    @pytest.mark.django_db(transaction=True)
    def test_eight_at_once_and_in_small_chunks(self, settings: Settings) -> None:
        settings.EXPANSION_CHUNK_SIZE, settings.SEND_BATCH_SIZE = 4, 3
        for number in range(3):
            business = make_business()
            make_birthday(business)
            Contact.objects.bulk_create(
                Contact(business=business, phone=f"+3069400{number}{index:04d}", birthday=BORN)
                for index in range(10)
            )

        def sweep_in_thread(_: int) -> int:
            try:
                return sweep()
            finally:
                connection.close()

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(sweep_in_thread, range(8))) <= 30
        sweep()
        assert Message.objects.count() == AutomationRun.objects.count() == 30
        assert AutomationRun.objects.values("automation", "phone").distinct().count() == 30
        assert max(Batch.objects.values_list("size", flat=True)) == 3
        assert set(Automation.objects.values_list("swept_on", flat=True)) == {date(2027, 3, 10)}

    def test_a_welcome_beside_it_is_another_message(self, business: Business) -> None:
        make_automation(business)
        make_birthday(business)
        sign_up(business, birthday=BORN)
        assert sweep() == 1
        assert Message.objects.count() == 2


class TestOutage:
    def failure(self) -> str:
        return Automation.objects.get().failure

    def test_within_six_hours_it_is_made_up_for(self, business: Business) -> None:
        make_birthday(business)
        make_contact(business, birthday=BORN)
        assert sweep(at("2027-03-10T15:59")) == 1
        assert self.failure() == ""

    def test_later_it_is_left_out_and_told(self, business: Business) -> None:
        make_birthday(business)
        make_contact(business, birthday=BORN)
        assert sweep(at("2027-03-10T16:01")) == 0
        assert self.failure().startswith("The birthdays of 2027-03-10 were left out: the system")
        assert sweep(at("2027-03-10T16:02")) == 0
        assert sweep(at("2027-03-11T10:00")) == 0
        assert self.failure() == ""

    def test_days_without_a_sweep_are_told_and_today_s_go_out(self, business: Business) -> None:
        make_birthday(business)
        make_contact(business, "+306940000001", birthday=BORN)
        make_contact(business, "+306940000002", birthday=date(1990, 3, 13))
        assert sweep(at("2027-03-13T10:00")) == 1
        assert phones() == ["+306940000002"]
        assert self.failure().startswith("The birthdays from 2027-03-10 to 2027-03-12 were left")

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"text": "Hi {{surname}}"}, 'Unknown placeholder "surname"'),
            ({"offer_title": "x", "offer_valid_until": at("2027-03-10T09:00")}, "The offer ends"),
        ],
    )
    def test_what_cannot_be_sent_is_told(
        self, business: Business, change: dict[str, Any], reason: str
    ) -> None:
        make_birthday(business)
        Automation.objects.update(**change)
        make_contact(business, birthday=BORN)
        assert sweep() == 0
        assert self.failure().startswith("The birthday messages could not be sent: ")
        assert reason in self.failure()
        assert not Broadcast.objects.exists()

    def test_a_business_that_may_not_send_yet(self, business: Business) -> None:
        make_birthday(business)
        Business.objects.update(daily_message_cap=0)
        make_contact(business, birthday=BORN)
        assert sweep() == 0
        assert "staff have to approve it" in self.failure()

    def test_one_business_stops_no_other(
        self, business: Business, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = make_business()
        for each in (business, other):
            make_birthday(each)
            make_contact(each, birthday=BORN)

        def fail_for_first(**fields: Any) -> Broadcast:
            if fields["business"] == business:
                raise OSError("The disk is full.")
            return send_to_contacts(**fields)

        with monkeypatch.context() as patch:
            patch.setattr("messaging.services.send_to_contacts", fail_for_first)
            assert sweep() == 1
        assert sweep() == 1

    def test_nor_does_a_zone_that_the_database_has_forgotten(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE accounts_business DROP CONSTRAINT business_time_zone_known")
        lost, other = make_business(), make_business()
        for each in (lost, other):
            make_birthday(each)
            make_contact(each, birthday=BORN)
        Business.objects.filter(pk=lost.pk).update(time_zone="Atlantis/Capital")

        assert sweep() == 1
        assert Broadcast.objects.get().business == other
