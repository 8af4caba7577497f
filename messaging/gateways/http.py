"""One HTTP call under one total deadline."""

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import httpx2

from messaging.gateways.base import FailureReason, GatewayError

MAX_REPLY_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]  # case-insensitive
    body: bytes


class NothingSent(GatewayError):
    """No connection came about, so that the peer cannot have seen the request."""


class NoReply(GatewayError):
    """The request may have arrived; its answer did not, or not whole."""


class HttpSession(threading.local):
    """Keep-alive connections of one thread, made at first use.

    httpx2 has a time-out per read, which a peer that drips one byte at a time never meets, and
    none for name resolution. A coroutine can be given up at any point, a blocking read cannot:
    hence an event loop under a synchronous interface. There are no retries: whether to send
    again is the engine's decision.
    """

    def __init__(self, *, base_url: str, headers: Mapping[str, str], deadline: float) -> None:
        self._base_url = base_url
        self._headers = dict(headers)
        self._deadline = deadline
        self._runner: asyncio.Runner | None = None
        self._client: httpx2.AsyncClient | None = None

    def call(self, method: str, path: str, body: bytes | None = None) -> Reply:
        """Raises NothingSent and NoReply, within the deadline."""
        if self._runner is None or self._client is None:
            self._runner, self._client = asyncio.Runner(), self._make_client()
        try:
            return self._runner.run(self._call(self._client, method, path, body))
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise NothingSent(FailureReason.UNREACHABLE, _describe(error)) from error
        except (TimeoutError, httpx2.TimeoutException) as error:
            detail = f"no whole reply within {self._deadline:g} s"
            raise NoReply(FailureReason.TIMEOUT, detail) from error
        except httpx2.DecodingError as error:
            raise NoReply(FailureReason.UNREADABLE_REPLY, _describe(error)) from error
        except httpx2.TransportError as error:
            raise NoReply(FailureReason.CONNECTION_RESET, _describe(error)) from error

    async def _call(
        self, client: httpx2.AsyncClient, method: str, path: str, body: bytes | None
    ) -> Reply:
        async with asyncio.timeout(self._deadline):
            async with client.stream(method, path, content=body) as response:
                content = bytearray()
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) > MAX_REPLY_BYTES:
                        detail = f"more than {MAX_REPLY_BYTES} bytes"
                        raise NoReply(FailureReason.UNREADABLE_REPLY, detail)
                return Reply(response.status_code, response.headers, bytes(content))

    def _make_client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            base_url=self._base_url,
            headers=self._headers,
            # Connecting and the TLS handshake take at most half the deadline together, so that
            # the deadline never falls where we could still prove that nothing was sent.
            timeout=httpx2.Timeout(self._deadline, connect=self._deadline / 4),
            # Short, because a peer that closes an idle connection as we write makes an `unknown`.
            limits=httpx2.Limits(max_connections=4, keepalive_expiry=5),
            trust_env=False,
        )


def _describe(error: Exception) -> str:
    return str(error) or type(error).__name__
