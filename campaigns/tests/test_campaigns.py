"""Campaigns as their author writes them."""

from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Business
from accounts.tests.factories import api_client, make_business, make_member
from campaigns.models import Campaign, Template
from campaigns.tests.factories import make_campaign, make_due, make_sending, make_template
from contacts.tests.factories import make_list

URL = "/api/v1/campaigns/"


@pytest.fixture
def business(db: None) -> Business:
    return make_business()


@pytest.fixture
def client(business: Business) -> APIClient:
    return api_client(make_member(business))


def codes(answer: Any) -> list[tuple[str, str]]:
    return [(error["pointer"], error["code"]) for error in answer.data["errors"]]


class TestCreate:
    def test_with_a_text(self, client: APIClient) -> None:
        answer = client.post(URL, {"name": "Spring", "text": "Hi {{first_name|there}}"})
        assert answer.status_code == 201, answer.data
        assert answer.data == {
            "id": answer.data["id"],
            "name": "Spring",
            "template": None,
            "text": "Hi {{first_name|there}}",
            "list": None,
            "filter": None,
            "sender": "",
            "offer": None,
            "track_links": True,
            "status": "draft",
            "failure": "",
            "scheduled_at": None,
            "recurrence": None,
            "created_at": answer.data["created_at"],
            "updated_at": answer.data["updated_at"],
            "launched_at": None,
            "finished_at": None,
        }
        assert client.get(answer["Location"]).data == answer.data

    def test_with_everything(self, business: Business, client: APIClient) -> None:
        template, contact_list = make_template(business), make_list(business)
        body = {
            "name": "Spring",
            "template": template.pk,
            "list": contact_list.pk,
            "filter": {"gender": "female", "age_min": 18},
            "sender": "Bakery",
        }
        answer = client.post(URL, body)
        assert answer.status_code == 201, answer.data
        assert {name: answer.data[name] for name in body} == body

    def test_with_a_system_template(self, client: APIClient) -> None:
        template = Template.objects.filter(business=None).first() or Template.objects.create(
            name="Everybody's", text="Hi!"
        )
        answer = client.post(URL, {"name": "Spring", "template": template.pk})
        assert answer.status_code == 201, answer.data

    @pytest.mark.time_machine("2027-01-15T12:00:00Z", tick=False)
    def test_scheduled_at_once(self, client: APIClient) -> None:
        body = {"name": "Spring", "text": "Hi!", "scheduled_at": "2027-07-15T10:00:00+03:00"}
        answer = client.post(URL, body)
        assert answer.status_code == 201, answer.data
        assert answer.data["status"] == "scheduled"
        assert answer.data["scheduled_at"] == "2027-07-15T07:00:00Z"

    def test_scheduled_in_the_past_creates_nothing(self, client: APIClient) -> None:
        body = {"name": "Spring", "text": "Hi!", "scheduled_at": "2020-07-15T10:00:00Z"}
        answer = client.post(URL, body)
        assert (answer.status_code, answer.data["code"]) == (400, "SCHEDULE_IN_PAST")
        assert not Campaign.objects.exists()

    @pytest.mark.parametrize(
        ("body", "errors"),
        [
            ({"name": "Spring"}, [("/text", "EMPTY_TEXT")]),
            ({"name": "Spring", "text": "  \n"}, [("/text", "EMPTY_TEXT")]),
            ({"name": "Spring", "text": "x" * 2000}, [("/text", "TEXT_TOO_LONG")]),
            ({"name": "Spring", "text": "Hi {{surname}}"}, [("/text", "UNKNOWN_PLACEHOLDER")]),
            ({"name": "Spring", "text": "Hi {{first_name"}, [("/text", "MALFORMED_PLACEHOLDER")]),
            ({"text": "Hi!"}, [("/name", "REQUIRED")]),
            ({"name": "", "text": "Hi!"}, [("/name", "BLANK")]),
            ({"name": "x" * 121, "text": "Hi!"}, [("/name", "MAX_LENGTH")]),
            ({"name": "Spring", "template": 10**30}, [("/template", "DOES_NOT_EXIST")]),
            ({"name": "Spring", "template": "a"}, [("/template", "INVALID")]),
            ({"name": "Spring", "text": "Hi!", "list": 1}, [("/list", "DOES_NOT_EXIST")]),
            ({"name": "Spring", "text": "Hi!", "sender": "a b"}, [("/sender", "INVALID_SENDER")]),
            ({"name": "Spring", "text": "Hi!", "surprise": 1}, [("/surprise", "UNKNOWN_FIELD")]),
        ],
    )
    def test_bad_input(
        self, client: APIClient, body: object, errors: list[tuple[str, str]]
    ) -> None:
        answer = client.post(URL, body)
        assert answer.status_code == 400
        assert answer.data["code"] == "VALIDATION_ERROR"
        assert codes(answer) == errors
        assert not Campaign.objects.exists()

    def test_a_template_and_a_text(self, business: Business, client: APIClient) -> None:
        body = {"name": "Spring", "text": "Hi!", "template": make_template(business).pk}
        assert codes(client.post(URL, body)) == [("/text", "TEMPLATE_OR_TEXT")]

    @pytest.mark.parametrize(
        "audience", [{"age_min": -1}, {"age": 3}, {"gender": "x"}, [], "women", 5]
    )
    def test_bad_filters(self, client: APIClient, audience: object) -> None:
        answer = client.post(URL, {"name": "Spring", "text": "Hi!", "filter": audience})
        assert answer.status_code == 400
        assert answer.data["errors"][0]["pointer"].startswith("/filter")

    def test_another_business_owns_nothing_here(self, client: APIClient) -> None:
        other = make_business()
        body = {
            "name": "Spring",
            "template": make_template(other).pk,
            "list": make_list(other).pk,
        }
        assert codes(client.post(URL, body)) == [
            ("/template", "DOES_NOT_EXIST"),
            ("/list", "DOES_NOT_EXIST"),
        ]


