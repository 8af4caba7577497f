"""A contact that is deleted while it is being put on a list: one of them waits, none fails."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from django.db import connection, connections, transaction

from accounts.models import Business
from accounts.tests.factories import make_business
from contacts import services
from contacts.models import Contact, ListMembership
from contacts.tests.factories import finish, make_contact, make_import, make_list

pytestmark = pytest.mark.django_db(transaction=True)

MOMENT = 0.5  # seconds: long enough for the other one to have run into the lock


@pytest.fixture
def business() -> Business:
    return make_business()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


def start(pool: ThreadPoolExecutor, work: Callable[[], object]) -> "Future[object]":
    def run() -> object:
        try:
            return work()
        finally:
            connections.close_all()

    return pool.submit(run)


def meeting(sql: str, reached: Event, other: Event) -> Any:
    """After the statement: say so, and give the other one time to get as far as it can."""

    def wrapper(execute: Any, statement: Any, *args: Any) -> Any:
        result = execute(statement, *args)
        if sql in str(statement):
            reached.set()
            other.wait(MOMENT)
        return result

    return connection.execute_wrapper(wrapper)


@pytest.mark.parametrize("update_existing", [False, True])
def test_during_an_import(
    business: Business, pool: ThreadPoolExecutor, update_existing: bool
) -> None:
    contact = make_contact(business)
    regulars = make_list(business, contact)
    contact_import = make_import(
        "phone\n6940000001\n6940000002\n",
        business=business,
        contact_list=regulars,
        update_existing=update_existing,
    )
    merged, left = Event(), Event()

    def bring_in() -> None:
        with meeting("INSERT INTO contacts_contact ", merged, left):
            finish(contact_import)

    def delete() -> None:
        merged.wait()
        with meeting("DELETE FROM", left, Event()):
            services.delete_contact(contact=contact)

    for running in (start(pool, bring_in), start(pool, delete)):
        running.result()

    contact_import.refresh_from_db()
    assert (contact_import.status, contact_import.processed) == ("completed", 2)
    assert regulars.members.get().contact.phone == "+306940000002"
    assert Contact.objects.count() == 1


@pytest.mark.parametrize("within_a_transaction", [False, True])
def test_while_it_is_put_on_a_list(
    business: Business, pool: ThreadPoolExecutor, within_a_transaction: bool
) -> None:
    contact, regulars = make_contact(business), make_list(business)
    leaving = Event()

    def delete() -> None:
        with meeting("DELETE FROM", leaving, Event()):
            services.delete_contact(contact=contact)

    def add() -> None:
        services.add_members(contact_list=regulars, contact_ids=[contact.pk])

    deleting = start(pool, delete)
    leaving.wait()
    adding = start(pool, transaction.atomic(add) if within_a_transaction else add)

    deleting.result()
    with pytest.raises(services.UnknownContacts):
        adding.result()
    assert not Contact.objects.exists()
    assert not ListMembership.objects.exists()


def test_a_list_that_is_gone_takes_nobody(business: Business) -> None:
    contact, regulars = make_contact(business), make_list(business)
    services.delete_list(contact_list=type(regulars).objects.get())

    with pytest.raises(services.ListGone), transaction.atomic():
        services.add_members(contact_list=regulars, contact_ids=[contact.pk])
