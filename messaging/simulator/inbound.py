"""Requests to the product's webhooks: their headers, and the SMS that people send to it."""

import hashlib
import hmac
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

import httpx2
import orjson

from messaging.simulator.elements import MALFORMED, BadRequestError
from messaging.simulator.settings import Settings

POST_SECONDS = 10.0


def webhook_headers(settings: Settings, body: bytes) -> Mapping[str, str]:
    """With the secret and, if there is a key for it, a signature of this moment."""
    headers = {"Content-Type": "application/json", "X-Webhook-Secret": settings.report_secret}
    if settings.report_hmac_secret:
        timestamp = str(int(time.time()))
        key, signed = settings.report_hmac_secret.encode(), timestamp.encode() + b"." + body
        headers["X-Webhook-Timestamp"] = timestamp
        headers["X-Webhook-Signature"] = hmac.digest(key, signed, hashlib.sha256).hex()
    return headers


async def post_inbound(settings: Settings, body: bytes) -> dict[str, object]:
    """Hand the messages over once, and tell what the product answered.

    body: {from, to, text, ...} or an array of such; ids and times are added where they are missing.
    What is no object goes as it is: a product has to bear that, too.
    """
    if not settings.inbound_url:
        raise BadRequestError(MALFORMED, "SIM_INBOUND_URL is not set")
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequestError(MALFORMED, f"not JSON: {error}") from None
    filled = (
        [_filled(element) for element in content] if isinstance(content, list) else _filled(content)
    )
    posted = orjson.dumps(filled, option=orjson.OPT_UTC_Z)
    headers = webhook_headers(settings, posted)
    async with httpx2.AsyncClient(timeout=POST_SECONDS, trust_env=False) as client:
        try:
            answer = await client.post(settings.inbound_url, content=posted, headers=headers)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            return {"answer": None, "problem": f"{type(error).__name__} {error}", "posted": filled}
    return {"answer": answer.status_code, "problem": "", "posted": filled}


def _filled(element: object) -> object:
    if not isinstance(element, dict):
        return element
    return {"messageId": str(uuid.uuid4()), "receivedAt": datetime.now(UTC), **element}
