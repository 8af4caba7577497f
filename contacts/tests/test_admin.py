"""The admin as staff of one business and as the superuser see it."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import Business, User
from accounts.tests.factories import make_business, make_member, make_user
from contacts.models import Consent, Contact, ContactImport, ListMembership, Suppression
from contacts.tests.factories import make_contact, make_contacts, make_list, run

pytestmark = pytest.mark.django_db

PAGES = ["contact", "contactlist", "listmembership", "consent", "suppression", "contactimport"]


@pytest.fixture
def business() -> Business:
    return make_business()


@pytest.fixture
def staff(business: Business) -> Client:
    return _logged_in(make_member(business, role="manager", is_staff=True))


def _logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def _fill(business: Business) -> None:
    make_list(business, *make_contacts(business, 3))
    make_contact(business, "+306949999999", is_subscribed=False)
    run("phone\n123\n", business=business)


@pytest.mark.parametrize("page", PAGES)
def test_pages_open_within_their_budget(
    staff: Client, business: Business, page: str, django_assert_max_num_queries: Any
) -> None:
    _fill(business)
    _fill(make_business("Elsewhere"))

    with django_assert_max_num_queries(12):
        mine = staff.get(f"/admin/contacts/{page}/")
    everything = _logged_in(make_user(is_staff=True, is_superuser=True)).get(
        f"/admin/contacts/{page}/", {"q": ""}
    )

    assert (mine.status_code, everything.status_code) == (200, 200)
    assert b"Elsewhere" not in mine.content
    found = everything.context["cl"].result_count
    assert found == 2 * mine.context["cl"].result_count > 0


def test_saving_goes_by_the_services(staff: Client, business: Business) -> None:
    form = {"business": business.pk, "phone": "694 000 0001", "attributes": "{}"}
    added = staff.post("/admin/contacts/contact/add/", form | {"is_subscribed": "on"})
    contact = Contact.objects.get()
    changed = staff.post(
        f"/admin/contacts/contact/{contact.pk}/change/", form | {"first_name": "Άννα"}
    )

    assert (added.status_code, changed.status_code) == (302, 302)
    contact.refresh_from_db()
    assert (contact.phone, contact.first_name) == ("+306940000001", "Άννα")
    assert not contact.is_subscribed
    assert Suppression.objects.get().phone == contact.phone
    kinds = Consent.objects.order_by("id").values_list("kind", "source")
    assert list(kinds) == [("granted", "admin"), ("withdrawn", "admin")]
    again = staff.post("/admin/contacts/contact/add/", form)
    assert "Another contact has this phone number" in again.content.decode()


def test_an_upload_is_an_import(staff: Client, business: Business) -> None:
    file = SimpleUploadedFile("people.csv", b"phone\n6940000001\n")

    answer = staff.post(
        "/admin/contacts/contactimport/add/", {"business": business.pk, "file": file}
    )

    assert answer.status_code == 302
    contact_import = ContactImport.objects.get()
    assert (contact_import.original_name, contact_import.status) == ("people.csv", "pending")
    assert (
        staff.get(f"/admin/contacts/contactimport/{contact_import.pk}/change/").status_code == 200
    )
    staff.post(
        "/admin/contacts/contactimport/",
        {"action": "cancel", "_selected_action": [contact_import.pk]},
    )
    contact_import.refresh_from_db()
    assert contact_import.status == "cancelled"


def test_another_business_is_out_of_reach(staff: Client) -> None:
    contact = make_contact(make_business())
    contact_list = make_list(contact.business)

    assert staff.get(f"/admin/contacts/contact/{contact.pk}/change/").status_code == 302
    staff.post(
        "/admin/contacts/listmembership/add/",
        {"contact_list": contact_list.pk, "contact": contact.pk},
    )
    staff.post(f"/admin/contacts/contact/{contact.pk}/delete/", {"post": "yes"})

    assert Contact.objects.filter(pk=contact.pk).exists()
    assert not ListMembership.objects.exists()


def test_an_import_shows_its_errors(staff: Client, business: Business) -> None:
    done = run("phone,first_name\n123,<b>\n", business=business)

    page = staff.get(f"/admin/contacts/contactimport/{done.pk}/change/").content.decode()

    assert "INVALID_PHONE" in page
