"""Offers and tracked links of campaigns, as their author writes them and as they are launched."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import Business
from accounts.tests.factories import api_client, make_business, make_member
from campaigns import services
from campaigns.models import Campaign
from campaigns.tests.factories import (
    expand,
    finish,
    make_campaign,
    make_due,
    make_template,
)
from messaging.models import Broadcast, Message
from messaging.services import send_next_batch, sweep_messaging
from messaging.tests.factories import ScriptedGateway, accept_all
from tracking.models import Offer, ShortLink

pytestmark = pytest.mark.django_db

URL = "/api/v1/campaigns/"
END = f"{timezone.now().year + 1}-03-01T22:00:00Z"
OFFER = {"title": "20 % off", "text": "Once per person.", "valid_until": END}
TEXT = "20% off: {{offer_link}} or see https://shop.example/new."
BODY = {"name": "Spring", "text": TEXT}


@pytest.fixture
def business() -> Business:
    return make_business()


@pytest.fixture
def client(business: Business) -> APIClient:
    return api_client(make_member(business))


def errors(answer: Any) -> dict[str, str]:
    assert answer.status_code == 400, answer.data
    return {error["pointer"]: error["code"] for error in answer.json()["errors"]}


def ending(at: str) -> dict[str, str]:
    return {"title": "x", "valid_until": at}


class TestWriting:
    def test_an_offer_is_given_changed_as_a_whole_and_taken_away(self, client: APIClient) -> None:
        answer = client.post(URL, BODY | {"offer": OFFER, "track_links": False})
        assert answer.status_code == 201, answer.data
        assert (answer.json()["offer"], answer.json()["track_links"]) == (OFFER, False)
        url = f"{URL}{answer.json()['id']}/"
        assert client.get(url).json()["offer"] == OFFER
        assert client.get(URL).json()["results"][0]["offer"] == OFFER
        changed = client.patch(url, {"offer": {"title": "Other"}}).json()
        assert changed["offer"] == {"title": "Other", "text": "", "valid_until": None}
        assert client.patch(url, {"name": "Summer"}).json()["offer"] == changed["offer"]
        without = client.patch(url, {"offer": None, "text": "Hi!"})
        assert (without.status_code, without.json()["offer"]) == (200, None)

    @pytest.mark.parametrize(
        ("offer", "pointer", "code"),
        [
            ({}, "/offer/title", "REQUIRED"),
            ({"text": "Once."}, "/offer/title", "REQUIRED"),
            ({"title": " "}, "/offer/title", "BLANK"),
            ({"title": "x" * 121}, "/offer/title", "MAX_LENGTH"),
            ({"title": "x", "text": "x" * 2001}, "/offer/text", "MAX_LENGTH"),
            ({"title": "x", "code": "y"}, "/offer/code", "UNKNOWN_FIELD"),
            ({"title": "x", "valid_days": 3}, "/offer/valid_days", "UNKNOWN_FIELD"),
            (ending("2020-01-01T00:00Z"), "/offer/valid_until", "OFFER_ENDED"),
            (ending("2029-01-01T00:00"), "/offer/valid_until", "OFFSET_REQUIRED"),
            ("20 % off", "/offer", "INVALID"),
        ],
    )  # fmt: skip
    def test_a_faulty_offer_is_named(
        self, business: Business, client: APIClient, offer: object, pointer: str, code: str
    ) -> None:
        assert errors(client.post(URL, BODY | {"offer": offer})) == {pointer: code}
        campaign = make_campaign(business)
        assert errors(client.patch(f"{URL}{campaign.pk}/", {"offer": offer})) == {pointer: code}

    def test_a_link_to_an_offer_needs_one(self, business: Business, client: APIClient) -> None:
        assert errors(client.post(URL, BODY)) == {"/offer": "NO_OFFER"}
        template = make_template(business, text="See {{offer_link}}")
        of_template = {"name": "Spring", "template": template.pk}
        assert errors(client.post(URL, of_template)) == {"/offer": "NO_OFFER"}
        answer = client.post(URL, of_template | {"offer": OFFER})
        url = f"{URL}{answer.json()['id']}/"
        assert errors(client.patch(url, {"offer": None})) == {"/offer": "NO_OFFER"}
        plain = make_campaign(business)
        assert errors(client.patch(f"{URL}{plain.pk}/", {"text": TEXT})) == {"/offer": "NO_OFFER"}

    def test_99_links_are_the_most(self, client: APIClient) -> None:
        links = [f"http://a.b/{number}" for number in range(100)]
        most, too_many = " ".join(links[:99]), " ".join(links)
        assert client.post(URL, {"name": "Spring", "text": f"{most} {links[0]}"}).status_code == 201
        faulty = {"name": "Spring", "text": too_many}
        assert errors(client.post(URL, faulty)) == {"/text": "TOO_MANY_LINKS"}
        assert client.post(URL, faulty | {"track_links": False}).status_code == 201

    def test_nobody_writes_the_names_of_short_links(self, client: APIClient) -> None:
        body = {"name": "Spring", "text": "See {{link.1}}"}
        assert errors(client.post(URL, body)) == {"/text": "UNKNOWN_PLACEHOLDER"}

    def test_an_end_that_has_passed_meanwhile_spoils_no_other_change(
        self, business: Business, client: APIClient
    ) -> None:
        past = timezone.now() - timedelta(days=1)
        campaign = make_campaign(business, offer_title="Old", offer_valid_until=past)
        url = f"{URL}{campaign.pk}/"
        offer = client.get(url).json()["offer"]
        assert client.patch(url, {"name": "Summer", "offer": offer}).status_code == 200
        answer = client.post(f"{url}send/")
        assert answer.status_code == 409

    def test_a_copy_has_the_same_offer(self, business: Business, client: APIClient) -> None:
        first = client.post(URL, BODY | {"offer": OFFER, "track_links": False}).json()
        copy = client.post(f"{URL}{first['id']}/duplicate/").json()
        for name in ("text", "offer", "track_links"):
            assert copy[name] == first[name]


class TestSchedule:
    def test_nothing_is_scheduled_beyond_the_offer_s_end(
        self, business: Business, client: APIClient
    ) -> None:
        end = timezone.now() + timedelta(hours=1)
        offer = {"title": "x", "valid_until": end.isoformat()}
        later = {"scheduled_at": (end + timedelta(hours=1)).isoformat()}
        answer = client.post(URL, BODY | later | {"offer": offer})
        assert (answer.status_code, answer.json()["code"]) == (409, "OFFER_ENDED")
        assert not Campaign.objects.exists()
        created = client.post(URL, BODY | {"offer": offer})
        url = f"{URL}{created.json()['id']}/"
        answer = client.post(f"{url}schedule/", later)
        assert (answer.status_code, answer.json()["code"]) == (409, "OFFER_ENDED")
        assert Campaign.objects.get().status == "draft"
        early = {"scheduled_at": (end - timedelta(minutes=1)).isoformat()}
        assert client.post(f"{url}schedule/", early).status_code == 200
        sooner = {"title": "x", "valid_until": (end - timedelta(minutes=30)).isoformat()}
        answer = client.patch(url, {"offer": sooner})
        assert (answer.status_code, answer.json()["code"]) == (409, "OFFER_ENDED")
        assert Campaign.objects.get().offer_valid_until == end


def launch(campaign: Campaign) -> Broadcast:
    (broadcast_id,) = services.launch_due()
    expand(broadcast_id)
    campaign.refresh_from_db()
    return Broadcast.objects.get(pk=broadcast_id)


class TestLaunch:
    def test_the_broadcast_gets_the_links_the_offer_and_its_end(
        self, business: Business, settings: Settings
    ) -> None:
        settings.ALLOWED_HOSTS = ["go.example"]
        business.link_domain = "go.example"
        business.save(update_fields=["link_domain"])
        end = timezone.now() + timedelta(days=7)
        campaign = make_due(
            business, text=TEXT, offer_title="20 % off", offer_text="Once.", offer_valid_until=end
        )
        broadcast = launch(campaign)
        assert broadcast.expires_at == end
        links = ShortLink.objects.filter(broadcast=broadcast).values_list("number", "target")
        assert list(links) == [(1, "https://shop.example/new")]
        offer = Offer.objects.get(broadcast=broadcast)
        assert (offer.title, offer.text, offer.valid_until) == ("20 % off", "Once.", end)
        message = Message.objects.get(broadcast=broadcast)
        base = "http://go.example"
        lines = message.text.splitlines()
        assert lines[0] == (
            f"20% off: {base}/o/{message.public_id} or see {base}/s/{message.public_id}1."
        )
        assert lines[1].startswith(f"Stop: {base}/u/{message.public_id}")

    def test_links_stay_as_written_if_nobody_wants_them_counted(self) -> None:
        broadcast = launch(make_due(text="See https://shop.example/new", track_links=False))
        assert "See https://shop.example/new" in Message.objects.get().text
        assert not ShortLink.objects.filter(broadcast=broadcast).exists()
        assert not Offer.objects.exists()
        assert broadcast.expires_at is None

    def test_a_second_tick_doubles_nothing(self) -> None:
        launch(make_due(text=TEXT, offer_title="20 % off"))
        assert list(services.launch_due()) == []
        counts = [model.objects.count() for model in (Broadcast, Offer, ShortLink)]
        assert counts == [1, 1, 1]

    def test_a_launch_that_breaks_leaves_nothing_behind(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(**_: object) -> None:
            raise OSError("The disk is full.")

        campaign = make_due(text=TEXT, offer_title="20 % off")
        with monkeypatch.context() as patch:
            patch.setattr("tracking.services.attach", fail)
            assert list(services.launch_due()) == []
        assert not Broadcast.objects.exists()
        launch(campaign)
        assert (campaign.status, Offer.objects.count()) == ("sending", 1)

    def test_what_has_become_impossible_is_told(self, business: Business) -> None:
        template = make_template(business, text="Hi!")
        without = make_due(business, template=template)
        services.update_template(template=template, text="See {{offer_link}}")
        ended = make_due(business, contacts=0, offer_title="x", offer_valid_until=timezone.now())
        assert list(services.launch_due()) == []
        for campaign, failure in ((without, "there is no offer"), (ended, "The offer has ended.")):
            campaign.refresh_from_db()
            assert campaign.status == "failed"
            assert failure in campaign.failure

    @pytest.mark.django_db(transaction=True)
    def test_what_waits_when_the_offer_ends_is_not_sent(self, business: Business) -> None:
        end = timezone.now() + timedelta(hours=1)
        campaign = make_due(business, contacts=2, offer_title="x", offer_valid_until=end)
        broadcast = launch(campaign)
        Broadcast.objects.filter(pk=broadcast.pk).update(expires_at=timezone.now())
        gateway = ScriptedGateway(accept_all)
        assert not send_next_batch(gateway)
        sweep_messaging()
        assert gateway.calls == []
        assert set(Message.objects.values_list("status", flat=True)) == {"expired"}
        finish(campaign)
        assert campaign.status == "completed"


class TestPreview:
    def test_samples_and_segments_are_of_the_links_as_they_go_out(
        self, business: Business, client: APIClient, settings: Settings
    ) -> None:
        long = f"https://shop.example/{'x' * 300}"
        campaign = make_due(business, text=f"{long} {{{{offer_link}}}}", offer_title="x")
        path = f"{URL}{campaign.pk}"
        (sample,) = client.post(f"{path}/preview/").json()["samples"]
        assert "/s/0000000000001 " in sample["text"]
        assert "/o/000000000000\n" in sample["text"]
        audience = client.get(f"{path}/audience/").json()
        launch(campaign)
        message = Message.objects.get()
        assert len(sample["text"]) == len(message.text)
        assert sample["segments"] == audience["segments"] == message.segments == 1

    def test_a_text_alone(self, business: Business, client: APIClient) -> None:
        url = "/api/v1/templates/preview/"
        text = "Ελα: https://shop.example/new {{offer_link}}"
        answer = client.post(url, {"text": text}).json()
        assert "shop.example" not in answer["text"]
        assert answer["suggestion"].endswith("https://shop.example/new {{offer_link}}")
        too_many = " ".join(f"http://a.b/{number}" for number in range(100))
        refused = client.post(url, {"text": too_many})
        assert (refused.status_code, refused.json()["code"]) == (400, "TOO_MANY_LINKS")
