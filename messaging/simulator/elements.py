"""The bodies of send requests. As at Mitto, one bad element refuses the whole request."""

import re
from typing import Final, NamedTuple

import orjson

MAX_MESSAGES_PER_CALL: Final = 5000

# Mitto publishes numbers for its other API only; these are those.
MALFORMED, EMPTY_TEXT, INVALID_SENDER, INVALID_RECEIVER = 2, 3, 6, 8

_DESTINATION = re.compile(r"\+?[1-9][0-9]{6,14}")
_SENDER = re.compile(r"[A-Za-z0-9]{3,11}|\+?[0-9]{3,14}")


class BadRequestError(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.content: Final = {"errorCode": code, "errorMessage": message}


class Sms(NamedTuple):
    account: str
    destination: str  # with its plus sign
    sender: str
    text: str


def parse_single(body: bytes) -> Sms:
    return _parse_sms(load_object(body), "the body")


def parse_bulk(body: bytes) -> list[Sms]:
    elements = load_object(body).get("messages")
    if not isinstance(elements, list) or not 1 <= len(elements) <= MAX_MESSAGES_PER_CALL:
        raise BadRequestError(MALFORMED, f"messages must hold 1 to {MAX_MESSAGES_PER_CALL}")
    return [_parse_sms(element, index) for index, element in enumerate(elements)]


def load_object(body: bytes) -> dict[str, object]:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequestError(MALFORMED, f"not JSON: {error}") from None
    if not isinstance(content, dict):
        raise BadRequestError(MALFORMED, "not a JSON object")
    return content


def _parse_sms(element: object, where: int | str) -> Sms:
    sms = element.get("sms") if isinstance(element, dict) else None
    if not isinstance(element, dict) or not isinstance(sms, dict):
        raise BadRequestError(MALFORMED, f"no message: {where}")
    account, destination = element.get("trafficAccountId"), element.get("destination")
    sender, text = sms.get("sender"), sms.get("text")
    if not isinstance(account, str) or not account:
        raise BadRequestError(MALFORMED, f"trafficAccountId missing: {where}")
    if not isinstance(destination, str) or not _DESTINATION.fullmatch(destination):
        raise BadRequestError(INVALID_RECEIVER, f"invalid destination: {where}")
    if not isinstance(sender, str) or not _SENDER.fullmatch(sender):
        raise BadRequestError(INVALID_SENDER, f"invalid sender: {where}")
    if not isinstance(text, str) or not text.strip():
        raise BadRequestError(EMPTY_TEXT, f"empty text: {where}")
    return Sms(account, destination if destination[0] == "+" else f"+{destination}", sender, text)
