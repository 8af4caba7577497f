"""A STOP counts as an opt-out of the campaign that it answers."""

import pytest
from django.test import Client

from messaging.models import Message
from messaging.optout import make_token
from messaging.tests.inbound import ago, is_out, send_all, write
from tracking import services
from tracking.services.counting import wrong_counters
from tracking.tests.factories import counted, engagement, make_sent, message_of

pytestmark = pytest.mark.django_db(transaction=True)


def make_answered() -> Message:
    broadcast = make_sent()
    send_all()
    return message_of(broadcast)


def test_it_counts_once_however_they_leave_and_come_back() -> None:
    message = make_answered()
    write("STOP", message.phone)
    assert engagement(message.broadcast) == counted(unsubscribes=1)

    write("START", message.phone)
    write("STOP", message.phone)
    services.opt_out(message=message)
    assert engagement(message.broadcast) == counted(unsubscribes=1)
    assert list(wrong_counters()) == []


def test_the_link_s_undo_does_not_take_a_stop_back(client: Client) -> None:
    message = make_answered()
    services.opt_out(message=message)
    assert services.may_undo_opt_out(message=message)
    write("START", message.phone)
    write("STOP", message.phone)

    assert not services.may_undo_opt_out(message=message)
    assert not services.undo_opt_out(message=message)
    assert "undo" not in client.get(f"/u/{make_token(message.public_id)}").text.lower()
    assert is_out(message.business, message.phone)


def test_a_stop_that_changed_nothing_counts_nowhere() -> None:
    message = make_answered()
    Message.objects.update(sent_at=ago(hours=1))
    write("START", message.phone)
    write("STOP", message.phone, at=ago(minutes=5))
    assert engagement(message.broadcast) == counted()
