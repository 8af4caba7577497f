"""What the sending engine and the webhooks know of a gateway.

An adapter translates; it stores nothing, retries nothing and never lets an exception of its
transport escape. `docs/adding-a-gateway.md` tells how to write one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

MAX_MESSAGE_ID_LENGTH: Final = 100
MAX_DETAIL_LENGTH: Final = 200
MAX_ADDRESS_LENGTH: Final = 32
MAX_INBOUND_LENGTH: Final = 10_000  # of a text; an SMS has 39 segments at most


class FailureReason(StrEnum):
    """Why a message failed or is unknown, whatever the gateway's own words are."""

    INVALID_NUMBER = "invalid_number"
    INVALID_SENDER = "invalid_sender"
    INVALID_TEXT = "invalid_text"
    REFUSED = "refused"  # for good, for a reason that fits none of the above
    CREDENTIALS = "credentials"
    THROTTLED = "throttled"
    UNREACHABLE = "unreachable"  # no connection: proven not accepted
    TIMEOUT = "timeout"
    CONNECTION_RESET = "connection_reset"
    GATEWAY_ERROR = "gateway_error"  # an answer that says neither yes nor no, a 5xx for instance
    UNREADABLE_REPLY = "unreadable_reply"
    UNDELIVERABLE = "undeliverable"  # accepted, then reported as a failure
    EXPIRED = "expired"  # accepted, then given up by the network
    ABSENT = "absent"  # accepted, but the phone was off or out of reach
    BLOCKED = "blocked"  # accepted, but network or phone take no such message
    UNCONFIRMED = "unconfirmed"  # closed by us: nothing was heard in time
    WORKER_LOST = "worker_lost"  # nobody recorded the outcome of the call


# What may end better the next time, and without the danger that somebody gets it twice. Not among
# them: a number or a text that will be no better, and UNCONFIRMED, which may have arrived.
RETRYABLE: Final = frozenset(
    {
        FailureReason.INVALID_SENDER,  # once the sender is registered
        FailureReason.REFUSED,  # once there is credit again, say
        FailureReason.UNDELIVERABLE,
        FailureReason.EXPIRED,
        FailureReason.ABSENT,
    }
)


class Outcome(StrEnum):
    """What one call made of one message. Only NOT_ACCEPTED may ever be sent again by itself."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  # for good
    NOT_ACCEPTED = "not_accepted"  # proven
    UNCERTAIN = "uncertain"


class DeliveryStatus(StrEnum):
    SENT = "sent"  # informational: the gateway still has it under way
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"


@dataclass(frozen=True, slots=True)
class OutgoingSms:
    reference: str  # our id of the message; sent along where the gateway takes one
    destination: str  # E.164
    sender: str
    text: str


@dataclass(frozen=True, slots=True)
class SendResult:
    outcome: Outcome
    gateway_message_id: str = ""  # given exactly when accepted
    reason: FailureReason | None = None  # given exactly when not accepted
    detail: str = ""  # the gateway's words, for people
    retry_after: float | None = None  # seconds, where the gateway named them

    @classmethod
    def accepted(cls, gateway_message_id: str) -> "SendResult":
        return cls(Outcome.ACCEPTED, gateway_message_id)

    @classmethod
    def refused(cls, reason: FailureReason, detail: str = "") -> "SendResult":
        return cls(Outcome.REFUSED, reason=reason, detail=detail)

    @classmethod
    def not_accepted(
        cls, reason: FailureReason, detail: str = "", retry_after: float | None = None
    ) -> "SendResult":
        return cls(Outcome.NOT_ACCEPTED, reason=reason, detail=detail, retry_after=retry_after)

    @classmethod
    def uncertain(cls, reason: FailureReason, detail: str = "") -> "SendResult":
        return cls(Outcome.UNCERTAIN, reason=reason, detail=detail)


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What the gateway remembers of a message it accepted; None where it does not tell."""

    gateway_message_id: str
    text: str | None
    sender: str | None
    destination: str | None
    status: DeliveryStatus | None


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    gateway_message_id: str
    status: DeliveryStatus
    reason: FailureReason | None  # given exactly when undelivered
    detail: str
    occurred_at: datetime | None  # aware; None if missing or unreadable


@dataclass(frozen=True, slots=True)
class InboundSms:
    """An SMS that somebody sent to a number of ours."""

    sender: str  # as the gateway names it: a phone, but a name or a short code as well
    to: str  # empty if missing
    text: str
    gateway_message_id: str  # empty if missing
    occurred_at: datetime | None  # aware; None if missing or unreadable


@dataclass(frozen=True, slots=True)
class UnreadableElement:
    """A part of a webhook's body to set aside for a person, its neighbours being fine."""

    index: int
    reason: str


class GatewayError(Exception):
    """About a whole call, not about one message."""

    def __init__(self, reason: FailureReason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason: Final = reason
        self.detail: Final = detail


class RequestRefused(GatewayError):
    """Nothing was accepted because of something in the request.

    Halve the batch and try each half; a batch of one is refused for good, with this reason.
    """


class CredentialsRefused(GatewayError):
    """Nothing was accepted, and nothing will be until an operator acts."""


class LookupFailed(GatewayError):
    """The gateway could not be asked; says nothing of the message."""


class UnreadableReport(ValueError):
    """One element of a webhook's body is nothing that we understand."""


class UnreadableBody(ValueError):
    """A webhook's body as a whole cannot be read."""


class Gateway(Protocol):
    @property
    def name(self) -> str:
        """Short and stable; stored beside the gateway's events."""

    def send_batch(self, messages: Sequence[OutgoingSms]) -> list[SendResult]:
        """One call; results by position, as many as messages.

        Raises RequestRefused or CredentialsRefused; all else is in the results.
        """

    def lookup(self, gateway_message_id: str) -> LookedUp | None:
        """None if the gateway does not know the id; raises LookupFailed, CredentialsRefused."""

    def parse_delivery(self, element: object) -> DeliveryReport:
        """One element of a webhook's body; raises UnreadableReport."""

    def parse_deliveries(self, raw: bytes) -> list[DeliveryReport | UnreadableElement]:
        """A webhook's body, by position; raises UnreadableBody."""

    def parse_inbound(self, raw: bytes) -> list[InboundSms | UnreadableElement]:
        """The body of the webhook for inbound messages, likewise."""
