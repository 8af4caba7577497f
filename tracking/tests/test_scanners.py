"""Previews, scanners and prefetching open every link of every message: nothing comes of it."""

import pytest
import time_machine
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone

from contacts.models import Contact, Suppression
from messaging import optout
from tracking.bots import is_automatic
from tracking.models import Click, EngagementCounters, OfferView, OptOut, Redemption
from tracking.tests.factories import PHONE, make_message, phone

SCANNERS = [
    "",
    "WhatsApp/2.23.20 A",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) "
        "Version/9.0.1 Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0"
    ),
    "TelegramBot (like TwitterBot)",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0) Chrome/116 Safari",
    "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy) bot",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/126.0.0.0 Safari/537.36",
    "Viber/21.0 (iPhone)",
    "SkypeUriPreview Preview/0.5",
    "curl/8.5.0",
    "python-requests/2.32",
    "Go-http-client/2.0",
    "okhttp/4.12.0",
    "Barracuda Sentinel (EE)",
    "Mozilla/5.0 zscaler",
]
PEOPLE = [
    PHONE,
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
        "Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
    ),
    "Mozilla/5.0 (Linux; Android 9; CUBOT_NOTE_7 Build/PPR1) AppleWebKit/537.36 Chrome/80 Mobile",
    "Mozilla/5.0 (Linux; Android 8.1; CUBOT X19) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/90",
    "Opera/9.80 (J2ME/MIDP; Opera Mini/7.1/191; U; en) Presto/2.12 Version/12.16",
    "Nokia6230/2.0 (04.44) Profile/MIDP-2.0 Configuration/CLDC-1.1",
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Mobile "
        "[FBAN/FBIOS;FBAV/440.0]"
    ),
    "Mozilla/5.0 (Linux; Android 13; SM-A536B) Chrome/119 Mobile Safari/537.36 Viber/21.0",
    "Mozilla/5.0 (Linux; Android 13) SamsungBrowser/23.0 Chrome/115 Mobile Safari/537.36",
]


@pytest.mark.django_db
@pytest.mark.parametrize("agent", SCANNERS)
@pytest.mark.parametrize("method", ["get", "head"])
def test_scanners_change_nothing(agent: str, method: str) -> None:
    message = make_message()
    scanner = Client(headers={"User-Agent": agent})
    links = [
        f"/o/{message.public_id}",
        f"/s/{message.public_id}1",
        f"/u/{optout.make_token(message.public_id)}",
        f"/tracking/offer/{message.public_id}/",
        f"/tracking/redeem/{message.public_id}/",
    ]

    answers = {getattr(scanner, method)(link).status_code for link in links for _ in range(3)}

    assert answers <= {200, 302, 429}
    for model in (Click, OfferView, OptOut, Redemption, EngagementCounters, Suppression):
        assert not model._default_manager.exists(), model
    assert Contact.objects.get().is_subscribed


@pytest.mark.django_db
def test_they_see_what_people_see() -> None:
    message = make_message()
    scanner = Client(headers={"User-Agent": SCANNERS[1]})

    assert scanner.get(f"/o/{message.public_id}").content == (
        phone().get(f"/o/{message.public_id}").content
    )
    assert (
        scanner.get(f"/s/{message.public_id}1")["Location"] == "https://shop.example/summer?a=1&b=2"
    )


@pytest.mark.django_db
def test_they_do_not_use_up_what_the_reader_has() -> None:
    message = make_message()
    scanner = Client(headers={"User-Agent": SCANNERS[1]})

    with time_machine.travel(timezone.now(), tick=False):
        answers = [scanner.get(f"/o/{message.public_id}").status_code for _ in range(30)]

    assert answers == [200] * 10 + [429] * 20
    assert phone().get(f"/o/{message.public_id}").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("header", ["Sec-Purpose", "Purpose", "X-Moz", "X-Purpose"])
def test_what_a_browser_loads_ahead_does_not_count(header: str) -> None:
    message = make_message()
    for _ in range(2):
        phone().get(f"/o/{message.public_id}", headers={header: "prefetch;prerender"})
    assert not OfferView.objects.exists()
    phone().get(f"/o/{message.public_id}")
    assert OfferView.objects.exists()


@pytest.mark.parametrize("agent", PEOPLE)
def test_people_are_taken_for_people(agent: str) -> None:
    request = HttpRequest()
    request.method = "GET"
    request.META["HTTP_USER_AGENT"] = agent
    assert not is_automatic(request)
