"""The welcome where several do something at the same moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from accounts.models import Business
from accounts.tests.factories import make_business
from campaigns import services
from campaigns.models import Automation, AutomationRun
from campaigns.tests.factories import make_automation
from contacts.models import Contact
from contacts.tests.factories import sign_up
from messaging.models import Broadcast, Message
from messaging.tests.factories import somebody_waits_for_a_lock
from messaging.tests.simulated import wait_for

pytestmark = pytest.mark.django_db(transaction=True)

PHONE = "+306940000001"


@pytest.fixture
def business() -> Business:
    return make_business()


def test_sixteen_sign_ups_of_two_phones_at_once(business: Business) -> None:
    make_automation(business)

    def sign_up_in_thread(number: int) -> None:
        try:
            sign_up(business, f"+30694000000{number % 2}")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(sign_up_in_thread, range(16)))
    assert Message.objects.count() == AutomationRun.objects.count() == 2
    assert Contact.objects.count() == 2


class TestDeletion:
    """Races with somebody who deletes the automation: the sign-up stands."""

    def test_between_two_statements(
        self, business: Business, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        automation = make_automation(business)

        def delete_meanwhile(*_: object) -> bool:
            in_thread(lambda: services.delete_automation(automation=automation))
            return False

        monkeypatch.setattr("campaigns.services.welcoming._has_had", delete_meanwhile)
        assert sign_up(business, PHONE).contact is not None
        assert Contact.objects.get().phone == PHONE
        assert not Broadcast.objects.exists()

    def test_before_the_commit(self, business: Business) -> None:
        automation = make_automation(business)
        with ThreadPoolExecutor(1) as pool:
            with transaction.atomic():
                sign_up(business, PHONE)
                deletion = pool.submit(closing, services.delete_automation, automation=automation)
                wait_for(somebody_waits_for_a_lock)
            with pytest.raises(services.AutomationInUse):
                deletion.result(30)
        assert Automation.objects.count() == AutomationRun.objects.count() == 1


def closing(work: Callable[..., object], **arguments: object) -> None:
    """In another thread, on a connection of its own."""
    try:
        work(**arguments)
    finally:
        connection.close()


def in_thread(work: Callable[[], object]) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(closing, work).result(30)
