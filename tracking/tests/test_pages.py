"""What all public pages have in common: language, look, headers, weight."""

from base64 import b64encode
from hashlib import sha256

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from accounts.models import BusinessLogo
from accounts.tests.factories import make_business
from tracking.pages import page

pytestmark = pytest.mark.django_db


def show(
    path: str = "/u/x", language: str | None = None, *, country: str = "GR", colour: str = "#1a4f8a"
) -> HttpResponse:
    headers = {} if language is None else {"Accept-Language": language}
    request = RequestFactory(headers=headers).get(path)
    business = make_business(country=country)
    business.colour = colour
    return page(request, "tracking/unsubscribe.html", {"state": "ask"}, business=business)


@pytest.mark.parametrize(
    ("path", "accepted", "country", "expected"),
    [
        ("/u/x?lang=el", "en", "DE", "el"),
        ("/u/x?lang=en", "el", "GR", "en"),
        ("/u/x?lang=xx", "el", "DE", "el"),
        ("/u/x", "el-GR,el;q=0.9,en;q=0.8", "DE", "el"),
        ("/u/x", "en-GB,el;q=0.5", "GR", "en"),
        ("/u/x", "de-DE,de;q=0.9,el;q=0.4", "DE", "el"),
        ("/u/x", "de", "GR", "el"),
        ("/u/x", None, "GR", "el"),
        ("/u/x", "*", "DE", "en"),
        ("/u/x", "a" * 5000, "DE", "en"),
    ],
)
def test_the_language_is_the_chosen_the_preferred_or_the_countrys(
    path: str, accepted: str | None, country: str, expected: str
) -> None:
    answer = show(path, accepted, country=country)
    assert answer["Content-Language"] == expected
    assert f'<html lang="{expected}">' in answer.content.decode()
    assert "Accept-Language" in answer["Vary"]


def test_the_other_language_is_one_press_away_and_keeps_the_rest_of_the_address() -> None:
    text = show("/u/x?lang=el&a=%22%3E", "en").content.decode()
    assert 'href="?lang=en&amp;a=%22%3E" lang="en" hreflang="en">English</a>' in text
    assert "Ελληνικά" in show("/u/x", "en").content.decode()


def test_the_page_is_private() -> None:
    answer = show()
    assert answer["Cache-Control"] == "no-store"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["X-Robots-Tag"] == "noindex, nofollow"


def test_the_one_style_in_the_page_is_the_one_that_the_policy_allows() -> None:
    answer = show(colour="#ffd400")
    policy = answer["Content-Security-Policy"]
    style = answer.content.decode().partition("<style>")[2].partition("</style>")[0]
    assert "--fill:#ffd400;--on-fill:#000000" in style
    assert f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'" in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "script" not in policy


def test_a_colour_that_is_none_reaches_no_page() -> None:
    answer = show(colour="</style><script>")
    assert "<script" not in answer.content.decode()
    assert "--fill:#1a4f8a" in answer.content.decode()


def test_a_logo_is_shown_from_an_address_of_its_own() -> None:
    business = make_business()
    BusinessLogo.objects.create(
        business=business, content_type="image/png", image=b"", sha256="ab" * 32
    )
    answer = page(RequestFactory().get("/"), "tracking/base.html", {}, business=business)
    assert f'src="/brand/{business.pk}/{"ab" * 8}"' in answer.content.decode()