class TestEdit:
    def test_what_is_not_named_stays(self, business: Business, client: APIClient) -> None:
        campaign = make_campaign(business)
        answer = client.patch(f"{URL}{campaign.pk}/", {"name": "Summer"})
        assert answer.status_code == 200, answer.data
        assert (answer.data["name"], answer.data["text"]) == ("Summer", "Hi!")

    def test_a_text_takes_the_template_s_place_and_back(
        self, business: Business, client: APIClient
    ) -> None:
        template = make_template(business)
        campaign = make_campaign(business, template=template)
        url = f"{URL}{campaign.pk}/"
        answer = client.patch(url, {"text": "Own"})
        assert (answer.data["template"], answer.data["text"]) == (None, "Own")
        answer = client.patch(url, {"template": template.pk})
        assert (answer.data["template"], answer.data["text"]) == (template.pk, "")
        assert client.patch(url, {"text": ""}).status_code == 200
        assert codes(client.patch(url, {"template": None})) == [("/text", "EMPTY_TEXT")]

    def test_what_was_read_can_be_put_back(self, business: Business, client: APIClient) -> None:
        url = f"{URL}{make_due(business).pk}/"
        read = client.get(url).json()
        answer = client.put(url, read | {"name": "Summer"})
        assert answer.status_code == 200, answer.data
        changing = {"updated_at": answer.data["updated_at"], "name": "Summer"}
        assert answer.json() == read | changing

    @pytest.mark.time_machine("2027-01-15T12:00:00Z", tick=False)
    def test_scheduling_by_editing(self, business: Business, client: APIClient) -> None:
        url = f"{URL}{make_campaign(business).pk}/"
        answer = client.patch(url, {"scheduled_at": "2027-07-15T10:00:00+03:00"})
        assert answer.data["status"] == "scheduled"
        answer = client.patch(url, {"scheduled_at": None})
        assert (answer.data["status"], answer.data["scheduled_at"]) == ("draft", None)
        answer = client.patch(url, {"scheduled_at": "2020-07-15T10:00:00Z", "name": "No"})
        assert answer.data["code"] == "SCHEDULE_IN_PAST"
        assert client.get(url).data["name"] == "Spring"

    def test_a_campaign_under_way_cannot_be_changed(
        self, business: Business, client: APIClient
    ) -> None:
        url = f"{URL}{make_sending(business).pk}/"
        for answer in (client.patch(url, {"name": "Late"}), client.delete(url)):
            assert (answer.status_code, answer.data["code"]) == (409, "INVALID_STATUS")
        assert client.get(url).data["name"] == "Spring"

    def test_delete(self, business: Business, client: APIClient) -> None:
        for campaign in (make_campaign(business), make_due(business, contacts=0)):
            assert client.delete(f"{URL}{campaign.pk}/").status_code == 204
        assert not Campaign.objects.exists()


class TestVersions:
    def test_the_etag_that_was_read_lets_one_change_through(
        self, business: Business, client: APIClient
    ) -> None:
        url = f"{URL}{make_campaign(business).pk}/"
        etag = client.get(url)["ETag"]
        headers = {"If-Match": etag}
        first = client.patch(url, {"name": "Summer"}, headers=headers)
        assert first.status_code == 200
        for answer in (
            client.patch(url, {"name": "Autumn"}, headers=headers),
            client.delete(url, headers=headers),
            client.patch(url, {"name": "Autumn"}, headers={"If-Match": f"W/{first['ETag']}"}),
            client.patch(url, {"name": "Autumn"}, headers={"If-Match": "nonsense"}),
        ):
            assert (answer.status_code, answer.data["code"]) == (412, "PRECONDITION_FAILED")
        assert client.get(url).data["name"] == "Summer"
        again = client.patch(url, {"name": "Autumn"}, headers={"If-Match": first["ETag"]})
        assert again.status_code == 200
        assert client.delete(url, headers={"If-Match": "*"}).status_code == 204

    def test_an_action_changes_the_etag(self, business: Business, client: APIClient) -> None:
        url = f"{URL}{make_campaign(business, contacts=1).pk}/"
        etag = client.get(url)["ETag"]
        sent = client.post(f"{url}send/")
        assert sent["ETag"] != etag
        assert client.get(url)["ETag"] == sent["ETag"]

    def test_an_unchanged_campaign_is_not_read_again(
        self, business: Business, client: APIClient
    ) -> None:
        url = f"{URL}{make_campaign(business).pk}/"
        etag = client.get(url)["ETag"]
        assert client.get(url, headers={"If-None-Match": etag}).status_code == 304
        Campaign.objects.update(updated_at=timezone.now(), name="Summer")
        assert client.get(url, headers={"If-None-Match": etag}).status_code == 200
