"""The sending engine: start, expand, claim, call, record, apply, sweep."""

from messaging.services.answering import save_auto_reply
from messaging.services.broadcasts import (
    NothingToRetry,
    cancel_broadcast,
    complete_broadcast,
    pause_broadcast,
    resume_broadcast,
    start_broadcast,
    start_retry,
)
from messaging.services.events import apply_stored_events, replay_events, store_event
from messaging.services.expansion import expand_chunk
from messaging.services.inbound import TakenIn, apply_stored_inbound, mark_handled
from messaging.services.sending import send_batches, send_next_batch
from messaging.services.settling import close_unknown, look_up_reports
from messaging.services.single import send_message, send_samples, send_to_contacts
from messaging.services.sweeping import Findings, settle_batches, sweep_messaging

__all__ = [
    "Findings",
    "NothingToRetry",
    "TakenIn",
    "apply_stored_events",
    "apply_stored_inbound",
    "cancel_broadcast",
    "close_unknown",
    "complete_broadcast",
    "expand_chunk",
    "look_up_reports",
    "mark_handled",
    "pause_broadcast",
    "replay_events",
    "resume_broadcast",
    "save_auto_reply",
    "send_batches",
    "send_message",
    "send_next_batch",
    "send_samples",
    "send_to_contacts",
    "settle_batches",
    "start_broadcast",
    "start_retry",
    "store_event",
    "sweep_messaging",
]
