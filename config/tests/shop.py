"""A flower shop as its customers meet it: a tag by the door, a welcome with an offer, a till."""

import json
import re
import time
import urllib.request
import uuid
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import tokens
from accounts.models import Business, Role
from accounts.tests.factories import make_business, make_member
from campaigns.services import create_automation
from config.embedded.fixtures import SimulatedGateway
from contacts.services import Evidence, opt_in
from messaging.models import GatewayReference, Message
from messaging.services import send_message
from nfc.models import OptInForm, Tag
from nfc.services import create_form, create_tag
from tracking.services import OfferFields, attach

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
    till = make_member(business, role=Role.TILL, email=f"till-{business.pk}@example.com")
    access = tokens.sign_access(user_id=till.pk, family=uuid.uuid4(), now=timezone.now())
    tag = create_tag(business=business, label="Door", type=Tag.Type.OPT_IN, form=form)
    return Shop(url, business, form, tag, f"Bearer {access}")


def send_offer(shop: Shop, *, ends_in: timedelta = timedelta(days=14)) -> Message:
    """A message with an offer, which nobody has sent as yet."""
    with transaction.atomic():
        message = send_message(
            business=shop.business,
            phone="+306940000009",
            text="{{offer_link}}",
            sender="Flora",
            is_marketing=True,
            is_checked=True,
        )
        offer = OfferFields(
            title="A rose for free",
            text="One red rose, cut this morning,\nwith whatever you take home.",
            valid_until=timezone.now() + ends_in,
        )
        attach(broadcast=message.broadcast, targets=[], offer=offer)
    return message


def ask_to_confirm(shop: Shop) -> str:
    """The link of a sign-up that waits for its person."""
    asked = opt_in(
        business=shop.business,
        phone="+306940000008",
        fields={},
        evidence=Evidence(text=CONSENT, language="en", version=1, tag=shop.tag.public_id),
        must_confirm=True,
    )
    assert asked.token is not None
    return f"{shop.url}/c/{asked.token}"


def wait_for_text(gateway: SimulatedGateway, phone: str, seconds: float = 60) -> str:
    """The last text for the phone, as the gateway has it."""
    limit = time.monotonic() + seconds
    while True:
        last = Message.objects.filter(phone=phone).order_by("-pk").first()
        reference = last and GatewayReference.objects.filter(message_id=last.pk).first()
        if reference:
            return _look_up(gateway, reference.pk)
        assert time.monotonic() < limit, "no message came"
        time.sleep(0.1)


def _look_up(gateway: SimulatedGateway, message_id: str) -> str:
    """Not by our own client: its loop and Playwright's do not run in one thread."""
    request = urllib.request.Request(f"{gateway.url}/api/v1.1/Messages/{message_id}")  # noqa: S310
    request.add_header("X-Mitto-API-Key", settings.MITTO_API_KEY)
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
        text: str = json.load(response)["text"]
        return text


def links_in(text: str) -> dict[str, str]:
    """By what they lead to: o, an offer; u, the way out; c, a confirmation."""
    return {kind: link for link, kind in re.findall(r"(https?://\S+?/([ouc])/\S+)", text)}
