"""Delivery reports on their way back to the product."""

import asyncio
import heapq
import logging
from collections.abc import Callable
from typing import Final

import httpx2
import orjson

from messaging.simulator.inbound import webhook_headers
from messaging.simulator.ledger import Ledger
from messaging.simulator.settings import Settings

logger = logging.getLogger(__name__)

MAX_REPORTS_PER_POST: Final = 500
MAX_POSTS_AT_ONCE: Final = 4
POST_SECONDS: Final = 10.0
FIRST_BACK_OFF, MAX_BACK_OFF = 0.1, 5.0  # seconds


class Reporter:
    """Posts what has come due, until each post is answered with a 2xx.

    A run of messages waits as its index range and becomes reports only when they go out, so that
    waiting costs a few bytes per call.
    """

    def __init__(self, ledger: Ledger, settings: Callable[[], Settings]) -> None:
        self._ledger = ledger
        self._settings = settings
        self._waiting: list[tuple[float, int, int]] = []  # due, first index, index after the last
        self._changed = asyncio.Event()
        self._slots = asyncio.Semaphore(MAX_POSTS_AT_ONCE)
        self._posts: set[asyncio.Task[None]] = set()

    def schedule(self, *, first: int, stop: int, delay: float) -> None:
        """Report the messages first..stop-1 in `delay` seconds."""
        if first == stop:
            return
        due = asyncio.get_running_loop().time() + delay
        heapq.heappush(self._waiting, (due, first, stop))
        self._changed.set()

    def wake(self) -> None:
        """The settings have changed."""
        self._changed.set()

    def clear(self) -> None:
        """Forget all reports, those half way out included."""
        self._waiting.clear()
        for post in self._posts:
            post.cancel()

    async def run(self) -> None:
        async with httpx2.AsyncClient(timeout=POST_SECONDS, trust_env=False) as client:
            while True:
                # A slot first: while all are busy, more comes due and the next post is fuller.
                await self._slots.acquire()
                await self._wait_until_due()
                post = asyncio.create_task(self._post(client, self._take_due()))
                self._posts.add(post)
                post.add_done_callback(self._end_post)

    def _end_post(self, post: asyncio.Task[None]) -> None:
        self._posts.discard(post)
        self._slots.release()

    async def _wait_until_due(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._changed.clear()
            due = self._waiting[0][0] if self._waiting and self._settings().report_url else None
            if due is not None and due <= loop.time():
                return
            try:
                async with asyncio.timeout_at(due):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _take_due(self) -> bytes:
        now = asyncio.get_running_loop().time()
        reports: list[dict[str, object]] = []
        while self._waiting and self._waiting[0][0] <= now:
            room = MAX_REPORTS_PER_POST - len(reports)
            if not room:
                break
            due, first, stop = heapq.heappop(self._waiting)
            if stop - first > room:
                heapq.heappush(self._waiting, (due, first + room, stop))
                stop = first + room
            reports += self._make_reports(first, stop)
        return orjson.dumps(reports, option=orjson.OPT_UTC_Z)

    def _make_reports(self, first: int, stop: int) -> list[dict[str, object]]:
        reports: list[dict[str, object]] = []
        for message_id, message in self._ledger.slice(first, stop):
            report: dict[str, object] = {
                "messageId": message_id,
                "deliveryStatus": message.final_status,
                "updatedAt": message.due_at,
                "description": message.description,
            }
            reports.append(report)
            message.count_report()
        return reports

    async def _post(self, client: httpx2.AsyncClient, body: bytes) -> None:
        back_off = FIRST_BACK_OFF
        while (problem := await self._try_post(client, body)) is not None:
            logger.warning("Reports not taken, again in %.1f s: %s", back_off, problem)
            await asyncio.sleep(back_off)
            back_off = min(back_off * 2, MAX_BACK_OFF)

    async def _try_post(self, client: httpx2.AsyncClient, body: bytes) -> str | None:
        """None if they were taken, else what went wrong."""
        settings = self._settings()
        headers = webhook_headers(settings, body)
        try:
            response = await client.post(settings.report_url, content=body, headers=headers)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            return f"{type(error).__name__} {error}"
        return None if response.is_success else f"HTTP {response.status_code}"
