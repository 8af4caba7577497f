"""A flower shop as its customers meet it: a tag by the door, a welcome with an offer, a till."""

import json
import re
import time
import urllib.request
import uuid
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from django.utils import timezone

from accounts import tokens
from accounts.models import Business, Role
from accounts.tests.factories import make_business, make_member
from campaigns.services import create_automation
from messaging.gateways import get_gateway
from messaging.models import GatewayReference, Message
from nfc.models import OptInForm, Tag
from nfc.services import create_form, create_tag

FIELDS = ("phone", "first_name", "last_name", "email", "birthday", "gender")
CONSENT = "Flora may send me offers by text message. I can stop at any time."
CONSENT_IN_GREEK = "Το Flora μπορεί να μου στέλνει προσφορές με SMS. Σταματώ όποτε θέλω."


@dataclass(frozen=True)
class Shop:
    url: str
    business: Business
    form: OptInForm
    tag: Tag
    authorization: str

    @property
    def tap_link(self) -> str:
        return self.url + self.tag.path

    def redeem(self, code: str) -> dict[str, str]:
        """At the till, by the API."""
        request = urllib.request.Request(f"{self.url}/api/v1/tracking/redeem/")  # noqa: S310
        request.add_header("Authorization", self.authorization)
        request.add_header("Content-Type", "application/json")
        request.data = json.dumps({"tracking_id": code}).encode()
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
            answer: dict[str, str] = json.load(response)
            return answer


def open_shop(url: str, *, name: str = "Flora", colour: str = "#8a1c5a") -> Shop:
    """Whose links lead to the web server at the address."""
    business = make_business(name=name, link_domain=urlsplit(url).netloc, colour=colour)
    fields = {field: {"required": field in ("phone", "first_name")} for field in FIELDS}
    greek = {
        "consent_text": CONSENT_IN_GREEK,
        "thank_you_text": "Η προσφορά σας έρχεται με SMS.",
        "offer_text": "Δώρο ένα τριαντάφυλλο",
    }
    form = create_form(
        business=business,
        name="By the door",
        fields=fields,
        language="en",
        consent_text=CONSENT,
        thank_you_text="Your offer comes by text message.",
        offer_text="A rose for free",
        translations={"el": greek},
    )
    create_automation(
        business=business,
        kind="welcome",
        text="Hello {{first_name}}, your gift: {{offer_link}}",
        offer_title="A rose for free",
        offer_text="One red rose, cut this morning,\nwith whatever you take home.",
        offer_valid_until=timezone.now() + timedelta(days=14),
    )
    till = make_member(business, role=Role.TILL)
    access = tokens.sign_access(user_id=till.pk, family=uuid.uuid4(), now=timezone.now())
    tag = create_tag(business=business, label="Door", type=Tag.Type.OPT_IN, form=form)
    return Shop(url, business, form, tag, f"Bearer {access}")


def wait_for_text(phone: str, seconds: float = 30) -> str:
    """The last text for the phone, as the gateway has it."""
    limit = time.monotonic() + seconds
    while True:
        last = Message.objects.filter(phone=phone).order_by("-pk").first()
        reference = last and GatewayReference.objects.filter(message_id=last.pk).first()
        found = get_gateway().lookup(reference.pk) if reference else None
        if found is not None:
            return found.text
        assert time.monotonic() < limit, "no message came"
        time.sleep(0.1)


def links_in(text: str) -> dict[str, str]:
    """By what they lead to: o, an offer; u, the way out; c, a confirmation."""
    return {kind: link for link, kind in re.findall(r"(https?://\S+?/([ouc])/\S+)", text)}
