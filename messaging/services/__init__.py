"""The sending engine: start, expand, claim, call, record, apply, sweep."""

from messaging.services.broadcasts import (
    cancel_broadcast,
    complete_broadcast,
    pause_broadcast,
    resume_broadcast,
    start_broadcast,
)
from messaging.services.events import apply_stored_events, replay_events, store_event
from messaging.services.expansion import expand_chunk
from messaging.services.sending import send_next_batch
from messaging.services.single import send_message, send_to_contacts
from messaging.services.sweeping import Findings, settle_batches, sweep_messaging

__all__ = [
    "Findings",
    "apply_stored_events",
    "cancel_broadcast",
    "complete_broadcast",
    "expand_chunk",
    "pause_broadcast",
    "replay_events",
    "resume_broadcast",
    "send_message",
    "send_next_batch",
    "send_to_contacts",
    "settle_batches",
    "start_broadcast",
    "store_event",
    "sweep_messaging",
]
