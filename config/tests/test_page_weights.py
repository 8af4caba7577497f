"""Public pages arrive over the slowest of networks: bytes of page and styles, not compressed."""

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from config.tests.shop import CONSENT, CONSENT_IN_GREEK, Shop, open_shop, send_offer
from messaging import optout
from nfc.services import update_form

pytestmark = pytest.mark.django_db
LANGUAGES = ("en", "el")


@pytest.fixture
def shop() -> Shop:
    """With a longer text to agree to than most."""
    shop = open_shop("http://localhost:8000", name="Ανθοπωλείο «Η Ωραία Φλώρα»")
    greek = {"consent_text": CONSENT_IN_GREEK * 4, "thank_you_text": "Ευχαριστούμε!"}
    update_form(form=shop.form, consent_text=CONSENT * 4, translations={"el": greek})
    return shop


def weight(page: str) -> int:
    """Of the page with all its style sheets."""
    assert "<script" not in page
    sheets = re.findall(r'rel="stylesheet" href="/static/([^"]+)"', page)
    assert sheets
    files = [Path(str(finders.find(sheet))) for sheet in sheets]
    return len(page.encode()) + sum(file.stat().st_size for file in files)


@pytest.mark.parametrize("language", LANGUAGES)
def test_sign_up_weighs_10_kb_at_most_with_all_fields_and_all_errors(
    client: Client, shop: Shop, language: str
) -> None:
    empty = client.get(f"{shop.tag.path}?lang={language}").content.decode()
    wrong = client.post(f"{shop.tag.path}submit/?lang={language}", {"phone": "1"})
    assert wrong.content.decode().count('class="error"') == 3
    assert weight(empty) <= 10_000
    assert weight(wrong.content.decode()) <= 10_000


@pytest.mark.parametrize("language", LANGUAGES)
def test_offer_weighs_15_kb_at_most_and_holds_its_code(
    client: Client, shop: Shop, language: str
) -> None:
    page = client.get(f"/o/{send_offer(shop).public_id}?lang={language}").content.decode()
    assert "<svg" in page
    assert page.count("<img") == 0
    assert weight(page) <= 15_000


@pytest.mark.parametrize("language", LANGUAGES)
def test_way_out_weighs_6_kb_at_most(client: Client, shop: Shop, language: str) -> None:
    address = f"/u/{optout.make_token(send_offer(shop).public_id)}?lang={language}"
    for page in (
        client.get(address),
        client.post(address),
        client.post(address, {"action": "undo"}),
    ):
        assert page.status_code == 200
        assert weight(page.content.decode()) <= 6_000
