"""A contact that is deleted while something is credited to it: one of them waits, none fails."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event
from typing import Any

import pytest
from django.db import connection, connections

from accounts.models import Business
from accounts.tests.factories import make_business, make_user
from contacts.models import Contact
from contacts.services import delete_contact
from contacts.tests.factories import make_contact
from messaging.models import Message
from nfc import services
from nfc.models import Scan
from nfc.tests.factories import make_tag
from tracking.models import Redemption
from tracking.services import Evidence, RedeemStatus, UndoStatus, redeem, undo_redemption
from tracking.tests.factories import make_sent, message_of

pytestmark = pytest.mark.django_db(transaction=True)

MOMENT = 0.5  # seconds: long enough for the deletion to have run into the lock


@pytest.fixture
def business() -> Business:
    return make_business()


def deleted_meanwhile(contact: Contact, work: Callable[[], Any]) -> Any:
    """Do the work, and delete the contact just before the scan is written."""
    reached, over = Event(), Event()

    def wait(execute: Any, statement: Any, *args: Any) -> Any:
        if 'INSERT INTO "nfc_scan"' in str(statement):
            reached.set()
            over.wait(MOMENT)
        return execute(statement, *args)

    def delete() -> None:
        try:
            reached.wait(60)
            delete_contact(contact=contact)
            over.set()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        deleting = pool.submit(delete)
        with connection.execute_wrapper(wait):
            result = work()
        deleting.result()
    assert reached.is_set()
    assert not Contact.objects.filter(pk=contact.pk).exists()
    return result


def till(business: Business, message: Message) -> Callable[[], Any]:
    evidence = Evidence(channel=Redemption.Channel.API)
    user = make_user()
    return partial(
        redeem, business_id=business.pk, code=message.public_id, user=user, evidence=evidence
    )


def test_a_redemption(business: Business) -> None:
    message = message_of(make_sent(business=business))
    contact = Contact.objects.get()
    services.record_scan(tag=make_tag(business), kind=Scan.Kind.OPT_IN, contact_id=contact.pk)

    redeemed = deleted_meanwhile(contact, till(business, message))

    assert redeemed.status == RedeemStatus.REDEEMED
    assert Scan.objects.filter(kind=Scan.Kind.REDEMPTION, contact=None).exists()


def test_a_redemption_that_is_taken_back(business: Business) -> None:
    message = message_of(make_sent(business=business))
    contact = Contact.objects.get()
    services.record_scan(tag=make_tag(business), kind=Scan.Kind.OPT_IN, contact_id=contact.pk)
    till(business, message)()
    undo = partial(
        undo_redemption, business_id=business.pk, code=message.public_id, user=make_user()
    )

    assert deleted_meanwhile(contact, undo).status == UndoStatus.UNDONE
    assert Scan.objects.filter(kind=Scan.Kind.REDEMPTION_UNDONE, contact=None).exists()


def test_a_redemption_of_somebody_who_is_gone(business: Business) -> None:
    message = message_of(make_sent(business=business))
    delete_contact(contact=Contact.objects.get())

    assert till(business, message)().status == RedeemStatus.REDEEMED
    assert not Scan.objects.exists()


def test_a_visit(business: Business) -> None:
    contact = make_contact(business)
    tag = make_tag(business, type="visit", form=None)

    deleted_meanwhile(contact, partial(services.confirm_visit, tag=tag, phone=contact.phone))

    assert Scan.objects.get().contact is None
