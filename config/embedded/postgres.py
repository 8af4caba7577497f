"""The embedded PostgreSQL: a cluster of our own on a private socket."""

import contextlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from config.embedded import binaries
from config.embedded.console import Failure
from config.embedded.launch import unprivileged_user
from config.embedded.layout import DataFolder
from config.embedded.process import Identity, Processes, choose_identity, command_line
from config.embedded.service import Service

DATABASE = "tapline"
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": "5432",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# For data nobody will miss: tests, and a demo in a throwaway folder.
THROWAWAY_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
}
_BUILTIN_LOCALE_SINCE = 17


def service(data: DataFolder, processes: Processes, *, durable: bool) -> Service:
    """The server, on a cluster that exists from now on. The socket folder is there already."""
    programs = binaries.postgres_folder(processes)
    identity = choose_identity(processes)
    cluster = data.path / "postgres"
    if not cluster.exists():
        _make_cluster(programs, cluster, identity, processes, durable=durable)
    if cluster.stat().st_uid != _owner(identity):
        raise Failure(f"{cluster} was made by another user: start as that user.")
    sockets = data.socket_folder()
    os.chown(sockets, _owner(identity), -1)
    settings = {**SETTINGS, **({} if durable else THROWAWAY_SETTINGS)}
    settings["unix_socket_directories"] = str(sockets)
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return Service(
        name="postgres",
        command=(str(programs / "postgres"), "-D", str(cluster), *options),
        env=_environment(),
        cwd=Path("/"),
        identity=identity,
        stop_signal=signal.SIGINT,  # "fast": ends the connections instead of waiting for them
        orphan_signal=signal.SIGINT,
        patience=30,
        before_start=lambda: _clear_stale_lock(cluster, sockets),
        answers=lambda: _answers(sockets / ".s.PGSQL.5432"),
    )


def url(data: DataFolder) -> str:
    return f"postgresql://postgres@/{DATABASE}?host={data.socket_folder()}"


def _owner(identity: Identity) -> int:
    return unprivileged_user().pw_uid if identity == "setuid" else os.geteuid()


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _make_cluster(
    programs: Path, cluster: Path, identity: Identity, processes: Processes, *, durable: bool
) -> None:
    """Made aside and renamed, so that one cut off in the middle is never taken for a whole one."""
    unfinished = cluster.with_name("postgres.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    os.chown(unfinished, _owner(identity), -1)
    options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-instructions"]
    options += [] if durable else ["--no-sync"]
    if binaries.postgres_version(programs / "postgres") >= _BUILTIN_LOCALE_SINCE:
        # Plain C knows no Greek upper and lower case, and the system may have no other locale.
        options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    initdb: list[str | Path] = [programs / "initdb", "-D", unfinished, *options]
    _run_or_fail(initdb, b"", identity, processes)
    create = f"CREATE DATABASE {DATABASE};\n".encode()
    single_user = (programs / "postgres", "--single", "-D", unfinished, "postgres")
    _run_or_fail(single_user, create, identity, processes)
    unfinished.rename(cluster)


def _run_or_fail(
    command: Sequence[str | Path], text: bytes, identity: Identity, processes: Processes
) -> None:
    result = processes.run(
        command,
        text=text,
        env=_environment(),
        cwd=Path("/"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        identity=identity,
    )
    if result.returncode:
        raise Failure(f"PostgreSQL could not make its cluster:\n{result.stdout.strip()[-2000:]}")


def _clear_stale_lock(cluster: Path, sockets: Path) -> None:
    """Remove what a killed server left.

    PostgreSQL takes its old pid for a running server when any process has that pid now, as in a
    container started afresh. We hold the data folder's lock, so only a server that is still
    ending may be there: wait for that one.
    """
    lock = cluster / "postmaster.pid"
    deadline = time.monotonic() + 20
    while _names_running_server(lock, cluster) and time.monotonic() < deadline:
        time.sleep(0.05)
    lock.unlink(missing_ok=True)
    for leftover in sockets.glob(".s.PGSQL.*"):
        leftover.unlink(missing_ok=True)


def _names_running_server(lock: Path, cluster: Path) -> bool:
    try:
        pid = int(lock.read_text(encoding="utf-8", errors="replace").split()[0])
    except (FileNotFoundError, IndexError, ValueError):
        return False
    return os.fsencode(cluster) in command_line(pid)


def _answers(path: Path) -> bool:
    """Whether it accepts connections: by a start-up packet, as only a ready server admits one."""
    body = struct.pack("!i", 0x30000) + b"user\0postgres\0database\0postgres\0\0"
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(2)
        connection.connect(str(path))
        connection.sendall(struct.pack("!i", len(body) + 4) + body)
        return connection.recv(1) == b"R"
    return False
