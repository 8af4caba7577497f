"""What the simulator answers: Mitto's Messaging API, and our own switches and counts."""

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qs, unquote

from messaging.simulator.elements import (
    INVALID_RECEIVER,
    BadRequestError,
    Sms,
    load_object,
    parse_bulk,
    parse_single,
)
from messaging.simulator.inbound import post_inbound
from messaging.simulator.ledger import Accepted, Ledger
from messaging.simulator.reports import Reporter
from messaging.simulator.server import Request, Response
from messaging.simulator.settings import Settings, SettingsError

LOOKUP_PREFIX: Final = "/api/v1.1/Messages/"
REFUSAL: Final = {"errorCode": INVALID_RECEIVER, "errorMessage": "Refused by chance."}


class Api:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._dice = _make_dice(settings)
        self._ledger = Ledger()
        self.reporter = Reporter(self._ledger, lambda: self._settings)
        self._routes: dict[tuple[str, str], Callable[[Request], Awaitable[Response | None]]] = {
            ("POST", "/api/v1.1/Messages/send"): self._send,
            ("POST", "/api/v1.1/Messages/sendmessagesbulk"): self._send_bulk,
            ("POST", "/inbound"): self._receive,
            ("GET", "/settings"): self._show_settings,
            ("POST", "/settings"): self._change_settings,
            ("GET", "/counts"): self._show_counts,
            ("GET", "/accepted"): self._show_accepted,
            ("POST", "/reset"): self._reset,
            ("GET", "/livez"): self._show_life,
        }

    async def handle(self, request: Request) -> Response | None:
        """None: the reply is lost."""
        if request.path.startswith("/api/") and not self._is_authorized(request):
            return Response(401, {"errorMessage": "X-Mitto-API-Key is missing or wrong."})
        route = self._routes.get((request.method, request.path))
        if route is None and request.method == "GET" and request.path.startswith(LOOKUP_PREFIX):
            route = self._look_up
        if route is None:
            return Response(404, {"errorMessage": "There is nothing here."})
        try:
            return await route(request)
        except BadRequestError as error:
            return Response(400, error.content)

    async def _send(self, request: Request) -> Response | None:
        if self._chance(self._settings.error_rate):
            return await self._fail()
        entries = self._accept([parse_single(request.body)])
        if "messageId" not in entries[0]:
            return Response(400, REFUSAL)
        return await self._answer({"messages": entries})

    async def _send_bulk(self, request: Request) -> Response | None:
        if self._chance(self._settings.error_rate):
            return await self._fail()
        entries = self._accept(parse_bulk(request.body))
        return await self._answer({"bulkId": str(uuid.uuid4()), "messages": entries})

    async def _fail(self) -> Response:
        self._ledger.errors += 1
        await self._wait()
        return Response(503, {"errorMessage": "Unavailable by chance."})

    async def _answer(self, content: object) -> Response | None:
        """Only now the latency: a caller killed while it waits has been accepted nonetheless."""
        is_lost = self._chance(self._settings.lost_reply_rate)
        self._ledger.lost_replies += is_lost
        await self._wait()
        return None if is_lost else Response(200, content)

    async def _wait(self) -> None:
        await asyncio.sleep(self._settings.latency_ms / 1000)

    def _accept(self, messages: list[Sms]) -> list[dict[str, object]]:
        """The entries of the reply; nothing is awaited here, so each call is accepted whole."""
        settings, ledger = self._settings, self._ledger
        report_seconds = (settings.latency_ms + settings.report_delay_ms) / 1000
        now = datetime.now(UTC)
        due_at = now + timedelta(seconds=report_seconds)
        first = len(ledger)
        entries: list[dict[str, object]] = []
        for sms in messages:
            destination = ledger.destination(sms.destination)
            entry: dict[str, object] = {"trafficAccountId": sms.account}
            if self._chance(settings.refuse_rate):
                destination.refused += 1
                entry |= REFUSAL
            else:
                undelivered = self._chance(settings.undelivered_rate)
                accepted = Accepted(destination, sms.sender, sms.text, now, due_at, undelivered)
                entry["messageId"] = ledger.accept(accepted)
            entries.append(entry)
        self.reporter.schedule(first=first, stop=len(ledger), delay=report_seconds)
        return entries

    async def _look_up(self, request: Request) -> Response:
        await self._wait()
        message_id = unquote(request.path.removeprefix(LOOKUP_PREFIX))
        message = self._ledger.find(message_id)
        if message is None:
            return Response(404, {"errorMessage": "There is no such message."})
        done = datetime.now(UTC) >= message.due_at
        content = {
            "messageId": message_id,
            "text": message.text,
            "sender": message.sender,
            "createdAt": message.created_at,
            "updatedAt": message.due_at if done else message.created_at,
            "deliveryStatus": message.final_status if done else "Sent",
            "description": message.description if done else "On its way",
            "messageParts": None,  # counting them is what the product is tested for
            "reference": None,
        }
        return Response(200, content)

    async def _receive(self, request: Request) -> Response:
        """People write to the product."""
        return Response(200, await post_inbound(self._settings, request.body))

    async def _show_settings(self, _request: Request) -> Response:
        return Response(200, self._settings.as_json())

    async def _change_settings(self, request: Request) -> Response:
        values = load_object(request.body)
        try:
            self._settings = self._settings.changed(values)
        except SettingsError as error:
            return Response(400, {"errorMessage": str(error)})
        if "SIM_SEED" in values:
            self._dice = _make_dice(self._settings)
        self.reporter.wake()
        return Response(200, self._settings.as_json())

    async def _show_counts(self, request: Request) -> Response:
        # A plus sign sent as it is arrives as a blank.
        prefix = parse_qs(request.query).get("prefix", [""])[0].strip().lstrip("+")
        return Response(200, self._ledger.counts(f"+{prefix}"))

    async def _show_accepted(self, _request: Request) -> Response:
        return Response(200, self._ledger.accepted())

    async def _reset(self, _request: Request) -> Response:
        """Forgets messages, counts and waiting reports; the settings stay."""
        self._ledger.clear()
        self.reporter.clear()
        return Response(200)

    async def _show_life(self, _request: Request) -> Response:
        return Response(200, {"status": "ok"})

    def _is_authorized(self, request: Request) -> bool:
        key = self._settings.api_key
        return not key or request.headers.get("x-mitto-api-key") == key

    def _chance(self, rate: float) -> bool:
        return rate > 0 and self._dice.random() < rate


def _make_dice(settings: Settings) -> random.Random:
    return random.Random(settings.seed if settings.seed >= 0 else None)  # noqa: S311
