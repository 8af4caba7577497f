"""People write back, through everything: gateway, web server, broker, worker, and out again."""

import time

import pytest

from accounts.tests.factories import make_business
from config.embedded.fixtures import SimulatedGateway
from config.tests.running import wait_for
from messaging.models import Message
from messaging.services import send_message
from messaging.tasks import send_next
from messaging.tests.inbound import PHONE, is_out
from messaging.webhooks import RING_EVERY
from rediskit.doorbell import ring

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.usefixtures("live_web", "celery_worker_process")
def test_help_is_answered_and_stop_obeyed_without_waiting_for_a_tick(
    simulated_gateway: SimulatedGateway,
) -> None:
    """Beat does not run here: each rings the next."""
    shop = make_business(name="Kafe Zoe")
    send_message(business=shop, phone=PHONE, text="Hello", sender="Shop")
    ring(send_next)
    wait_for(lambda: simulated_gateway.counts()["accepted"] == 1, seconds=60)
    wait_for(lambda: Message.objects.get().status in {"sent", "delivered"}, seconds=60)

    assert simulated_gateway.write("ΒΟΗΘΕΙΑ", phone=PHONE) == 202
    wait_for(lambda: simulated_gateway.counts()["accepted"] == 2, seconds=60)
    # A report that overtakes the result of its sending would wait for a tick to be applied.
    handed_over = Message.objects.filter(status__in=["sent", "delivered"])
    wait_for(lambda: handed_over.count() == 2, seconds=60)
    assert Message.objects.latest("pk").text.startswith("Kafe Zoe: ")

    time.sleep(RING_EVERY)  # in between, it is the ticks that find what comes
    assert simulated_gateway.write("Στοπ", phone=PHONE) == 202
    wait_for(lambda: is_out(shop), seconds=60)


def test_the_secret_of_the_web_server_is_asked_for(
    live_web: str, simulated_gateway: SimulatedGateway
) -> None:
    simulated_gateway.set(SIM_REPORT_SECRET="not the secret")
    assert simulated_gateway.write("STOP", phone=PHONE) == 401
