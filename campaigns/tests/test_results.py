"""Whom a campaign reaches, and what came of it."""

import csv
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Business
from accounts.tests.factories import api_client, make_business, make_member
from campaigns.models import Campaign
from campaigns.tests.factories import finish, make_campaign, make_sending
from contacts.tests.factories import make_contact, make_contacts, make_list
from messaging.models import Message

STATUSES = [
    "queued", "submitting", "sent", "delivered", "undelivered", "failed", "unknown", "cancelled",
    "suppressed", "expired",
]  # fmt: skip
KEYS = {
    *STATUSES, "total", "segments", "views", "clicks", "redemptions", "unsubscribes",
    "delivery_rate", "failure_rate", "conversion_rate", "first_sent_at", "updated_at",
}  # fmt: skip


@pytest.fixture
def business(db: None) -> Business:
    return make_business()


@pytest.fixture
def client(business: Business) -> APIClient:
    return api_client(make_member(business))


def url(campaign: Campaign, path: str) -> str:
    return f"/api/v1/campaigns/{campaign.pk}/{path}"


class TestAudience:
    def test_count_exclusions_and_segments(self, business: Business, client: APIClient) -> None:
        make_contacts(business, 3)
        make_contact(business, "+306949999999", is_subscribed=False)
        campaign = make_campaign(business, text="Hi " + "x" * 150)
        answer = client.get(url(campaign, "audience/"))
        assert answer.json() == {"count": 3, "exclusions": {"unsubscribed": 1}, "segments": 6}

    def test_of_a_list(self, business: Business, client: APIClient) -> None:
        contacts = make_contacts(business, 3)
        campaign = make_campaign(business, contact_list=make_list(business, *contacts[:2]))
        assert client.get(url(campaign, "audience/")).json()["count"] == 2

    def test_nobody(self, business: Business, client: APIClient) -> None:
        answer = client.get(url(make_campaign(business), "audience/"))
        assert answer.json() == {"count": 0, "exclusions": {"unsubscribed": 0}, "segments": 0}

    def test_ten_samples(self, business: Business, client: APIClient) -> None:
        contacts = make_contacts(business, 12)
        answer = client.post(url(make_campaign(business), "preview/"))
        samples = answer.json()["samples"]
        assert [sample["contact"] for sample in samples] == [each.pk for each in contacts[:10]]
        assert samples[0]["phone"] == contacts[0].phone
        assert samples[0]["text"].startswith("Hi!\n")
        assert set(samples[0]) == {
            "contact", "phone", "text", "encoding", "characters", "segments",
            "unicode_characters", "suggestion",
        }  # fmt: skip


class TestStatistics:
    def test_a_draft_has_zeros(self, business: Business, client: APIClient) -> None:
        answer = client.get(url(make_campaign(business), "stats/"))
        assert answer.status_code == 200
        assert set(answer.json()) == KEYS
        assert answer.json()["first_sent_at"] is answer.json()["updated_at"] is None
        assert {answer.json()[key] for key in KEYS - {"first_sent_at", "updated_at"}} == {0}

    @pytest.mark.django_db(transaction=True)
    def test_they_move(self, business: Business, client: APIClient) -> None:
        campaign = make_sending(business, contacts=4)
        waiting = client.get(url(campaign, "stats/")).json()
        assert (waiting["total"], waiting["queued"]) == (4, 4)
        finish(campaign)
        stats = client.get(url(campaign, "stats/")).json()
        assert (stats["total"], stats["sent"], stats["segments"]) == (4, 4, 4)
        assert sum(stats[status] for status in STATUSES) == stats["total"]
        assert stats["first_sent_at"] is not None

    def test_of_many(self, business: Business, client: APIClient) -> None:
        sending, draft = make_sending(business, contacts=2), make_campaign(business)
        ids = f"{sending.pk},{draft.pk}"
        answer = client.get("/api/v1/campaigns/stats/", {"ids": ids})
        assert answer.status_code == 200, answer.json()
        assert answer.json()[str(sending.pk)]["total"] == 2
        assert answer.json()[str(draft.pk)]["total"] == 0

    def test_of_many_costs_four_queries(
        self, business: Business, client: APIClient, django_assert_num_queries: Any
    ) -> None:
        ids = [str(make_campaign(business, name=f"{number}").pk) for number in range(5)]
        ids.append(str(make_sending(business).pk))
        with django_assert_num_queries(
            6
        ):  # user, membership; campaigns, and three kinds of counters
            answer = client.get("/api/v1/campaigns/stats/", {"ids": ",".join(ids)})
        assert len(answer.json()) == 6

    @pytest.mark.parametrize("query", [{}, {"ids": ""}, {"ids": "1,a"}, {"ids": "-1"}])
    def test_bad_ids(self, client: APIClient, query: dict[str, str]) -> None:
        answer = client.get("/api/v1/campaigns/stats/", query)
        assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")

    def test_too_many_or_unknown_ids(self, client: APIClient) -> None:
        too_many = ",".join(str(number) for number in range(1, 102))
        assert client.get("/api/v1/campaigns/stats/", {"ids": too_many}).status_code == 400
        assert client.get("/api/v1/campaigns/stats/", {"ids": "99999999"}).status_code == 404
        assert client.get("/api/v1/campaigns/stats/", {"ids": "9" * 30}).status_code == 404


