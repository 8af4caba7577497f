"""A small HTTP/1.1 server over h11.

Application servers answer 500 for a handler that gives up; a reply that is lost on the way needs
a server that can close the connection without a word.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import h11
import orjson

logger = logging.getLogger(__name__)

IDLE_SECONDS: Final = 75.0  # longer than any client keeps an idle connection
MAX_BODY_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: str
    headers: dict[str, str]  # names in lower case
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    content: object = field(default_factory=dict)


# None closes the connection without a reply.
Handler = Callable[[Request], Awaitable[Response | None]]


class BodyTooLargeError(Exception):
    pass


class Connection:
    def __init__(
        self, handler: Handler, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._handler = handler
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER)

    async def serve(self) -> None:
        """Answer requests until either side closes; no peer can make this raise."""
        try:
            while await self._serve_one():
                pass
        except h11.RemoteProtocolError as error:
            await self._reply_last(Response(error.error_status_hint, {"errorMessage": str(error)}))
        except BodyTooLargeError:
            await self._reply_last(Response(413, {"errorMessage": "The body is too large."}))
        except OSError:
            pass  # gone, or idle for too long
        except Exception:
            logger.exception("A request failed.")
            await self._reply_last(Response(500, {"errorMessage": "Internal error."}))
        finally:
            self._writer.close()

    async def _serve_one(self) -> bool:
        """True if another request may follow on this connection."""
        request = await self._read_request()
        if request is None:
            return False
        response = await self._handler(request)
        if response is None:
            return False
        await self._reply(response)
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    async def _read_request(self) -> Request | None:
        head: h11.Request | None = None
        body = bytearray()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                await self._receive()
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > MAX_BODY_BYTES:
                    raise BodyTooLargeError
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                return _make_request(head, bytes(body))
            else:
                return None

    async def _receive(self) -> None:
        if self._http.they_are_waiting_for_100_continue:
            self._send(h11.InformationalResponse(status_code=100, headers=[]))
        async with asyncio.timeout(IDLE_SECONDS):
            self._http.receive_data(await self._reader.read(256 * 1024))

    async def _reply(self, response: Response, *, last: bool = False) -> None:
        body = orjson.dumps(response.content, option=orjson.OPT_UTC_Z)
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        if last:
            headers.append(("Connection", "close"))
        self._send(h11.Response(status_code=response.status, headers=headers))
        self._send(h11.Data(data=body))
        self._send(h11.EndOfMessage())
        async with asyncio.timeout(IDLE_SECONDS):
            await self._writer.drain()

    async def _reply_last(self, response: Response) -> None:
        if self._http.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            return
        with contextlib.suppress(OSError, h11.LocalProtocolError):
            await self._reply(response, last=True)

    def _send(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data:
            self._writer.write(data)


async def start_server(handler: Handler, *, host: str, port: int) -> asyncio.Server:
    """Port 0 takes a free one; raises OSError if the address cannot be had."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # At the end open connections are cancelled, which asyncio would log as their failure.
        with contextlib.suppress(asyncio.CancelledError):
            await Connection(handler, reader, writer).serve()

    return await asyncio.start_server(serve, host, port)


def _make_request(head: h11.Request, body: bytes) -> Request:
    path, _, query = head.target.decode("latin-1").partition("?")
    headers = {name.decode("ascii"): value.decode("latin-1") for name, value in head.headers}
    return Request(head.method.decode("ascii"), path, query, headers, body)
