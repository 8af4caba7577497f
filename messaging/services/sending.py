"""One step of the engine: claim a batch, call the gateway once, record what came of it."""

import logging
import time
from collections.abc import Sequence

from django.conf import settings
from django.db import OperationalError, connection, transaction

from messaging.gateways import get_gateway
from messaging.gateways.base import (
    CredentialsRefused,
    FailureReason,
    Gateway,
    Outcome,
    RequestRefused,
    SendResult,
)
from messaging.models import Message
from messaging.services.broadcasts import complete_broadcast, pause_for_operator
from messaging.services.claiming import Claim, claim_batch
from messaging.services.recording import Requeue, Results, record

logger = logging.getLogger(__name__)

_MAX_BACK_OFF = 300  # seconds
_RECORD_FOR = 60  # seconds that a result is held while the database is away

# Outcomes that end a message; NOT_ACCEPTED leaves it queued.
_STATUS = {
    Outcome.ACCEPTED: Message.Status.SENT.value,
    Outcome.REFUSED: Message.Status.FAILED.value,
    Outcome.UNCERTAIN: Message.Status.UNKNOWN.value,
}


def send_next_batch(gateway: Gateway | None = None) -> bool:
    """Send one batch; False if none may go out now.

    Until the claim's commit nothing has left and a crash costs nothing; after it nothing is ever
    sent again by itself: at-most-once.
    """
    claimed_at = time.monotonic()
    claim = claim_batch()
    if claim is None:
        return False
    results, requeue = Results(), Requeue()
    problem = ""
    if claim.messages:
        try:
            answers = _call(gateway or get_gateway(), claim, claimed_at)
            results, requeue = _sort(claim, answers)
        except RequestRefused as refusal:
            results, requeue = _bisect(claim, refusal)
        except CredentialsRefused as refusal:
            problem = f"The gateway refused our credentials: {refusal}"[:255]
            requeue.parts.append(claim.messages)
    _record_surely(claim, results, requeue, problem)
    complete_broadcast(broadcast_id=claim.broadcast_id)
    return True


def _call(gateway: Gateway, claim: Claim, claimed_at: float) -> Sequence[SendResult]:
    """One call, if the lease still covers it: a worker that was frozen must not start one."""
    left = settings.SEND_LEASE - (time.monotonic() - claimed_at)
    if left < settings.GATEWAY_CALL_DEADLINE:
        late = SendResult.not_accepted(FailureReason.WORKER_LOST)
        return [late] * len(claim.sms)
    return gateway.send_batch(claim.sms)


def _sort(claim: Claim, answers: Sequence[SendResult]) -> tuple[Results, Requeue]:
    results, requeue = Results(), Requeue()
    again: list[int] = []
    for message_id, answer in zip(claim.messages, answers, strict=True):
        if answer.outcome is Outcome.NOT_ACCEPTED:
            again.append(message_id)
            requeue.delay = max(requeue.delay, answer.retry_after or _back_off(claim.attempts))
            continue
        reason = answer.reason.value if answer.reason else ""
        results.add(message_id, _STATUS[answer.outcome], reason, answer.gateway_message_id)
    if again:
        requeue.parts.append(again)
        requeue.delay = min(requeue.delay, _MAX_BACK_OFF)
    return results, requeue


def _bisect(claim: Claim, refusal: RequestRefused) -> tuple[Results, Requeue]:
    """Nothing was accepted, for the sake of somebody: halves find out whose, durably."""
    if len(claim.messages) == 1:
        results = Results()
        results.add(claim.messages[0], Message.Status.FAILED.value, refusal.reason.value)
        return results, Requeue()
    middle = len(claim.messages) // 2
    return Results(), Requeue(parts=[claim.messages[:middle], claim.messages[middle:]])


def _back_off(attempts: int) -> float:
    return float(min(settings.GATEWAY_BACK_OFF * 2 ** min(attempts - 1, 10), _MAX_BACK_OFF))


def _record_surely(claim: Claim, results: Results, requeue: Requeue, problem: str) -> None:
    """Results are known only here: hold on to them through a restart of the database."""
    give_up_at = time.monotonic() + _RECORD_FOR
    while True:
        try:
            with transaction.atomic():
                owned = record(claim, results, requeue)
                if owned and problem:
                    logger.error("Broadcast %s is paused. %s", claim.broadcast_id, problem)
                    pause_for_operator(broadcast_id=claim.broadcast_id, reason=problem)
            return
        except OperationalError:
            connection.close()
            if time.monotonic() > give_up_at:
                raise
            logger.warning("Batch %s waits for the database.", claim.batch_id)
            time.sleep(0.5)
