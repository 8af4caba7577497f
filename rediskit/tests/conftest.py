import socket
from typing import Any

import pytest
from redis.connection import Connection

from rediskit.tests.servers import redis_server, server_processes

__all__ = ["attempts", "redis_server", "server_processes"]


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[float | None]:
    """The time-outs of this process's attempts to connect to any Redis by TCP, Kombu's too."""
    found: list[float | None] = []
    connect: Any = Connection._connect

    def count_and_connect(self: Connection) -> socket.socket:
        found.append(self.socket_connect_timeout)
        opened: socket.socket = connect(self)
        return opened

    monkeypatch.setattr(Connection, "_connect", count_and_connect)
    return found
