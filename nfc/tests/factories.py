"""Tags, forms and visitors for tests."""

import re
from html import unescape
from itertools import count
from typing import Any

import time_machine
from django.db import connection
from django.test import Client

from accounts.models import Business
from accounts.tests.factories import make_business
from contacts.models import Consent
from contacts.services import unsubscribe
from nfc import form_token, services
from nfc.models import OptInForm, Tag
from nfc.selectors import totals_of

PHONE = "+306941234567"
CONSENT = "I agree to get offers by SMS."
CONSENT_EL = "Συμφωνώ να λαμβάνω προσφορές με SMS."
BROWSER = {
    "User-Agent": "Mozilla/5.0 (Linux; Android 9; SM-J330F) AppleWebKit/537.36 Mobile",
    "Accept-Language": "en",
}
_names = count(1)


def make_form(business: Business | None = None, **fields: Any) -> OptInForm:
    defaults = {
        "name": f"Form {next(_names)}",
        "consent_text": CONSENT,
        "thank_you_text": "Welcome to the club!",
        "offer_text": "A coffee is on us.",
        "translations": {"el": {"consent_text": CONSENT_EL, "thank_you_text": "Καλώς ήρθατε!"}},
    }
    return services.create_form(business=business or make_business(), **(defaults | fields))


def make_tag(business: Business | None = None, **fields: Any) -> Tag:
    """For sign-ups; with a form, unless one is given or it is for visits."""
    business = business or make_business()
    if fields.get("type") != Tag.Type.VISIT and "form" not in fields:
        fields["form"] = make_form(business)
    return services.create_tag(business=business, **({"label": "Counter"} | fields))


def visitor(**options: Any) -> Client:
    """A phone's browser."""
    return Client(headers=BROWSER, **options)


def fields_of(page: Any) -> dict[str, str]:
    """The form of a page, as a browser would send it if nothing was typed."""
    inputs = [dict(_attributes(each)) for each in re.findall(r"<input([^>]*)>", page.text)]
    return {
        field["name"]: field.get("value", "")
        for field in inputs
        if field.get("type") not in {"checkbox", "radio"} or "checked" in field
    }


def action_of(page: Any) -> str:
    return unescape(re.search(r'<form method="post" action="([^"]+)"', page.text)[1])  # type: ignore[index]


def public_id_of(page: Any) -> str:
    return action_of(page).split("/")[2]


def fill_in(page: Any, client: Client, **typed: str) -> Any:
    """Type, wait as a person does, and press the button."""
    shown = form_token.read(fields_of(page)["token"], public_id=public_id_of(page))
    assert shown is not None
    with time_machine.travel(shown.at + form_token.EARLIEST + 1, tick=False):
        return client.post(action_of(page), {**fields_of(page), **typed})


def sign_up(tag: Tag, phone: str = "6941234567", client: Client | None = None, **typed: str) -> Any:
    """All the way, from the tap."""
    client = client or visitor()
    page = client.get(tag.path)
    return fill_in(page, client, phone=phone, consent="on", **typed)


def stop(business: Business, phone: str = PHONE) -> None:
    """The person behind the phone wants nothing more."""
    unsubscribe(business_id=business.pk, phone=phone, source=Consent.Source.LINK)


def figures(tag: Tag) -> dict[str, int]:
    """Those that are not 0, as they are after the commit."""
    connection.check_constraints()
    return {name: number for name, number in totals_of([tag.pk])[tag.pk].items() if number}


def _attributes(element: str) -> list[tuple[str, str]]:
    found = re.findall(r'([a-z-]+)(?:="([^"]*)")?', element)
    return [(name, unescape(value)) for name, value in found]
