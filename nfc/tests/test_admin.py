"""Tags, forms and scans in the admin: scoped, changed by the services, printed."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Business, User
from accounts.tests.factories import make_business, make_member
from campaigns.tests.factories import make_campaign
from contacts.models import ContactList
from contacts.tests.factories import make_list
from nfc.models import OptInForm, Tag
from nfc.tests.factories import figures, make_form, make_tag, sign_up, visitor

pytestmark = pytest.mark.django_db

LIST = "admin:nfc_tag_changelist"
ADD = "admin:nfc_tag_add"
CHANGE = "admin:nfc_tag_change"
DELETE = "admin:nfc_tag_delete"
FORMS = "admin:nfc_optinform_changelist"
ADD_FORM = "admin:nfc_optinform_add"
CHANGE_FORM = "admin:nfc_optinform_change"
DELETE_FORM = "admin:nfc_optinform_delete"
SCANS = "admin:nfc_scan_changelist"


@pytest.fixture
def business(db: None) -> Business:
    return make_business("Ann's")


@pytest.fixture
def staff(business: Business) -> Client:
    return browser(make_member(business, is_staff=True))


@pytest.fixture
def root() -> Client:
    return browser(User.objects.create_superuser("root@example.com"))


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def tag_fields(business: Business, **fields: Any) -> dict[str, Any]:
    return {
        "business": business.pk, "label": "Door", "type": "visit", "status": "active", **fields,
    }  # fmt: skip


def form_fields(business: Business, **fields: Any) -> dict[str, Any]:
    return {
        "business": business.pk,
        "name": "Door",
        "language": "en",
        "consent_text": "I agree.",
        "thank_you_text": "Thanks!",
        **fields,
    }


def print_codes(client: Client, *tags: Tag) -> str:
    body = {"action": "print_codes", "_selected_action": [tag.pk for tag in tags]}
    page: str = client.post(reverse(LIST), body, follow=True).text
    return page


class TestTags:
    def test_one_is_made_and_changed(self, business: Business, staff: Client) -> None:
        form, contact_list = make_form(business), make_list(business)
        fields = tag_fields(business, type="opt_in", form=form.pk, contact_list=contact_list.pk)
        made = staff.post(reverse(ADD), {**fields, "_continue": "1"}, follow=True)
        assert made.status_code == 200
        tag = Tag.objects.get()
        assert (tag.label, tag.form, tag.contact_list) == ("Door", form, contact_list)
        url = reverse(CHANGE, args=[tag.pk])
        staff.post(url, {**fields, "label": "Window", "status": "test"})
        public_id = tag.public_id
        tag.refresh_from_db()
        assert (tag.label, tag.status, tag.public_id) == ("Window", "test", public_id)

    def test_it_shows_the_code_the_link_and_the_figures(
        self, business: Business, staff: Client
    ) -> None:
        tag = make_tag(business)
        sign_up(tag)
        figures(tag)
        page = staff.get(reverse(CHANGE, args=[tag.pk])).text
        assert "<svg" in page
        assert f"/nfc/{tag.public_id}/</a>" in page
        assert re.search(r"Since it was made</th><td>1</td><td>1</td><td>1</td><td>0</td>", page)

    @pytest.mark.parametrize("field", ["form", "campaign", "contact_list"])
    def test_another_business_s_rows_are_refused(self, root: Client, field: str) -> None:
        other = make_business()
        make = {"form": make_form, "campaign": make_campaign, "contact_list": make_list}
        row = make[field](other)  # type: ignore[operator]
        page = root.post(reverse(ADD), tag_fields(make_business(), **{field: row.pk}))
        assert "This belongs to another business." in page.text
        assert not Tag.objects.exists()

    def test_sign_ups_need_a_form_and_lists_hold_members(
        self, business: Business, staff: Client
    ) -> None:
        dynamic = ContactList.objects.create(business=business, name="All", filter={})
        page = staff.post(reverse(ADD), tag_fields(business, type="opt_in"))
        assert "needs a form" in page.text
        page = staff.post(reverse(ADD), tag_fields(business, contact_list=dynamic.pk))
        assert page.status_code == 200
        assert not Tag.objects.exists()

    def test_one_that_people_have_used_stays(self, business: Business, staff: Client) -> None:
        used, unused = make_tag(business), make_tag(business)
        visitor().get(used.path)
        for tag in (used, unused):
            page = staff.post(reverse(DELETE, args=[tag.pk]), {"post": "yes"}, follow=True)
            assert ("make it inactive instead" in page.text) == (tag == used)
        assert Tag.objects.get() == used

    def test_staff_see_their_own(self, business: Business, staff: Client) -> None:
        make_tag(business, label="Mine")
        foreign = make_tag(label="Foreign")
        page = staff.get(reverse(LIST)).text
        assert "Mine" in page
        assert "Foreign" not in page
        assert staff.get(reverse(CHANGE, args=[foreign.pk])).status_code == 302
        assert "Foreign" not in print_codes(staff, foreign)

    def test_the_list_costs_the_same_for_many(self, business: Business, staff: Client) -> None:
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                assert staff.get(reverse(LIST)).status_code == 200
            return len(captured)

        make_tag(business)
        few = queries()
        for _ in range(6):
            make_tag(business)
        assert queries() == few


class TestSheet:
    def test_holds_a_code_for_each_tag(self, business: Business, staff: Client) -> None:
        tags = [make_tag(business, label=f"Table {number}") for number in range(3)]
        page = print_codes(staff, *tags)
        assert page.count("<svg") == 3
        for tag in tags:
            assert tag.label in page
            assert f"/nfc/{tag.public_id}/" in page

    def test_loads_nothing_and_escapes_everything(self, staff: Client, business: Business) -> None:
        business.name = "<script>alert(1)</script>"
        business.save(update_fields=["name"])
        page = print_codes(staff, make_tag(business, label='"><img src=x onerror=alert(1)>'))
        assert "<script" not in page
        assert "<img" not in page
        assert not re.findall(r"""(?:src|href)=""", page.replace("src=x onerror", ""))
        assert "&lt;script&gt;" in page

    def test_says_which_are_for_tests(self, staff: Client, business: Business) -> None:
        assert "(Test)" in print_codes(staff, make_tag(business, status="test"))

    def test_asks_the_same_few_questions_for_many(self, staff: Client, business: Business) -> None:
        def queries(count: int) -> int:
            tags = [make_tag(business) for _ in range(count)]
            with CaptureQueriesContext(connection) as captured:
                print_codes(staff, *tags)
            return len(captured)

        assert queries(2) == queries(8)


class TestForms:
    def test_one_is_made_and_changed(self, business: Business, staff: Client) -> None:
        fields = form_fields(business, ask_email="required", ask_birthday="optional")
        staff.post(reverse(ADD_FORM), fields)
        form = OptInForm.objects.get()
        assert form.fields == {
            "phone": {"required": True},
            "email": {"required": True},
            "birthday": {"required": False},
        }
        assert (form.version, form.translations) == (1, {})
        url = reverse(CHANGE_FORM, args=[form.pk])
        assert 'value="required" selected' in staff.get(url).text
        greek = {"other_consent_text": "Συμφωνώ.", "other_thank_you_text": "Ευχαριστούμε!"}
        staff.post(url, {**fields, **greek, "double_opt_in": "on"})
        form.refresh_from_db()
        assert form.translations == {
            "el": {"consent_text": "Συμφωνώ.", "thank_you_text": "Ευχαριστούμε!"}
        }
        assert (form.version, form.double_opt_in) == (2, True)
        assert "Συμφωνώ." in staff.get(url).text
        staff.post(url, {**fields, **greek, "double_opt_in": "on", "name": "Window"})
        form.refresh_from_db()
        assert (form.version, form.name) == (2, "Window")

    def test_half_a_translation_is_refused(self, business: Business, staff: Client) -> None:
        fields = form_fields(business, other_consent_text="Συμφωνώ.")
        page = staff.post(reverse(ADD_FORM), fields)
        assert "thank_you_text is missing" in page.text
        assert not OptInForm.objects.exists()

    def test_a_name_is_taken_once(self, business: Business, staff: Client) -> None:
        make_form(business, name="Door")
        page = staff.post(reverse(ADD_FORM), form_fields(business))
        assert "Another form has this name." in page.text

    def test_one_that_tags_use_stays(self, business: Business, staff: Client) -> None:
        form = make_tag(business).form
        assert form is not None
        staff.post(reverse(DELETE_FORM, args=[form.pk]), {"post": "yes"}, follow=True)
        assert OptInForm.objects.get() == form


class TestScans:
    def test_are_there_to_be_looked_at(self, business: Business, staff: Client) -> None:
        tag = make_tag(business, label="Door")
        sign_up(tag)
        page = staff.get(reverse(SCANS), {"q": "+306941234567"})
        assert page.status_code == 200
        assert "opt_in" in page.text or "Opt In" in page.text
        assert "Add scan" not in page.text
        assert staff.get(reverse("admin:nfc_scan_add")).status_code == 403

    def test_of_others_are_not(self, staff: Client) -> None:
        tag = make_tag(label="Foreign")
        visitor().get(tag.path)
        assert "Foreign" not in staff.get(reverse(SCANS)).text

    def test_nothing_that_a_customer_wrote_is_markup(
        self, business: Business, staff: Client
    ) -> None:
        fields = {"phone": {"required": True}, "first_name": {"required": False}}
        evil = '"><script>alert(1)</script>'
        tag = make_tag(business, label=evil, form=make_form(business, fields=fields, name=evil))
        sign_up(tag, first_name=evil)
        contact = reverse("admin:contacts_contact_changelist")
        for url in (reverse(SCANS), reverse(LIST), reverse(FORMS), contact):
            page = staff.get(url).text
            assert "<script>alert" not in page
            assert "&lt;script&gt;alert" in page or url == reverse(SCANS)
