"""The proof of a consent as staff see it."""

from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from accounts.models import Business
from accounts.tests.factories import make_business, make_member
from contacts import services
from contacts.models import Consent
from contacts.tests.factories import EVIDENCE, run, settle, sign_up

pytestmark = pytest.mark.django_db


@pytest.fixture
def business() -> Business:
    return make_business()


@pytest.fixture
def staff(business: Business) -> Client:
    client = Client()
    client.force_login(make_member(business, role="manager", is_staff=True))
    return client


def test_the_page_shows_the_proof(
    staff: Client, business: Business, django_assert_max_num_queries: Any
) -> None:
    words = "Yes, <script>alert(1)</script>\nplease."
    sign_up(business, evidence=replace(EVIDENCE, text=words, user_agent="<b>Mozilla"))
    settle()
    consent = Consent.objects.get()

    with django_assert_max_num_queries(12):
        page = staff.get(f"/admin/contacts/consent/{consent.pk}/change/").text

    assert "Yes, &lt;script&gt;alert(1)&lt;/script&gt;<br>please." in page
    assert "&lt;b&gt;Mozilla" in page
    for proof in (consent.link.hash, "203.0.113.9", "+306940000001", EVIDENCE.tag, "Sign-up"):
        assert proof in page
    assert "Save" not in page
    assert staff.post(f"/admin/contacts/consent/{consent.pk}/delete/").status_code == 403
    contact = staff.get(f"/admin/contacts/contact/{consent.contact_id}/change/").text
    assert f"/admin/contacts/consent/{consent.pk}/change/" in contact


def test_what_was_imported_or_erased_has_a_page_too(staff: Client, business: Business) -> None:
    run("phone\n6940000001\n", business=business)
    consent = Consent.objects.get()

    page = staff.get(f"/admin/contacts/consent/{consent.pk}/change/")

    assert page.status_code == 200
    assert "Import" in page.text


def test_a_phone_is_found_when_its_contact_is_gone(staff: Client, business: Business) -> None:
    contact = sign_up(business).contact
    assert contact
    services.delete_contact(contact=contact)

    found = staff.get("/admin/contacts/consent/", {"q": "+306940000001"}).context["cl"]

    assert found.result_count == 1


def test_another_business_is_out_of_reach(staff: Client) -> None:
    sign_up(make_business())
    consent = Consent.objects.get()

    assert staff.get(f"/admin/contacts/consent/{consent.pk}/change/").status_code == 302
