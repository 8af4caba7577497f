"""Mitto's Messaging API, version 1.1 (not its SMS HTTP API, whose fields are others).

Mitto's reply to a bulk send names neither destination nor reference and is matched by position.
Its documentation gives HTTP 200, 201, 400 and 403, no idempotency key, no list of delivery
statuses, and no form for refusing one element of a bulk.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import quote, urlsplit

import orjson

from messaging.gateways.base import (
    CredentialsRefused,
    DeliveryReport,
    DeliveryStatus,
    FailureReason,
    GatewayError,
    InboundSms,
    LookedUp,
    LookupFailed,
    OutgoingSms,
    RequestRefused,
    SendResult,
    UnreadableBody,
    UnreadableElement,
    UnreadableReport,
)
from messaging.gateways.elements import (
    load_elements,
    load_json,
    read_address,
    read_detail,
    read_message_id,
    read_text,
    read_time,
)
from messaging.gateways.http import HttpSession, NoReply, NothingSent, Reply
from messaging.gateways.mitto_inbound import read_inbound

BULK_PATH: Final = "/api/v1.1/Messages/sendmessagesbulk"
LOOKUP_PATH: Final = "/api/v1.1/Messages/"
MAX_RETRY_AFTER: Final = 3600.0  # seconds

SUCCESS: Final = frozenset({200, 201})
# Statuses that say for certain what became of the request; every other one leaves it uncertain.
REFUSALS: Final[Mapping[int, type[GatewayError]]] = {
    400: RequestRefused,
    401: CredentialsRefused,
    403: CredentialsRefused,
}
NOT_ACCEPTED: Final[Mapping[int, FailureReason]] = {429: FailureReason.THROTTLED}

# The only error codes Mitto publishes (its SMS HTTP API), for entries that carry one.
# Code 1, an internal error, is missing on purpose: it proves nothing.
ERROR_CODES: Final[Mapping[str, FailureReason]] = {
    "2": FailureReason.REFUSED,
    "3": FailureReason.INVALID_TEXT,
    "4": FailureReason.INVALID_TEXT,
    "5": FailureReason.INVALID_SENDER,
    "6": FailureReason.INVALID_SENDER,
    "7": FailureReason.INVALID_NUMBER,
    "8": FailureReason.INVALID_NUMBER,
}

DELIVERY_STATUSES: Final[Mapping[str, DeliveryStatus]] = {
    "queued": DeliveryStatus.SENT,
    "pending": DeliveryStatus.SENT,
    "sent": DeliveryStatus.SENT,
    "delivered": DeliveryStatus.DELIVERED,
    "failure": DeliveryStatus.UNDELIVERED,
    "failed": DeliveryStatus.UNDELIVERED,
}

# Mitto publishes no list of descriptions. These parts of them are the usual words of networks, in
# lower case; the first that occurs tells, and none of them leaves it at UNDELIVERABLE.
UNDELIVERED_REASONS: Final[Mapping[str, FailureReason]] = {
    "expired": FailureReason.EXPIRED,
    "validity": FailureReason.EXPIRED,
    "absent": FailureReason.ABSENT,
    "unreachable": FailureReason.ABSENT,
    "not reachable": FailureReason.ABSENT,
    "switched off": FailureReason.ABSENT,
    "detached": FailureReason.ABSENT,
    "unknown subscriber": FailureReason.INVALID_NUMBER,
    "unidentified subscriber": FailureReason.INVALID_NUMBER,
    "invalid number": FailureReason.INVALID_NUMBER,
    "invalid destination": FailureReason.INVALID_NUMBER,
    "unallocated": FailureReason.INVALID_NUMBER,
    "barred": FailureReason.BLOCKED,
    "blocked": FailureReason.BLOCKED,
    "blacklist": FailureReason.BLOCKED,
    "rejected": FailureReason.BLOCKED,
    "spam": FailureReason.BLOCKED,
}


class MittoGateway:
    name: Final = "mitto"

    def __init__(
        self, *, base_url: str, api_key: str, traffic_account_id: str, deadline: float
    ) -> None:
        """`deadline` is the most seconds one call may take; raises ValueError."""
        if urlsplit(base_url).scheme not in {"http", "https"} or not urlsplit(base_url).hostname:
            raise ValueError(f"{base_url!r} is not an http or https address.")
        if not (api_key.isascii() and api_key.isprintable()):
            raise ValueError("The API key holds characters that no HTTP header can carry.")
        headers = {"X-Mitto-API-Key": api_key, "Content-Type": "application/json"}
        self._traffic_account_id = traffic_account_id
        self._session = HttpSession(base_url=base_url, headers=headers, deadline=deadline)

    def send_batch(self, messages: Sequence[OutgoingSms]) -> list[SendResult]:
        if not messages:
            return []
        body = orjson.dumps({"messages": [self._element(message) for message in messages]})
        try:
            reply = self._session.call("POST", BULK_PATH, body)
        except NothingSent as error:
            return [SendResult.not_accepted(error.reason, error.detail)] * len(messages)
        except NoReply as error:
            return [SendResult.uncertain(error.reason, error.detail)] * len(messages)
        return _read_send_reply(reply, len(messages))

    def lookup(self, gateway_message_id: str) -> LookedUp | None:
        try:
            reply = self._session.call("GET", LOOKUP_PATH + quote(gateway_message_id, safe=""))
            content = load_json(reply.body) if reply.status in SUCCESS else None
        except GatewayError as error:
            raise LookupFailed(error.reason, error.detail) from error
        except UnreadableBody as error:
            raise LookupFailed(FailureReason.UNREADABLE_REPLY, str(error)) from error
        if reply.status == 404:
            return None
        if REFUSALS.get(reply.status) is CredentialsRefused:
            raise CredentialsRefused(FailureReason.CREDENTIALS, f"HTTP {reply.status}")
        if not isinstance(content, dict):
            raise LookupFailed(FailureReason.GATEWAY_ERROR, f"HTTP {reply.status}")
        return LookedUp(
            gateway_message_id=gateway_message_id,
            text=read_text(content.get("text")),
            sender=read_text(content.get("sender")),
            destination=read_address(content.get("destination")),
            status=DELIVERY_STATUSES.get(_status_word(content)),
        )

    def parse_delivery(self, element: object) -> DeliveryReport:
        if not isinstance(element, dict):
            raise UnreadableReport("not an object")
        message_id = read_message_id(element.get("messageId"))
        if message_id is None:
            raise UnreadableReport("messageId is missing or no id")
        word = _status_word(element)
        status = DELIVERY_STATUSES.get(word)
        if status is None:
            raise UnreadableReport(f"unknown deliveryStatus {word!a:.60}")
        detail = read_detail(element.get("description"))
        return DeliveryReport(
            gateway_message_id=message_id,
            status=status,
            reason=_failure_reason(detail) if status is DeliveryStatus.UNDELIVERED else None,
            detail=detail,
            occurred_at=read_time(element.get("updatedAt")),
        )

    def parse_deliveries(self, raw: bytes) -> list[DeliveryReport | UnreadableElement]:
        return [self._parse_one(index, each) for index, each in enumerate(load_elements(raw))]

    def parse_inbound(self, raw: bytes) -> list[InboundSms | UnreadableElement]:
        return read_inbound(raw)

    def _parse_one(self, index: int, element: object) -> DeliveryReport | UnreadableElement:
        try:
            return self.parse_delivery(element)
        except UnreadableReport as error:
            return UnreadableElement(index, str(error))

    def _element(self, message: OutgoingSms) -> dict[str, object]:
        return {
            "trafficAccountId": self._traffic_account_id,
            "destination": message.destination,
            "sms": {"text": message.text, "sender": message.sender},
        }


def _read_send_reply(reply: Reply, count: int) -> list[SendResult]:
    if reply.status in SUCCESS:
        return _read_entries(reply.body, count)
    detail = f"HTTP {reply.status}"
    if refusal := REFUSALS.get(reply.status):
        reason, said = _read_refusal(reply.body)
        credentials = refusal is CredentialsRefused
        raise refusal(FailureReason.CREDENTIALS if credentials else reason, said or detail)
    if reason_not_accepted := NOT_ACCEPTED.get(reply.status):
        retry_after = _read_retry_after(reply.headers.get("retry-after", ""))
        return [SendResult.not_accepted(reason_not_accepted, detail, retry_after)] * count
    return [SendResult.uncertain(FailureReason.GATEWAY_ERROR, detail)] * count


def _read_entries(body: bytes, count: int) -> list[SendResult]:
    try:
        content = load_json(body)
    except UnreadableBody as error:
        return [SendResult.uncertain(FailureReason.UNREADABLE_REPLY, str(error))] * count
    entries = content.get("messages") if isinstance(content, dict) else None
    if not isinstance(entries, list) or len(entries) != count:
        detail = f"{len(entries)} entries" if isinstance(entries, list) else "no list of messages"
        detail = f"{detail} for {count} messages"
        return [SendResult.uncertain(FailureReason.UNREADABLE_REPLY, detail)] * count
    return _distrust_repeated_ids([_read_entry(entry) for entry in entries])


def _read_entry(entry: object) -> SendResult:
    if not isinstance(entry, dict):
        return SendResult.uncertain(FailureReason.UNREADABLE_REPLY, "an entry is no object")
    message_id = read_message_id(entry.get("messageId"))
    if message_id is not None:
        return SendResult.accepted(message_id)
    reason = ERROR_CODES.get(_error_code(entry))
    if reason is None:
        return SendResult.uncertain(FailureReason.UNREADABLE_REPLY, "an entry has no messageId")
    return SendResult.refused(reason, read_detail(entry.get("errorMessage")))


def _distrust_repeated_ids(results: list[SendResult]) -> list[SendResult]:
    """An id given to two messages identifies neither, and reports for it would be misread."""
    seen: set[str] = set()
    repeated: set[str] = set()
    for result in results:
        if result.gateway_message_id:
            (repeated if result.gateway_message_id in seen else seen).add(result.gateway_message_id)
    if not repeated:
        return results
    doubtful = SendResult.uncertain(FailureReason.UNREADABLE_REPLY, "messageId given twice")
    return [doubtful if result.gateway_message_id in repeated else result for result in results]


def _read_refusal(body: bytes) -> tuple[FailureReason, str]:
    try:
        content = load_json(body)
    except UnreadableBody:
        return FailureReason.REFUSED, ""
    if not isinstance(content, dict):
        return FailureReason.REFUSED, ""
    reason = ERROR_CODES.get(_error_code(content), FailureReason.REFUSED)
    return reason, read_detail(content.get("errorMessage"))


def _error_code(content: Mapping[str, object]) -> str:
    return read_message_id(content.get("errorCode")) or ""


def _status_word(content: Mapping[str, object]) -> str:
    return (read_text(content.get("deliveryStatus")) or "").strip().lower()


def _failure_reason(description: str) -> FailureReason:
    said = description.lower()
    reasons = (reason for words, reason in UNDELIVERED_REASONS.items() if words in said)
    return next(reasons, FailureReason.UNDELIVERABLE)


def _read_retry_after(value: str) -> float | None:
    """Seconds from a Retry-After header, which holds seconds or a date."""
    if value.isascii() and value.isdigit():
        return min(float(value), MAX_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds = (moment - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)