class TestMessages:
    def test_pages_in_order_of_phone(self, business: Business, client: APIClient) -> None:
        campaign = make_sending(business, contacts=7)
        path: str | None = url(campaign, "messages/?page_size=3")
        phones = []
        while path:
            answer = client.get(path)
            assert answer.status_code == 200, answer.json()
            phones.append([message["phone"] for message in answer.json()["results"]])
            previous, path = answer.json()["previous"], answer.json()["next"]
        assert [len(page) for page in phones] == [3, 3, 1]
        flat = [phone for page in phones for phone in page]
        assert flat == sorted(flat)
        back = client.get(previous).json()["results"]
        assert [message["phone"] for message in back] == phones[1]
        message = Message.objects.get(phone=flat[0])
        first = client.get(url(campaign, "messages/")).json()["results"][0]
        expected = {
            "id": message.public_id,
            "phone": message.phone,
            "contact": message.contact_id,
            "text": message.text,
            "segments": 1,
            "status": "queued",
            "reason": "",
            "sent_at": None,
            "reported_at": None,
        }
        assert expected.items() <= first.items()

    def test_by_status(self, business: Business, client: APIClient) -> None:
        campaign = make_sending(business, contacts=2)
        found = client.get(url(campaign, "messages/"), {"status": "queued"})
        assert len(found.json()["results"]) == 2
        assert client.get(url(campaign, "messages/"), {"status": "sent"}).json()["results"] == []

    def test_a_draft_has_none(self, business: Business, client: APIClient) -> None:
        answer = client.get(url(make_campaign(business), "messages/"))
        assert answer.json() == {"next": None, "previous": None, "results": []}

    @pytest.mark.parametrize(
        "query", [{"status": "lost"}, {"status": ""}, {"surprise": "1"}, {"q": "x"}]
    )
    def test_bad_queries(
        self, business: Business, client: APIClient, query: dict[str, str]
    ) -> None:
        answer = client.get(url(make_campaign(business), "messages/"), query)
        assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")

    @pytest.mark.parametrize("cursor", ["x", "cD0lMDA=", "cD14"])
    def test_a_forged_cursor(self, business: Business, client: APIClient, cursor: str) -> None:
        answer = client.get(url(make_campaign(business), "messages/"), {"cursor": cursor})
        assert answer.status_code == 404


class TestReport:
    def test_every_message_once(
        self, business: Business, client: APIClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("campaigns.reports.CHUNK", 2)
        campaign = make_sending(business, contacts=5)
        answer = client.get(url(campaign, "report/"))
        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        assert f"campaign-{campaign.pk}.csv" in answer["Content-Disposition"]
        rows = list(csv.DictReader(answer.getvalue().decode("utf-8-sig").splitlines()))
        assert [row["phone"] for row in rows] == [f"'+3069400000{n:02d}" for n in range(1, 6)]
        assert {row["status"] for row in rows} == {"queued"}

    def test_no_cell_is_a_formula(self, business: Business, client: APIClient) -> None:
        campaign = make_sending(business)
        Message.objects.update(public_id="-cmd|' /C x", reason="=1+1")
        content = client.get(url(campaign, "report/")).getvalue().decode("utf-8-sig")
        (row,) = csv.DictReader(content.splitlines())
        assert (row["id"], row["reason"]) == ("'-cmd|' /C x", "'=1+1")

    def test_a_draft_has_the_header_only(self, business: Business, client: APIClient) -> None:
        content = client.get(url(make_campaign(business), "report/")).getvalue().decode("utf-8-sig")
        assert content.splitlines() == [
            "id,phone,contact,status,reason,segments,sent_at,reported_at"
        ]
