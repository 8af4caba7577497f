"""Links in texts: of the message itself, on the business's own domain."""

import pytest
from pytest_django import Settings

from accounts.tests.factories import make_business
from contacts.models import Suppression
from messaging import services, texts
from messaging.models import Broadcast, Message
from messaging.rendering import (
    TemplateError,
    Values,
    compile_template,
    validate_template_text,
)
from messaging.services.single import PhoneUnsubscribed
from messaging.tests.factories import ScriptedGateway, accept_all, make_expanded, statuses

MESSAGE = Values(public_id="Abc-_1234567", link_base="https://go.example.com")
PHONE = "+306941234567"


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("{{offer_link}}", "https://go.example.com/o/Abc-_1234567"),
        ("{{ offer_link }}!", "https://go.example.com/o/Abc-_1234567!"),
        ("{{link.1}}", "https://go.example.com/s/Abc-_12345671"),
        ("a {{link.99}}", "a https://go.example.com/s/Abc-_123456799"),
    ],
)
def test_links_name_the_message(text: str, rendered: str) -> None:
    assert compile_template(text).render(MESSAGE) == rendered


@pytest.mark.parametrize("name", ["link.0", "link.100", "link.01", "link", "links.1", "Link.1"])
def test_there_is_no_other_link(name: str) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_template(f"{{{{{name}}}}}")
    assert caught.value.code == "UNKNOWN_PLACEHOLDER"


@pytest.mark.parametrize("text", ["Hi {{link.1}}", "Hi {{ link.1|x }}"])
def test_people_do_not_write_short_links_themselves(text: str) -> None:
    with pytest.raises(TemplateError) as caught:
        validate_template_text(text)
    assert (caught.value.code, caught.value.position) == ("UNKNOWN_PLACEHOLDER", 4)


def test_people_write_offer_links_where_there_is_an_offer() -> None:
    texts.check_text("Hi {{offer_link}}")
    texts.check_text("Hi", has_offer=False)
    with pytest.raises(TemplateError) as caught:
        texts.check_text("Hi {{offer_link}}", has_offer=False)
    assert caught.value.code == "NO_OFFER"
    for has_offer in (True, False):
        with pytest.raises(TemplateError) as caught:
            texts.check_text("Hi {{name}}", has_offer=has_offer)
        assert ("offer_link" in caught.value.detail) is has_offer


def test_a_name_is_never_read_as_a_link() -> None:
    rendered = compile_template("{{first_name}}").render(MESSAGE._replace(first_name="{{link.1}}"))
    assert rendered == "{{link.1}}"


@pytest.mark.django_db
def test_every_link_of_a_broadcast_is_on_the_business_s_domain(settings: Settings) -> None:
    settings.PUBLIC_BASE_URL = "https://sms.example.com"
    business = make_business(link_domain="go.example.com")
    broadcast = make_expanded(business=business, contacts=1, text="{{offer_link}}")
    message = Message.objects.get()

    assert broadcast.link_base == "https://go.example.com"
    assert message.text.startswith(f"https://go.example.com/o/{message.public_id}\nStop: ")
    assert f"Stop: https://go.example.com/u/{message.public_id}" in message.text


@pytest.mark.django_db
def test_the_domain_is_fixed_at_the_start(settings: Settings) -> None:
    settings.PUBLIC_BASE_URL = "https://sms.example.com"
    broadcast = make_expanded(contacts=1)
    assert "Stop: https://sms.example.com/u/" in Message.objects.get().text
    assert broadcast.link_base == "https://sms.example.com"


@pytest.mark.django_db
def test_a_broadcast_from_before_there_were_domains_has_those_of_the_site(
    settings: Settings,
) -> None:
    assert Broadcast().links_begin == settings.PUBLIC_BASE_URL


@pytest.mark.django_db
@pytest.mark.parametrize("base", ["", "https://a-rather-long-domain.example.com"])
def test_a_preview_is_as_long_as_what_goes_out(base: str, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    domain = base.removeprefix("https://")
    settings.PUBLIC_BASE_URL = "https://sms.example.com"
    text = "Hello {{first_name}}: {{offer_link}}"
    make_expanded(contacts=1, text=text, business=make_business(link_domain=domain))
    message = Message.objects.select_related("contact").get()
    assert message.contact is not None

    shown = texts.preview(text, Values(message.contact.first_name), link_base=base)

    assert shown.characters == len(message.text)
    assert shown.segments == message.segments


@pytest.mark.django_db(transaction=True)
class TestSingleMessages:
    def test_a_marketing_one_ends_with_the_way_out(self) -> None:
        business = make_business()
        message = services.send_message(
            business=business, phone=PHONE, text="Welcome", sender="Store", is_marketing=True
        )
        assert "\nStop: " in message.text

    def test_a_checked_one_may_hold_links(self) -> None:
        names = {"business": make_business(), "phone": PHONE, "sender": "Store"}
        for text in ("{{offer_link}}", "{{link.1}}"):
            with pytest.raises(TemplateError):
                services.send_message(**names, text=text)  # type: ignore[arg-type]
            message = services.send_message(**names, text=text, is_checked=True)  # type: ignore[arg-type]
            assert message.public_id in message.text

    def test_who_has_opted_out_gets_only_what_they_asked_for(self) -> None:
        business = make_business()
        Suppression.objects.create(business=business, phone=PHONE, source="opt_out_link")
        names = {"business": business, "phone": PHONE, "sender": "Store", "text": "Confirm"}
        with pytest.raises(PhoneUnsubscribed):
            services.send_message(**names)  # type: ignore[arg-type]

        message = services.send_message(**names, reaches_suppressed=True)  # type: ignore[arg-type]
        gateway = ScriptedGateway(accept_all)
        services.send_next_batch(gateway)

        assert gateway.calls == [[PHONE]]
        message.refresh_from_db()
        assert message.status == "sent"

    def test_any_other_broadcast_does_not_reach_them(self) -> None:
        broadcast = make_expanded(contacts=2)
        message = Message.objects.first()
        assert message is not None
        Suppression.objects.create(
            business=broadcast.business, phone=message.phone, source="opt_out_link"
        )

        services.send_next_batch(ScriptedGateway(accept_all))

        assert statuses(broadcast) == {"sent": 1, "suppressed": 1}
