"""One step of the engine: claim a batch, call the gateway once, record what came of it."""

import logging
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

from django.conf import settings
from django.db import InternalError, OperationalError, connection, transaction

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
from messaging.services.broadcasts import (
    complete_broadcast,
    forget_setbacks,
    note_setback,
    pause_for_operator,
)
from messaging.services.claiming import Claim, PaceReached, claim_batch
from messaging.services.recording import Recorded, Requeue, Results, record

logger = logging.getLogger(__name__)

_MAX_BACK_OFF = 300  # seconds, of our own; a gateway may ask for more
_MOMENT = 0.25  # seconds that one ring may go on
_RECORD_FOR = 60  # seconds that a result is held while the database is away
# Seconds that a worker waits for a pace before it looks again: meanwhile another business may have
# something to send, and other rings wait behind this one.
_PATIENCE = 0.2
# One call that comes to nothing says little. From the second in a row the broadcast is held back
# for longer and longer; after so many whose messages are all `unknown`, a person has to look.
_HOLD_FROM = 2
_PAUSE_AT = 8

# Outcomes that end a message; NOT_ACCEPTED leaves it queued.
_STATUS = {
    Outcome.ACCEPTED: Message.Status.SENT.value,
    Outcome.REFUSED: Message.Status.FAILED.value,
    Outcome.UNCERTAIN: Message.Status.UNKNOWN.value,
}


@dataclass(slots=True)
class Verdict:
    """What one call means for its messages, and for the broadcast."""

    results: Results = field(default_factory=Results)
    requeue: Requeue = field(default_factory=Requeue)
    is_setback: bool = False  # nothing was accepted, nor refused for a reason of its own
    is_uncertain: bool = False  # every message is unknown now
    problem: str = ""  # what a person has to mend before anything more is sent

    def concerns(self, claim: Claim) -> bool:
        """Whether the broadcast has to be told."""
        return bool(self.is_setback or self.problem or claim.setbacks)


def send_next_batch(gateway: Gateway | None = None) -> bool:
    """Send one batch, or wait a moment for the pace; False if none may go out now.

    Until the claim's commit nothing has left and a crash costs nothing; after it nothing is ever
    sent again by itself: at-most-once.
    """
    claimed_at = time.monotonic()
    try:
        claim = claim_batch()
    except PaceReached as reached:
        time.sleep(min(reached.seconds, _PATIENCE))
        return True
    if claim is None:
        return False
    verdict = Verdict()
    if claim.messages:
        try:
            verdict = _judge(claim, _call(gateway or get_gateway(), claim, claimed_at))
        except RequestRefused as refusal:
            verdict = _judge_refusal(claim, refusal)
        except CredentialsRefused as refusal:
            verdict.problem = f"The gateway refused our credentials: {refusal}"
            verdict.requeue.parts.append(claim.messages)
    recorded = _record_surely(claim, verdict)
    # While others are queued it cannot be over; whoever records the last of them comes here too.
    if recorded is None or not recorded.queued:
        complete_broadcast(broadcast_id=claim.broadcast_id)
    return True


def send_batches() -> bool:
    """Send for a moment, one batch after another; False if no more may go out now.

    A ring for each batch would cost as much as the batch. Fairness is in the claim; and other
    tasks want their turn, so that it is a moment only.
    """
    until = time.monotonic() + _MOMENT
    while send_next_batch():
        if time.monotonic() > until:
            return True
    return False


def _call(gateway: Gateway, claim: Claim, claimed_at: float) -> Sequence[SendResult]:
    """One call, if the lease still covers it: a worker that was frozen must not start one."""
    left = settings.SEND_LEASE - (time.monotonic() - claimed_at)
    if left < settings.GATEWAY_CALL_DEADLINE:
        late = SendResult.not_accepted(FailureReason.WORKER_LOST)
        return [late] * len(claim.sms)
    return gateway.send_batch(claim.sms)


def _judge(claim: Claim, answers: Sequence[SendResult]) -> Verdict:
    verdict = Verdict()
    again: list[int] = []
    delay = 0.0
    for message_id, answer in zip(claim.messages, answers, strict=True):
        if answer.outcome is Outcome.NOT_ACCEPTED:
            again.append(message_id)
            delay = max(delay, answer.retry_after or _back_off(claim.attempts))
            continue
        reason = answer.reason.value if answer.reason else ""
        verdict.results.add(message_id, _STATUS[answer.outcome], reason, answer.gateway_message_id)
    if again:
        verdict.requeue = Requeue(delay=delay, parts=[again])
    outcomes = {answer.outcome for answer in answers}
    verdict.is_uncertain = outcomes == {Outcome.UNCERTAIN}
    verdict.is_setback = outcomes <= {Outcome.UNCERTAIN, Outcome.NOT_ACCEPTED}
    return verdict


def _judge_refusal(claim: Claim, refusal: RequestRefused) -> Verdict:
    """Nothing was accepted, for the sake of somebody: halves find out whose, durably."""
    if refusal.reason is FailureReason.INVALID_SENDER:
        # The same for all: halving would only ask two times as often as there are messages.
        problem = f"The gateway refused the sender {claim.sms[0].sender}: {refusal}"
        return Verdict(requeue=Requeue(parts=[claim.messages]), problem=problem)
    if len(claim.messages) == 1:
        verdict = Verdict()
        verdict.results.add(claim.messages[0], Message.Status.FAILED.value, refusal.reason.value)
        return verdict
    middle = len(claim.messages) // 2
    return Verdict(requeue=Requeue(parts=[claim.messages[:middle], claim.messages[middle:]]))


def _back_off(times: int) -> float:
    """Seconds: doubled with each time."""
    return float(min(settings.GATEWAY_BACK_OFF * 2 ** min(times - 1, 10), _MAX_BACK_OFF))


def _record_surely(claim: Claim, verdict: Verdict) -> Recorded | None:
    """Results are known only here: hold on to them through a restart of the database."""
    give_up_at = time.monotonic() + _RECORD_FOR
    while True:
        try:
            # As a rule one statement is all, and no transaction would make it more of a whole.
            concerns = verdict.concerns(claim)
            with transaction.atomic() if concerns else nullcontext():
                recorded = record(claim, verdict.results, verdict.requeue, moves_broadcast=concerns)
                if recorded is not None and concerns:
                    _judge_broadcast(claim, verdict)
                return recorded
        except (OperationalError, InternalError):  # the latter if we were frozen inside it
            connection.close()
            if time.monotonic() > give_up_at:
                raise
            logger.warning("Batch %s waits for the database.", claim.batch_id)
            time.sleep(0.5)


def _judge_broadcast(claim: Claim, verdict: Verdict) -> None:
    """Slow down or pause what only loses messages; what works again goes on at full speed."""
    problem = verdict.problem
    if verdict.is_setback:
        times = claim.setbacks + 1
        hold = verdict.requeue.delay or (_back_off(times - 1) if times >= _HOLD_FROM else 0)
        times = note_setback(broadcast_id=claim.broadcast_id, hold=hold)
        if verdict.is_uncertain and times >= _PAUSE_AT:
            problem = (
                f"The gateway gave no clear answer to {times} calls in a row. "
                "Find out why before you resume: what it did not answer is unknown."
            )
    elif claim.setbacks:
        forget_setbacks(broadcast_id=claim.broadcast_id)
    if problem:
        logger.error("Broadcast %s is paused. %s", claim.broadcast_id, problem)
        pause_for_operator(broadcast_id=claim.broadcast_id, reason=problem[:255])
