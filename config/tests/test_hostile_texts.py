"""Whatever a shop or a customer has typed, no page takes it for markup."""

import csv
import re
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import DatabaseError, models, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import Business, User
from accounts.tests.factories import api_client, make_business, make_member
from campaigns.tests.factories import (
    finish,
    make_automation,
    make_campaign,
    make_sending,
    make_template,
)
from contacts.models import Consent, Contact, ContactImport, ContactList
from messaging import optout
from messaging.models import Message
from messaging.tests.inbound import write
from nfc.tests.factories import make_form, make_tag, sign_up, visitor
from tracking.models import Redemption
from tracking.services import Evidence, redeem

pytestmark = pytest.mark.django_db
EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"
MARKUP = re.compile(r"<script>alert|<img src=x", re.IGNORECASE)
APPS = ("accounts", "contacts", "messaging", "tracking", "campaigns", "nfc")
# What programs wrote, and what other programs read: nobody can type into these.
OURS = frozenset({
    "time_zone", "schedule_zone", "country", "language", "colour", "link_domain", "link_base",
    "sha256", "token_hash", "password", "content_type", "encoding", "gateway", "public_id", "phone",
    "sender", "sender_name", "person_hash", "kind", "status", "state", "reason", "key",
    "fingerprint", "file", "gateway_message_id", "origin",
})  # fmt: skip


def poison(business: Business) -> int:
    """Put the text into every field for words, of every row; how many fields took it."""
    taken = 0
    for model in (each for app in APPS for each in apps.get_app_config(app).get_models()):
        for field in model._meta.get_fields():
            if isinstance(field, models.CharField | models.TextField) and is_for_words(field):
                taken += overwrite(model, field.name)
    Contact.objects.update(attributes={"city": EVIL})
    return taken


def is_for_words(field: Any) -> bool:
    has_room = field.max_length is None or field.max_length >= len(EVIL) + 8
    return has_room and not field.choices and field.name not in OURS


def overwrite(model: Any, name: str) -> bool:
    """False if the database refuses it: some rows may never change, some fields hold no words."""
    try:
        with transaction.atomic():
            for pk in model._default_manager.values_list("pk", flat=True):
                model._default_manager.filter(pk=pk).update(**{name: f"{EVIL}{pk}"})
    except DatabaseError:
        return False
    return bool(model._default_manager.exists())


@pytest.fixture
def shop() -> Business:
    """One in which everything has happened once."""
    business = make_business(name="Shop")
    make_template(business)
    make_automation(business, offer_title="Roll", text="Hi {{first_name}} {{offer_link}}")
    form = make_form(
        business, fields={"phone": {"required": True}, "first_name": {"required": False}}
    )
    people = ContactList.objects.create(business=business, name="People")
    tag = make_tag(business, form=form, contact_list=people)
    sign_up(tag, first_name="Maria")
    campaign = make_sending(
        business,
        text="{{first_name}} {{offer_link}} https://example.com/",
        offer_title="Rose",
        contact_list=None,
    )
    make_campaign(business, name="Draft", offer_title="Rose", text="{{offer_link}}")
    finish(campaign)
    message = Message.objects.filter(broadcast__run__campaign=campaign).earliest("pk")
    visitor().get(f"/o/{message.public_id}")
    visitor().get(f"/s/{message.public_id}1")
    manager = make_member(business)
    evidence = Evidence(channel=Redemption.Channel.API, user_agent=EVIL)
    redeem(business_id=business.pk, code=message.public_id, user=manager, evidence=evidence)
    ContactImport.objects.create(business=business, file="x.csv", original_name="x.csv")
    write(EVIL, phone=message.phone)
    return business


@pytest.fixture
def staff(shop: Business) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root@example.com", "x"))
    return client


def test_in_the_admin(shop: Business, staff: Client) -> None:
    assert poison(shop) > 30
    shown = 0
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        pages = [reverse(f"{name}_changelist")]
        rows = model._default_manager.values_list("pk", flat=True)[:3]
        pages += [reverse(f"{name}_change", args=[pk]) for pk in rows]
        for url in pages:
            page = staff.get(url)
            assert page.status_code == 200, url
            assert not MARKUP.search(page.text), url
            shown += "&lt;script&gt;alert" in page.text
    assert shown > 30


def test_on_the_public_pages(shop: Business) -> None:
    poison(shop)
    message = Message.objects.filter(broadcast__offer__isnull=False).latest("pk")
    (tag,) = shop.tags.all()
    token = optout.make_token(message.public_id)
    browser = visitor()
    pages = [
        browser.get(tag.path),
        browser.post(f"{tag.path}submit/", {"phone": EVIL, "first_name": EVIL, "token": EVIL}),
        browser.get(f"/o/{message.public_id}"),
        browser.get(f"/u/{token}"),
        browser.post(f"/u/{token}"),
        browser.post(f"/u/{token}", {"action": "undo"}),
        browser.get(f"/u/{EVIL[:20]}"),
    ]
    for page in pages:
        assert not MARKUP.search(page.text)
    assert sum("&lt;script&gt;alert" in page.text for page in pages) >= 5


@pytest.mark.parametrize("path", ["contacts/export/", "campaigns/{}/report/"])
def test_in_csv(shop: Business, path: str) -> None:
    Contact.objects.update(first_name="=HYPERLINK(1)", last_name=EVIL)
    campaign = shop.campaigns.earliest("pk")

    answer = api_client(make_member(shop)).get(f"/api/v1/{path.format(campaign.pk)}")

    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    assert answer["Content-Type"].startswith("text/csv")
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["X-Content-Type-Options"] == "nosniff"
    cells = [cell for row in csv.reader(StringIO(text)) for cell in row]
    assert len(cells) > 10
    assert not [cell for cell in cells if cell[:1] in {"=", "@", "\t", "\r"}]
    assert Consent.objects.filter(business=shop).exists()
