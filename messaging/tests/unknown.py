"""Messages whose fate is unknown, since the reply to their call was lost."""

from collections.abc import Callable
from datetime import timedelta

import httpx2
import orjson
from django.utils import timezone

from messaging import services
from messaging.gateways.base import LookedUp
from messaging.models import MessageProblem, WaitingReport
from messaging.services.claiming import claim_batch
from messaging.services.recording import Requeue, Results, record
from messaging.tests.factories import ScriptedGateway, accept_all, at_once
from messaging.tests.mitto import make_gateway
from messaging.tests.simulated import receiving, wait_for


def lose_replies(simulator: httpx2.Client, *, batches: int = 1, **settings: object) -> None:
    """Hand the next batches over; the gateway accepts and reports, but its answers are lost.

    The reports are applied as far as they can be: they wait, for nobody knows their ids.
    """
    with receiving() as receiver:
        lossy = {"SIM_LOST_REPLY_RATE": 1.0, "SIM_REPORT_URL": receiver.url}
        simulator.post("/settings", json=lossy | settings).raise_for_status()
        before = simulator.get("/counts").json()["accepted"]
        for _ in range(batches):
            assert services.send_next_batch(make_gateway(simulator.base_url))
        accepted = simulator.get("/counts").json()["accepted"] - before
        wait_for(lambda: len(receiver.reports()) == accepted)
        quiet = {"SIM_LOST_REPLY_RATE": 0.0, "SIM_REPORT_URL": ""}
        simulator.post("/settings", json=quiet).raise_for_status()
    for post in receiver.posts:
        services.store_event(gateway="mitto", kind="delivery", raw=orjson.dumps(post))
    apply_all()


def leave_unknown(*ids: str) -> None:
    """The next batch was lost with its worker, and reports have come for these ids, long ago."""
    claim = claim_batch()
    assert claim is not None
    results = Results()
    for message_id in claim.messages:
        results.add(message_id, "unknown", "worker_lost")
    assert record(claim, results, Requeue())
    for gateway_message_id in ids or ("g1",):
        WaitingReport.objects.create(gateway_message_id=gateway_message_id, status="delivered")
    lease_is_over()


def apply_all() -> None:
    while services.apply_stored_events():
        pass


def lease_is_over() -> None:
    """The waiting reports are older than any call that could still be answered."""
    long_ago = timezone.now() - timedelta(minutes=5)
    WaitingReport.objects.update(received_at=long_ago, look_up_at=long_ago)


def unknown_for(**age: float) -> None:
    """Whatever is a problem has been one for so long."""
    MessageProblem.objects.update(created_at=timezone.now() - timedelta(**age))


def together(*works: Callable[[], object]) -> None:
    """Run them at once, each in a thread of its own."""
    waiting = iter(works)

    def run_next() -> None:
        next(waiting)()

    at_once(run_next, threads=len(works))


class TellingGateway(ScriptedGateway):
    """Accepts all, and answers look-ups as the test says; remembers what it was asked."""

    def __init__(self, tell: Callable[[str], LookedUp | None]) -> None:
        super().__init__(accept_all)
        self.tell = tell
        self.asked: list[str] = []

    def lookup(self, gateway_message_id: str) -> LookedUp | None:
        self.asked.append(gateway_message_id)
        return self.tell(gateway_message_id)
