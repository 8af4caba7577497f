"""What goes out (broadcasts, batches, messages) and what comes back (gateway events, replies)."""

from messaging.models.broadcast import (
    Batch,
    Broadcast,
    BroadcastCounters,
    DailyUsage,
    ExpansionCursor,
    Retry,
)
from messaging.models.events import GatewayEvent, GatewayReference, WaitingReport
from messaging.models.inbound import AutoReply, InboundMessage, SentReply
from messaging.models.message import Message, MessageProblem, new_public_id, new_public_ids
from messaging.models.rules import CountedMessage, QuietHours

__all__ = [
    "AutoReply",
    "Batch",
    "Broadcast",
    "BroadcastCounters",
    "CountedMessage",
    "DailyUsage",
    "ExpansionCursor",
    "GatewayEvent",
    "GatewayReference",
    "InboundMessage",
    "Message",
    "MessageProblem",
    "QuietHours",
    "Retry",
    "SentReply",
    "WaitingReport",
    "new_public_id",
    "new_public_ids",
]
