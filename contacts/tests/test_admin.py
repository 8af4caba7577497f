"""The admin as staff of one business and as the superuser see it."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import Business, Membership, User
from accounts.tests.factories import make_business, make_member, make_user
from contacts.models import (
    Consent,
    Contact,
    ContactImport,
    ContactList,
    ListMembership,
    Suppression,
)
from contacts.tests.factories import make_contact, make_contacts, make_import, make_list, run

pytestmark = pytest.mark.django_db

CONSENTS = {"consents-TOTAL_FORMS": 0, "consents-INITIAL_FORMS": 0}
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
    form = {"business": business.pk, "phone": "694 000 0001", "attributes": "city: Αθήνα"}
    added = staff.post("/admin/contacts/contact/add/", form | {"is_subscribed": "on"})
    contact = Contact.objects.get()
    changed = staff.post(
        f"/admin/contacts/contact/{contact.pk}/change/", form | CONSENTS | {"first_name": "Άννα"}
    )

    assert (added.status_code, changed.status_code) == (302, 302)
    contact.refresh_from_db()
    assert (contact.phone, contact.first_name) == ("+306940000001", "Άννα")
    assert contact.attributes == {"city": "Αθήνα"}
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


def test_an_upload_is_offered_lists_that_take_members(staff: Client, business: Business) -> None:
    regulars = make_list(business)
    women = ContactList.objects.create(business=business, name="Women", filter={})
    source = {"app_label": "contacts", "model_name": "contactimport", "field_name": "contact_list"}

    found = staff.get("/admin/autocomplete/", source | {"term": ""}).json()["results"]
    page = staff.post(
        "/admin/contacts/contactimport/add/",
        {
            "business": business.pk,
            "file": SimpleUploadedFile("people.csv", b"phone\n6940000001\n"),
            "contact_list": women.pk,
        },
    )

    assert [choice["id"] for choice in found] == [str(regulars.pk)]
    assert "not one of the available choices" in page.text
    assert not ContactImport.objects.exists()


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


class TestContact:
    def test_free_fields_are_lines(self, staff: Client, business: Business) -> None:
        attributes = {"city": "Χανιά: old town", "zip": "73100", "visits": 3, "vip": True}
        contact = make_contact(business, attributes=attributes)
        url = f"/admin/contacts/contact/{contact.pk}/change/"

        shown = staff.get(url).context["adminform"].form["attributes"].value()

        written = ["city: Χανιά: old town", "vip: true", "visits: 3", 'zip: "73100"']
        assert shown.splitlines() == written
        form = {"phone": contact.phone, "is_subscribed": "on", "attributes": shown}
        assert staff.post(url, form | CONSENTS | {"email": "a@example.com"}).status_code == 302
        contact.refresh_from_db()
        assert (contact.attributes, contact.email) == (attributes, "a@example.com")

    @pytest.mark.parametrize(
        ("lines", "complaint"),
        [
            ("Athens", "is not of the form"),
            ("a: 1\na: 2", "Each name may stand there once."),
            ("my city: x", "Latin letters"),
            ("a: [1]", "a is a text, a number"),
            ("a: 1e999", "The number in a is too large."),
        ],
    )
    def test_mistakes_in_them_are_named(
        self, staff: Client, business: Business, lines: str, complaint: str
    ) -> None:
        form = {"business": business.pk, "phone": "6940000001", "attributes": lines}

        page = staff.post("/admin/contacts/contact/add/", form)

        assert complaint in page.text
        assert lines.splitlines()[0] in page.text
        assert not Contact.objects.exists()

    def test_the_page_shows_the_consents(
        self, staff: Client, business: Business, django_assert_max_num_queries: Any
    ) -> None:
        contact = make_contact(business)
        url = f"/admin/contacts/contact/{contact.pk}/change/"
        form = {"phone": contact.phone} | CONSENTS
        assert staff.post(url, form).status_code == 302

        with django_assert_max_num_queries(11):
            page = staff.get(url).text

        assert "Withdrawn" in page
        assert "Admin" in page
        again = staff.post(url, form | {"first_name": "Άννα"})
        assert again.status_code == 302
        assert not Contact.objects.get(first_name="Άννα").is_subscribed

    def test_delete(self, staff: Client, business: Business) -> None:
        contact = make_contact(business, is_subscribed=False)
        url = f"/admin/contacts/contact/{contact.pk}/delete/"
        assert staff.get(url).status_code == 200
        assert staff.post(url, {"post": "yes"}).status_code == 302
        assert not Contact.objects.exists()
        assert Suppression.objects.exists()


class TestList:
    def test_a_filter_is_three_fields(self, staff: Client, business: Business) -> None:
        form = {"business": business.pk, "name": "Young women", "gender": "female"}

        assert (
            staff.post(
                "/admin/contacts/contactlist/add/", form | {"age_min": 0, "age_max": 30}
            ).status_code
            == 302
        )

        young = ContactList.objects.get()
        assert young.filter == {"gender": "female", "age_min": 0, "age_max": 30}
        assert "female, from 0 to 30 years" in staff.get("/admin/contacts/contactlist/").text
        url = f"/admin/contacts/contactlist/{young.pk}/change/"
        assert 'value="30"' in staff.get(url).text
        assert staff.post(url, {"name": "All"}).status_code == 302
        young.refresh_from_db()
        assert (young.name, young.filter) == ("All", {})

    def test_mistakes_are_named(self, staff: Client, business: Business) -> None:
        url = "/admin/contacts/contactlist/add/"
        form = {"business": business.pk, "name": "A", "age_min": 30, "age_max": 20}
        assert "The highest age is below the lowest." in staff.post(url, form).text
        assert "less than or equal to 120" in staff.post(url, form | {"age_max": 200}).text
        members = make_list(business)
        assert 'name="gender"' in staff.get(url).text
        url = f"/admin/contacts/contactlist/{members.pk}/change/"
        assert 'name="gender"' not in staff.get(url).text
        assert (
            "A list stays static or dynamic"
            in staff.post(url, {"name": "A", "gender": "male"}).text
        )

    def test_a_list_in_use_stays(self, staff: Client, business: Business) -> None:
        used, free = make_list(business), make_list(business, name="Free")
        make_import("phone\n", business=business, contact_list=used)
        for contact_list in (used, free):
            url = f"/admin/contacts/contactlist/{contact_list.pk}/delete/"
            assert staff.get(url).status_code == 200
            page = staff.post(url, {"post": "yes"}, follow=True).text
            assert ("uses this list" in page) == (contact_list == used)
        assert ContactList.objects.get() == used


def test_an_only_business_is_not_asked_for(staff: Client, business: Business) -> None:
    page = staff.get("/admin/contacts/contact/add/").text
    assert f'<input type="hidden" name="business" value="{business.pk}"' in page
    assert "column-business" not in staff.get("/admin/contacts/contact/").text
    manager = make_member(business, role="manager", is_staff=True)
    Membership.objects.create(user=manager, business=make_business(), role="owner")
    asked = _logged_in(manager).get("/admin/contacts/contact/add/").text
    assert '<select name="business"' in asked
