"""What goes out (broadcasts, batches, messages) and what comes back (gateway events)."""

from messaging.models.broadcast import (
    Batch,
    Broadcast,
    BroadcastCounters,
    DailyUsage,
    ExpansionCursor,
    Retry,
)
from messaging.models.events import GatewayEvent, GatewayReference, WaitingReport
from messaging.models.message import Message, MessageProblem, new_public_id, new_public_ids
from messaging.models.rules import CountedMessage, QuietHours

__all__ = [
    "Batch",
    "Broadcast",
    "BroadcastCounters",
    "CountedMessage",
    "DailyUsage",
    "ExpansionCursor",
    "GatewayEvent",
    "GatewayReference",
    "Message",
    "MessageProblem",
    "QuietHours",
    "Retry",
    "WaitingReport",
    "new_public_id",
    "new_public_ids",
]
