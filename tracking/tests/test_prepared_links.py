"""Which addresses of a text become links of ours, and what these may lead to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging import rendering, texts
from messaging.rendering import Values
from tracking.services import prepare_links
from tracking.targets import UnsafeTarget, read_target
from tracking.tests.factories import make_message


@pytest.mark.parametrize(
    ("text", "prepared", "targets"),
    [
        ("no links, shop.example", "no links, shop.example", []),
        ("https://a.example/b", "{{link.1}}", ["https://a.example/b"]),
        ("See https://a.example/b.", "See {{link.1}}.", ["https://a.example/b"]),
        ("(https://a.example/b)!", "({{link.1}})!", ["https://a.example/b"]),
        ("https://a.example/b_(c)", "{{link.1}}", ["https://a.example/b_(c)"]),
        ("HTTP://A.example/B", "{{link.1}}", ["http://a.example/B"]),
        (
            "https://a.example https://b.example https://a.example",
            "{{link.1}} {{link.2}} {{link.1}}",
            ["https://a.example", "https://b.example"],
        ),
        ("Hi {{first_name}}, https://a.example", "Hi {{first_name}}, {{link.1}}", None),
        ("{{first_name|https://a.example}}", "{{first_name|https://a.example}}", []),
        ("https://a.example/?n={{first_name}}", "https://a.example/?n={{first_name}}", []),
        ("https://a.example/{{first_name|a b}}/c", "https://a.example/{{first_name|a b}}/c", []),
        ("https://bank.example@evil.example/", "https://bank.example@evil.example/", []),
        ("javascript://a.example/%0aalert(1)", "javascript://a.example/%0aalert(1)", []),
        ("https://κατάστημα.gr/προσφορά", "{{link.1}}", None),
        ("https://", "https://", []),
        ("https://a.example:99999/", "https://a.example:99999/", []),
        ("«https://a.example/b»", "«{{link.1}}»", ["https://a.example/b"]),
    ],
)
def test_addresses_become_links(text: str, prepared: str, targets: list[str] | None) -> None:
    found = prepare_links(text=text)
    assert found[0] == prepared
    if targets is not None:
        assert found[1] == targets


def test_an_address_in_greek_is_kept_as_browsers_send_it() -> None:
    _, (target,) = prepare_links(text="https://κατάστημα.gr/προσφορά")
    assert target.isascii()
    assert target.startswith("https://xn--")


def test_the_hundredth_address_stays_as_it_is() -> None:
    text = " ".join(f"https://a.b/{number}" for number in range(1, 101))
    prepared, targets = prepare_links(text=text)
    assert len(targets) == 99
    assert prepared.endswith("{{link.99}} https://a.b/100")


@given(st.text() | st.from_regex(r"https?://[a-z@:{}()./ ]{0,30}"))
def test_any_text_is_prepared_and_no_target_is_unsafe(text: str) -> None:
    prepared, targets = prepare_links(text=text)
    for number, target in enumerate(targets, start=1):
        assert read_target(target) == target
        assert f"{{{{link.{number}}}}}" in prepared


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://a.example/",
        "//a.example/",
        "/a",
        "",
        "https:///a",
        "https://user@a.example/",
        "https://user:password@a.example/",
        "https://@a.example/",
        "https://a.example\\@b.example/",
        "https:/\\a.example/",
        "https://a.example/\r\nSet-Cookie: a=b",
        "https://a.exa mple/",
        "\thttps://a.example/",
        "https://a.example:x/",
        "https://[::1/",
        "https://a.example/" + "a" * 2000,
        "https://a.example/" + "ω" * 400,
    ],
)
def test_what_no_link_of_ours_leads_to(address: str) -> None:
    with pytest.raises(UnsafeTarget):
        read_target(address)


@pytest.mark.parametrize("address", ["http://a.example:8080/x#y", "https://[2001:db8::1]/a"])
def test_what_they_may_lead_to(address: str) -> None:
    assert read_target(address) == address


@pytest.mark.django_db
def test_every_message_names_itself_in_its_links() -> None:
    message = make_message(text="Hi: {{offer_link}} https://a.example/b, https://c.example")
    name = message.public_id
    assert message.text.startswith("Hi: http")
    assert f"/o/{name} " in message.text
    assert f"/s/{name}1, " in message.text
    assert f"/s/{name}2\n" in message.text
    assert "a.example" not in message.text


def test_a_preview_is_as_long_as_what_goes_out() -> None:
    text = "Hi: {{offer_link}} https://shop.example/a-very-long-address-of-a-page"
    prepared, _ = prepare_links(text=text)

    shown = texts.preview(text, Values(), link_base="https://go.example.com", prepared=prepared)

    sent = texts.compose(
        rendering.compile_template(prepared),
        Values(public_id="Abc-_1234567", link_base="https://go.example.com"),
        is_marketing=True,
    )
    assert shown.characters == len(sent)
    assert "https://go.example.com/s/0000000000001" in shown.text
