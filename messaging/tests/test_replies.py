"""What keywords in replies do: to the business that wrote last, and to no other."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Business
from contacts.models import Consent, Contact, OptInRequest
from contacts.services import unsubscribe
from contacts.tests.factories import make_contact, sign_up
from messaging import services
from messaging.gateways.base import FailureReason, SendResult
from messaging.models import Batch, GatewayEvent, InboundMessage, Message
from messaging.tests.factories import ScriptedGateway, accept_all, at_once
from messaging.tests.inbound import (
    PHONE,
    ago,
    apply_all,
    campaign_to,
    is_out,
    make_shop,
    post,
    send_all,
    sms,
    text_to,
    write,
)

pytestmark = pytest.mark.django_db

OTHER_PHONE = "+306940000002"


@pytest.fixture
def shop() -> Business:
    return make_shop()


def test_stop_goes_to_the_business_that_wrote_last_and_to_no_other(shop: Business) -> None:
    other, bystander = make_shop("Other"), make_shop("Bystander")
    make_contact(bystander, PHONE)
    text_to(shop)
    campaign_to(other, PHONE, OTHER_PHONE)

    reply = write("STOP")

    assert (reply.business, reply.effect) == (other, "unsubscribed")
    assert [is_out(business) for business in (shop, other, bystander)] == [False, True, False]
    assert not is_out(other, OTHER_PHONE)
    assert Contact.objects.get(business=bystander).is_subscribed


@pytest.mark.django_db(transaction=True)
def test_the_last_message_counts_not_the_last_broadcast(shop: Business) -> None:
    """A large broadcast that began earlier may reach a phone later."""
    slow, quick = make_shop("Slow"), make_shop("Quick")
    Contact.objects.create(business=slow, phone=PHONE)
    broadcast = services.start_broadcast(
        business=slow,
        text="An offer",
        sender="Slow",
        audience={"list": None, "filter": None, "on": "2026-01-01"},
    )
    services.expand_chunk(broadcast_id=broadcast.pk)
    services.pause_broadcast(broadcast_id=broadcast.pk)
    campaign_to(quick, PHONE)
    services.resume_broadcast(broadcast_id=broadcast.pk)
    send_all()

    assert write("STOP").business == slow


def test_a_campaign_after_a_single_message_and_the_other_way_round(shop: Business) -> None:
    other = make_shop("Other")
    campaign_to(shop, PHONE)
    text_to(other)
    assert write("STOP").business == other
    campaign_to(shop, PHONE)
    assert write("Are you open?").business == shop


def test_a_number_of_one_business_is_its_own(shop: Business) -> None:
    """They answered the number, not whoever wrote last under a name."""
    other = make_shop("Other")
    text_to(shop, sender="306900000054")
    text_to(other, sender="Other")

    assert write("STOP", to="+306900000054").business == shop
    assert write("STOP", to="12345").business == other


def test_what_never_left_makes_nobody_the_last(shop: Business) -> None:
    other = make_shop("Other")
    text_to(shop)
    services.send_message(business=other, phone=PHONE, text="Waits", sender="Other")

    assert write("STOP").business == shop


def test_what_did_not_arrive_comes_after_what_did(shop: Business) -> None:
    other = make_shop("Other")
    text_to(shop)
    missed = text_to(other)
    Message.objects.filter(pk=missed.pk).update(status="undelivered")
    assert write("STOP").business == shop

    missed = text_to(other, OTHER_PHONE)
    Message.objects.filter(pk=missed.pk).update(status="undelivered")
    assert write("STOP", OTHER_PHONE).business == other, "the report may be wrong"


@pytest.mark.django_db(transaction=True)
def test_a_refused_message_reached_nobody(shop: Business) -> None:
    services.send_message(business=shop, phone=PHONE, text="Hello", sender="Shop")
    refuse = ScriptedGateway(lambda sent: [SendResult.refused(FailureReason.INVALID_NUMBER)])
    services.send_next_batch(refuse)

    assert write("STOP").business is None


def settle(status: str) -> None:
    reported_at = None if status == "unknown" else timezone.now()
    Message.objects.filter(status="unknown").update(status=status, reported_at=reported_at)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("status", ["unknown", "sent", "delivered"])
def test_what_was_unknown_went_out_when_it_was_handed_over(shop: Business, status: str) -> None:
    other = make_shop("Other")
    lose = ScriptedGateway(lambda sent: [SendResult.uncertain(FailureReason.TIMEOUT)])
    services.send_message(business=shop, phone=PHONE, text="Hello", sender="Shop")
    services.send_next_batch(lose)
    text_to(other)
    settle(status)
    assert write("Which of you?").business == other

    broadcast = services.send_message(business=shop, phone=PHONE, text="!", sender="Shop").broadcast
    services.pause_broadcast(broadcast_id=broadcast.pk)
    services.send_next_batch(lose)
    text_to(other)
    services.resume_broadcast(broadcast_id=broadcast.pk)
    services.send_next_batch(lose)
    settle(status)
    assert write("Which of you?").business == shop, "written before, handed over after"


@pytest.mark.django_db(transaction=True)
def test_a_reply_may_overtake_the_result_of_its_sending(shop: Business) -> None:
    services.send_message(business=shop, phone=PHONE, text="Hello", sender="Shop")
    seen: list[Business | None] = []

    def answered_at_once(sent: object) -> list[SendResult]:
        assert Batch.objects.get().state == "submitting"
        seen.append(write("STOP").business)
        return accept_all(sent)  # type: ignore[arg-type]

    services.send_next_batch(ScriptedGateway(answered_at_once))

    assert seen == [shop]
    assert is_out(shop)


def test_a_message_after_the_reply_is_not_what_it_answers(shop: Business) -> None:
    other = make_shop("Other")
    text_to(shop)
    post(sms("STOP"))
    GatewayEvent.objects.update(received_at=ago(hours=1))
    Message.objects.update(sent_at=ago(hours=2))
    text_to(other)

    apply_all()

    assert [is_out(shop), is_out(other)] == [True, False]


@pytest.mark.parametrize("sender", ["+447700900123", "54321", "VODAFONE", "+1", "306940000001x"])
def test_whoever_got_nothing_from_us_belongs_to_nobody(shop: Business, sender: str) -> None:
    text_to(shop)
    reply = write("STOP", sender)

    assert reply.business is None
    assert not is_out(shop)
    assert reply.phone.removeprefix("+") == sender.removeprefix("+")


def test_stop_is_recorded_as_the_person_s_word(shop: Business) -> None:
    contact = make_contact(shop, PHONE)
    message = text_to(shop)
    write("στοπ")

    consent = Consent.objects.latest("pk")
    assert (consent.kind, consent.source, consent.contact) == ("withdrawn", "reply", contact)
    assert consent.reference == message.public_id
    assert consent.person.phone == PHONE
    contact.refresh_from_db()
    assert not contact.is_subscribed


def test_stop_twice_is_one_opt_out(shop: Business) -> None:
    text_to(shop)
    assert write("STOP").effect == "unsubscribed"
    assert write("STOP").effect == ""
    assert Consent.objects.filter(kind="withdrawn").count() == 1


def test_start_brings_a_person_back(shop: Business) -> None:
    contact = make_contact(shop, PHONE)
    text_to(shop)
    write("STOP")
    assert write("START").effect == "resubscribed"

    contact.refresh_from_db()
    assert contact.is_subscribed
    assert not is_out(shop)
    kinds = Consent.objects.filter(source="reply").order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["withdrawn", "granted"]


def test_start_lifts_an_opt_out_by_link_too(shop: Business) -> None:
    text_to(shop)
    unsubscribe(business_id=shop.pk, phone=PHONE, source="opt_out_link")
    assert write("START").effect == "resubscribed"


def test_a_bare_yes_brings_nobody_back(shop: Business) -> None:
    text_to(shop)
    write("STOP")
    assert write("ναι").effect == ""
    assert is_out(shop)


@pytest.mark.parametrize("later", ["STOP", "START"])
def test_the_later_word_counts_by_the_gateway_s_time(shop: Business, later: str) -> None:
    """Whatever order they arrive in."""
    text_to(shop)
    Message.objects.update(sent_at=ago(hours=2))
    earlier = "START" if later == "STOP" else "STOP"
    write(later, at=ago(minutes=5))
    reply = write(earlier, at=ago(minutes=10))

    assert reply.effect == "outdated"
    assert is_out(shop) is (later == "STOP")


@pytest.mark.parametrize(("words", "out"), [(("STOP", "START"), False), (("START", "STOP"), True)])
def test_without_a_time_the_later_arrival_counts(
    shop: Business, words: tuple[str, str], *, out: bool
) -> None:
    text_to(shop)
    for word in words:
        write(word)
    assert is_out(shop) is out


def test_a_clock_that_is_ahead_does_not_outdo_what_comes_later(shop: Business) -> None:
    text_to(shop)
    write("START", at=timezone.now() + timedelta(hours=3))
    assert write("STOP").effect == "unsubscribed"


@pytest.mark.parametrize("never", ["0001-01-01T00:00:00", "1970-01-01T00:00:00Z", 0])
def test_a_time_of_long_ago_is_none(shop: Business, never: object) -> None:
    """As programs write it that know no time; some clocks have not got that far back either."""
    Business.objects.update(time_zone="America/New_York")
    text_to(shop)
    Message.objects.update(sent_at=ago(hours=2))
    write("START", at=ago(minutes=5))
    assert write("STOP", receivedAt=never).effect == "unsubscribed"

    for word in ("START", "STOP"):
        reply = write(word, receivedAt=never, messageId=None)
    assert reply.effect == "unsubscribed"
    assert reply.occurred_at == reply.received_at
    assert is_out(shop)


def test_an_old_start_does_not_undo_a_later_opt_out_by_link(shop: Business) -> None:
    text_to(shop)
    unsubscribe(business_id=shop.pk, phone=PHONE, source="opt_out_link")
    assert write("START", at=ago(minutes=5)).effect == "outdated"
    assert is_out(shop)


def test_yes_completes_a_double_opt_in(shop: Business) -> None:
    sign_up(shop, must_confirm=True, first_name="Eleni")
    text_to(shop)

    assert write("Ναι").effect == "confirmed"

    contact = Contact.objects.get(business=shop)
    assert (contact.first_name, contact.is_subscribed) == ("Eleni", True)
    consent = Consent.objects.get(kind="granted")
    assert (consent.source, consent.version, consent.person.phone) == ("confirmation", 3, PHONE)
    assert write("Ναι").effect == "", "once"


def test_yes_completes_no_sign_up_of_another_business(shop: Business) -> None:
    other = make_shop("Other")
    sign_up(other, must_confirm=True)
    text_to(shop)

    assert write("YES").effect == ""
    assert not Contact.objects.exists()


def test_yes_is_too_late_for_a_sign_up_that_has_expired(shop: Business) -> None:
    sign_up(shop, must_confirm=True)
    OptInRequest.objects.update(expires_at=ago(minutes=1))
    text_to(shop)
    assert write("YES").effect == ""


@pytest.mark.django_db(transaction=True)
def test_a_yes_from_before_the_sign_up_says_nothing_of_it(shop: Business) -> None:
    text_to(shop)
    post(sms("YES"))
    sign_up(shop, must_confirm=True)
    apply_all()
    assert not Contact.objects.exists()


def test_stop_after_yes_stands_though_it_arrives_before(shop: Business) -> None:
    sign_up(shop, must_confirm=True)
    text_to(shop)
    write("STOP", at=ago(seconds=1))
    assert write("YES", at=ago(seconds=30)).effect == "outdated"
    assert is_out(shop)


def test_a_yes_that_meant_nothing_outdoes_no_stop(shop: Business) -> None:
    text_to(shop)
    write("YES")
    assert write("STOP", at=ago(minutes=1)).effect == "unsubscribed"


@pytest.mark.django_db(transaction=True)
def test_what_is_posted_again_is_taken_in_once(shop: Business) -> None:
    text_to(shop)
    same = sms("Are you open?")
    for body in (same, [same, same], same):
        assert post(body) == 202
    at_once(apply_all, threads=3)
    apply_all()

    assert InboundMessage.objects.count() == 1


def test_the_same_words_on_another_day_are_another_message(shop: Business) -> None:
    text_to(shop)
    for _ in range(2):
        body = sms("Hi", messageId=None)
        post(body)
    apply_all()
    assert InboundMessage.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_keywords_at_once_end_with_the_later(shop: Business) -> None:
    text_to(shop)
    Message.objects.update(sent_at=ago(hours=2))
    words = ["STOP", "START"] * 5
    for number, word in enumerate(words):
        post(sms(word, at=ago(minutes=len(words) - number)))
    at_once(apply_all, threads=4)
    apply_all()

    assert not is_out(shop)
    assert InboundMessage.objects.count() == len(words)
