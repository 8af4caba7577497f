"""The embedded Redis servers: eviction and persistence are per server, so there are two."""

import contextlib
import socket
from pathlib import Path

from config.embedded import binaries
from config.embedded.layout import DataFolder
from config.embedded.process import Processes
from config.embedded.service import Service

# "redis" caches: it may forget anything and saves nothing.
CACHE = (
    "--save",
    "",
    "--appendonly",
    "no",
    "--maxmemory",
    "128mb",
    "--maxmemory-policy",
    "volatile-lru",
)
# "broker" queues: it forgets nothing, and its queues survive a restart.
BROKER = ("--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction")
DATABASES = 64  # a pytest-xdist worker each


def cache(data: DataFolder, processes: Processes) -> Service:
    return _service("redis", CACHE, data, processes)


def broker(data: DataFolder, processes: Processes) -> Service:
    return _service("broker", BROKER, data, processes)


def cache_url(data: DataFolder) -> str:
    return f"unix://{_socket('redis', data)}?db=0"


def broker_url(data: DataFolder) -> str:
    return f"redis+socket://{_socket('broker', data)}?virtual_host=0"


def _socket(name: str, data: DataFolder) -> Path:
    return data.socket_folder() / f"{name}.sock"


def _service(
    name: str, settings: tuple[str, ...], data: DataFolder, processes: Processes
) -> Service:
    folder = data.path / name
    folder.mkdir(mode=0o700, exist_ok=True)
    path = _socket(name, data)
    place = ("--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700")
    common = ("--daemonize", "no", "--databases", str(DATABASES))
    return Service(
        name=name,
        command=(str(binaries.redis_server(processes)), *place, *common, *settings),
        cwd=folder,  # where it writes
        patience=10,
        answers=lambda: _answers(path),
    )


def _answers(path: Path) -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(2)
        connection.connect(str(path))
        connection.sendall(b"PING\r\n")
        return connection.recv(5) == b"+PONG"
    return False
