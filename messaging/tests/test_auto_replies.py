"""Automatic replies: few, wanted, and never the beginning of a dialogue."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Business
from accounts.tests.factories import api_client, make_member
from contacts.tests.factories import make_contact, sign_up
from messaging import services
from messaging.models import AutoReply, DailyUsage, Message, SentReply
from messaging.optout import make_token
from messaging.tests.factories import at_once
from messaging.tests.inbound import (
    PHONE,
    ago,
    apply_all,
    is_out,
    make_shop,
    post,
    send_all,
    sms,
    text_to,
    write,
)

pytestmark = pytest.mark.django_db

Kind = AutoReply.Kind


@pytest.fixture
def shop() -> Business:
    """It answers whatever can be answered."""
    shop = make_shop()
    for kind in Kind:
        services.save_auto_reply(business=shop, kind=kind, is_active=True, text=f"About {kind}")
    return shop


def replies() -> list[str]:
    """What went out by itself, without the way out at its end."""
    sent = Message.objects.filter(broadcast__auto_reply__isnull=False).order_by("pk")
    return [text.split("\n")[0] for text in sent.values_list("text", flat=True)]


@pytest.mark.django_db(transaction=True)
def test_by_itself_only_help_is_answered() -> None:
    shop = make_shop("Kafé {Ζωή}")
    text_to(shop, sender="KafeZoe")
    for text in ("STOP", "START", "Are you open?", "HELP"):
        write(text)

    [text] = replies()
    assert text.startswith("Kafé Ζωή: λαμβάνετε")
    assert send_all() == [PHONE]
    answer = Message.objects.latest("pk")
    assert answer.text.endswith(f"/u/{make_token(answer.public_id)}"), "the way out that works"
    assert answer.broadcast.sender == "KafeZoe", "as the message that it answers"
    assert answer.status == "sent"


def test_a_shop_abroad_answers_in_english() -> None:
    text_to(make_shop("Corner Shop", country="IE"))
    write("HELP")
    assert replies() == [
        "Corner Shop: you get our offers by SMS. For questions, call us or come by."
    ]


@pytest.mark.parametrize(
    ("words", "answers"),
    [
        (["HELP"], ["About help"]),
        (["STOP"], ["About stop"]),
        (["STOP", "START"], ["About stop", "About start"]),
        (["START"], []),  # they had never left
        (["STOP", "STOP"], ["About stop"]),
        (["Are you open?"], ["About other"]),
    ],
)
def test_each_kind_has_its_answer(shop: Business, words: list[str], answers: list[str]) -> None:
    text_to(shop)
    for word in words:
        write(word)
    assert replies() == answers


def test_a_yes_that_completes_a_sign_up_is_thanked(shop: Business) -> None:
    sign_up(shop, must_confirm=True)
    text_to(shop)
    write("ναι")
    assert replies() == ["About start"]


def test_a_business_may_stop_to_answer_help(shop: Business) -> None:
    services.save_auto_reply(business=shop, kind=Kind.HELP, is_active=False)
    text_to(shop)
    write("HELP")
    assert replies() == []


def test_one_of_a_kind_a_day_and_phone_whoever_sends_it(shop: Business) -> None:
    other = make_shop("Other")
    text_to(shop)
    write("HELP")
    write("HELP")
    text_to(other)
    write("HELP")
    assert replies() == ["About help"]

    SentReply.objects.update(day=(timezone.now() - timedelta(days=1)).date())
    text_to(shop)
    write("HELP")
    assert replies() == ["About help"] * 2


@pytest.mark.django_db(transaction=True)
def test_who_asks_is_answered_however_much_they_have_had(shop: Business) -> None:
    """And what they asked for does not count: the next offer is not left out for it."""
    Business.objects.update(frequency_cap_messages=1, frequency_cap_days=7)
    make_contact(shop, PHONE)
    text_to(shop)
    write("HELP")
    assert send_all() == [PHONE]
    for _ in range(2):
        services.send_message(
            business=shop, phone=PHONE, text="An offer", sender="Shop", is_marketing=True
        )
    assert send_all() == [PHONE]

    write("STOP")
    write("START")
    assert send_all() == [PHONE, PHONE]


@pytest.mark.django_db(transaction=True)
def test_help_at_once_is_answered_once(shop: Business) -> None:
    text_to(shop)
    for _ in range(8):
        post(sms("HELP"))
    at_once(apply_all, threads=4)
    apply_all()
    assert replies() == ["About help"]


@pytest.mark.django_db(transaction=True)
def test_two_machines_do_not_talk(shop: Business) -> None:
    """The other side answers whatever it gets, at once and for ever, on whichever day."""
    text_to(shop)
    for day in range(5):
        SentReply.objects.update(day=(timezone.now() - timedelta(days=day + 1)).date())
        write(f"Thank you for your message, number {day}!")
        for _ in send_all():
            write("Thank you for your message!")
            assert send_all() == []

    assert replies() == ["About other"]


@pytest.mark.parametrize(
    "text", ["AUTO-REPLY: I am driving.", "Αυτόματη απάντηση: λείπω", "Hello", "", "  "]
)
def test_what_a_machine_or_an_echo_says_is_not_answered(shop: Business, text: str) -> None:
    text_to(shop)  # its text is Hello
    write(text)
    assert replies() == []


def test_a_number_that_somebody_sends_from_is_not_answered(shop: Business) -> None:
    make_shop("Other", sender_name=PHONE.removeprefix("+"))
    text_to(shop)
    write("HELP")
    assert replies() == []


def test_nobody_is_answered_whom_nobody_wrote_to(shop: Business) -> None:
    write("HELP")
    write("Hello?")
    assert replies() == []


@pytest.mark.parametrize("text", ["HELP", "Are you open?"])
@pytest.mark.django_db(transaction=True)
def test_who_has_opted_out_is_left_alone(shop: Business, text: str) -> None:
    text_to(shop)
    write("STOP")
    write(text)
    assert replies() == ["About stop"], "the one exception"
    assert send_all() == [PHONE]


@pytest.mark.django_db(transaction=True)
def test_a_confirmed_stop_stays_a_stop(shop: Business) -> None:
    make_contact(shop, PHONE)
    text_to(shop)
    write("STOP")
    assert send_all() == [PHONE]
    assert is_out(shop)
    confirmation = Message.objects.latest("pk")
    assert (confirmation.text, confirmation.status) == ("About stop", "sent")


def test_an_opt_out_of_long_ago_is_not_confirmed_again(shop: Business) -> None:
    text_to(shop)
    write("STOP")
    SentReply.objects.all().delete()
    assert write("STOP").effect == ""
    assert len(replies()) == 0


@pytest.mark.django_db(transaction=True)
def test_answers_count_against_the_daily_cap(shop: Business) -> None:
    text_to(shop)
    write("HELP")
    send_all()
    assert DailyUsage.objects.get(business=shop).messages == 1

    text_to(shop)
    Business.objects.update(daily_message_cap=1)
    write("Are you open?")
    assert send_all() == []
    answer = Message.objects.latest("pk")
    assert answer.status == "queued"
    assert answer.broadcast.expires_at is not None, "tomorrow it is no answer any more"


def test_a_business_that_may_not_send_answers_nothing_and_stop_holds(shop: Business) -> None:
    text_to(shop)
    Business.objects.update(daily_message_cap=0)
    assert write("HELP").handled_at is None
    assert write("STOP").effect == "unsubscribed"
    assert replies() == []


def test_a_fault_in_an_answer_of_ours_undoes_no_stop(
    shop: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    text_to(shop)
    monkeypatch.setattr("messaging.services.single.insert_messages", lambda *_: 1 / 0)
    assert write("STOP").effect == "unsubscribed"
    assert is_out(shop)
    assert replies() == []


@pytest.mark.django_db(transaction=True)
def test_a_name_that_no_phone_can_show_is_answered_all_the_same() -> None:
    text_to(make_shop("Kafe\x07 {{Zoe}}"))
    write("HELP")
    assert send_all() == [PHONE]
    assert replies()[0].startswith("Kafe Zoe: ")


def test_a_reply_that_was_taken_in_before_is_not_answered_again(shop: Business) -> None:
    text_to(shop)
    body = sms("HELP")
    post(body)
    apply_all()
    SentReply.objects.all().delete()
    post(body)
    apply_all()
    assert len(Message.objects.all()) == 2


def test_keywords_settle_themselves_and_the_rest_waits_for_a_person(shop: Business) -> None:
    text_to(shop)
    handled = {
        text: write(text, at=ago(minutes=9 - number)).is_handled
        for number, text in enumerate(["HELP", "yes", "Are you open?", "STOP", "START", "START"])
    }
    assert handled == {
        "HELP": True, "yes": False, "Are you open?": False, "STOP": True, "START": True,
    }  # fmt: skip


URL = "/api/v1/auto-replies/"


def test_the_owner_reads_and_writes_them() -> None:
    shop = make_shop("Corner Shop", country="IE")
    client = api_client(make_member(shop))

    listed: Any = client.get(URL).json()
    assert {reply["kind"]: reply["is_active"] for reply in listed} == {
        "help": True, "stop": False, "start": False, "other": False,
    }  # fmt: skip
    assert all(reply["text"].startswith("Corner Shop: ") for reply in listed)

    changed = client.patch(f"{URL}stop/", {"is_active": True, "text": "Bye from {{first_name}}"})
    assert changed.status_code == 200
    assert client.get(f"{URL}stop/").json() == {
        "kind": "stop", "is_active": True, "text": "Bye from {{first_name}}",
    }  # fmt: skip
    assert client.patch(f"{URL}help/", {"text": "Ask us"}).json()["is_active"] is True
    standard = client.patch(f"{URL}stop/", {"text": ""}).json()
    assert standard["text"].startswith("Corner Shop: ")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"text": "Hi {{name"}, "VALIDATION_ERROR"),
        ({"text": "Look: {{offer_link}}"}, "VALIDATION_ERROR"),
        ({"text": "x" * 1001}, "VALIDATION_ERROR"),
        ({"kind": "help", "colour": "red"}, "VALIDATION_ERROR"),
    ],
)
def test_what_cannot_be_sent_is_refused(body: dict[str, Any], code: str) -> None:
    client = api_client(make_member(make_shop()))
    answer = client.patch(f"{URL}help/", body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert not AutoReply.objects.exists()


def test_another_business_has_its_own(shop: Business) -> None:
    client = api_client(make_member(make_shop("Other")))
    assert client.get(f"{URL}stop/").json()["is_active"] is False
    assert client.get(f"{URL}nonsense/").status_code == 404
    client.patch(f"{URL}stop/", {"text": "Other", "is_active": True})
    assert AutoReply.objects.get(business=shop, kind="stop").text == "About stop"


def test_the_till_sets_none() -> None:
    client = api_client(make_member(make_shop(), role="till"))
    assert client.get(URL).status_code == 403
