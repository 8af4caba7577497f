"""The sending engine: start, expand, claim, call, record, apply, sweep."""

from messaging.services.answering import save_auto_reply
from messaging.services.broadcasts import (
    cancel_broadcast,
    complete_broadcast,
    pause_broadcast,
    resume_broadcast,
    start_broadcast,
)
from messaging.services.events import apply_stored_events, replay_events, store_event
from messaging.services.expansion import expand_chunk
from messaging.services.inbound import TakenIn, apply_stored_inbound, mark_handled
from messaging.services.sending import send_next_batch
from messaging.services.single import send_message
from messaging.services.sweeping import Findings, settle_batches, sweep_messaging

__all__ = [
    "Findings",
    "TakenIn",
    "apply_stored_events",
    "apply_stored_inbound",
    "cancel_broadcast",
    "complete_broadcast",
    "expand_chunk",
    "mark_handled",
    "pause_broadcast",
    "replay_events",
    "resume_broadcast",
    "save_auto_reply",
    "send_message",
    "send_next_batch",
    "settle_batches",
    "start_broadcast",
    "store_event",
    "sweep_messaging",
]
