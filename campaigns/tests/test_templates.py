"""Templates: a business's own, and the system's."""

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from rest_framework.test import APIClient

from accounts.models import Business
from accounts.tests.factories import api_client, make_business, make_member
from campaigns import services
from campaigns.models import Template
from campaigns.tests.factories import make_campaign, make_template
from contacts.tests.factories import make_contact
from messaging.segments import count_segments

URL = "/api/v1/templates/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def business(db: None) -> Business:
    return make_business()


@pytest.fixture
def client(business: Business) -> APIClient:
    return api_client(make_member(business))


def make_system(name: str = "Everybody's") -> Template:
    return Template.objects.create(business=None, name=name, text="Hi!")


def codes(answer: Any) -> list[tuple[str, str]]:
    assert answer.json()["code"] == "VALIDATION_ERROR"
    return [(error["pointer"], error["code"]) for error in answer.json()["errors"]]


def test_the_system_s_are_cheap_and_bilingual() -> None:
    Template.objects.filter(business=None).delete()  # or a test that truncated has done it
    import_module("campaigns.migrations.0003_system_templates").create_templates(apps, None)
    texts = dict(Template.objects.filter(business=None).values_list("name", "text"))
    assert len(texts) >= 6
    assert sum("Ελληνικά" in name for name in texts) >= 3
    for name, text in texts.items():
        count = count_segments(text)
        assert (count.encoding, count.segments) == ("GSM-7", 1), name
        # The opt-out line of a long domain, and a name, still fit.
        assert count.units <= 110, name


def test_own_ones_come_and_go(business: Business, client: APIClient) -> None:
    created = client.post(URL, {"name": "Offer", "text": "Hi {{first_name|there}}"})
    assert created.status_code == 201, created.json()
    url = created["Location"]
    assert set(created.json()) == {"id", "name", "text", "is_system", "created_at", "updated_at"}
    assert created.json()["is_system"] is False
    changed = client.patch(url, {"text": "Hello"})
    assert (changed.status_code, changed.json()["text"]) == (200, "Hello")
    assert client.put(url, {"name": "Deal", "text": "Hey"}).json()["name"] == "Deal"
    assert client.get(url).json()["text"] == "Hey"
    assert client.delete(url).status_code == 204
    assert client.get(url).status_code == 404


def test_the_list_has_own_ones_first(business: Business, client: APIClient) -> None:
    Template.objects.filter(business=None).delete()
    make_system()
    for name in ("Spring", "Autumn"):
        make_template(business, name)
    make_template(make_business(), "Foreign")
    with_queries = client.get(URL)
    found = [(each["name"], each["is_system"]) for each in with_queries.json()["results"]]
    assert found == [("Autumn", False), ("Spring", False), ("Everybody's", True)]
    assert client.get(URL, {"q": "AUT"}).json()["count"] == 1


def test_the_list_costs_two_queries(
    business: Business, client: APIClient, django_assert_num_queries: Any
) -> None:
    for number in range(5):
        make_template(business, f"{number}")
    with django_assert_num_queries(4):  # user and membership, count and page
        client.get(URL)


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"name": "Offer", "text": ""}, [("/text", "EMPTY_TEXT")]),
        ({"name": "Offer", "text": " \n "}, [("/text", "EMPTY_TEXT")]),
        ({"name": "Offer", "text": "x" * 2000}, [("/text", "TEXT_TOO_LONG")]),
        ({"name": "Offer", "text": "Hi {{surname}}"}, [("/text", "UNKNOWN_PLACEHOLDER")]),
        ({"name": "Offer", "text": "Hi {{first_name"}, [("/text", "MALFORMED_PLACEHOLDER")]),
        ({"name": "Offer", "text": "Hi \x07"}, [("/text", "INVALID_CHARACTER")]),
        ({"name": "Offer", "text": None}, [("/text", "NULL")]),
        ({"name": "Offer"}, [("/text", "REQUIRED")]),
        ({"text": "Hi!"}, [("/name", "REQUIRED")]),
        ({"name": "Offer", "text": "Hi!", "business": 1}, [("/business", "UNKNOWN_FIELD")]),
    ],
)
def test_bad_input(client: APIClient, body: object, errors: list[tuple[str, str]]) -> None:
    assert codes(client.post(URL, body)) == errors


def test_a_name_is_taken_once(business: Business, client: APIClient) -> None:
    make_template(business, "Offer")
    make_template(make_business(), "Deal")
    taken = client.post(URL, {"name": "Offer", "text": "Hi!"})
    assert (taken.status_code, taken.json()["code"]) == (409, "TEMPLATE_EXISTS")
    other = client.post(URL, {"name": "Deal", "text": "Hi!"})
    assert other.status_code == 201
    renamed = client.patch(other["Location"], {"name": "Offer"})
    assert (renamed.status_code, renamed.json()["code"]) == (409, "TEMPLATE_EXISTS")


def test_one_in_use_stays(business: Business, client: APIClient) -> None:
    template = make_template(business)
    make_campaign(business, template=template)
    answer = client.delete(f"{URL}{template.pk}/")
    assert (answer.status_code, answer.json()["code"]) == (409, "TEMPLATE_IN_USE")
    assert client.get(f"{URL}{template.pk}/").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_one_that_comes_into_use_meanwhile_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    business = make_business()
    template = make_template(business)
    # The collector has looked already when the campaign appears.
    monkeypatch.setattr(
        Template, "delete", lambda self: Template.objects.filter(pk=self.pk)._raw_delete("default")
    )
    make_campaign(business, template=template)
    with pytest.raises(services.TemplateInUse):
        services.delete_template(template=template)
    assert Template.objects.filter(pk=template.pk).exists()


def test_the_system_s_cannot_be_changed(client: APIClient) -> None:
    url = f"{URL}{make_system().pk}/"
    assert client.get(url).json()["is_system"] is True
    for answer in (client.patch(url, {"text": "Mine"}), client.delete(url)):
        assert (answer.status_code, answer.json()["code"]) == (403, "SYSTEM_TEMPLATE")
    assert client.get(url).json()["text"] == "Hi!"


class TestPreview:
    def test_with_the_defaults(self, client: APIClient) -> None:
        answer = client.post(URL + "preview/", {"text": "Hi {{first_name|there}}…"})
        assert answer.status_code == 200, answer.json()
        assert answer.json()["text"].startswith("Hi there…\n")
        assert "/u/" in answer.json()["text"]
        assert answer.json()["encoding"] == "UCS-2"
        assert answer.json()["unicode_characters"] == "…"
        assert answer.json()["suggestion"] == "Hi {{first_name|there}}..."
        assert answer.json()["characters"] == len(answer.json()["text"])
        assert answer.json()["segments"] == count_segments(answer.json()["text"]).segments

    def test_for_a_contact(self, business: Business, client: APIClient) -> None:
        contact = make_contact(business, first_name="Eleni", attributes={"city": "Volos"})
        body = {"text": "{{first_name}} of {{attributes.city}}", "contact": contact.pk}
        answer = client.post(URL + "preview/", body)
        assert answer.json()["text"].startswith("Eleni of Volos\n")
        assert (answer.json()["encoding"], answer.json()["suggestion"]) == ("GSM-7", None)

    def test_bad_input(self, client: APIClient) -> None:
        foreign = make_contact(make_business())
        body = {"text": "Hi {{surname}}", "contact": foreign.pk}
        assert codes(client.post(URL + "preview/", body)) == [
            ("/text", "UNKNOWN_PLACEHOLDER"),
            ("/contact", "DOES_NOT_EXIST"),
        ]
