"""A whole installation of a benchmark's own: web, worker, beat, gateway, and Redis to be hurt."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from django.conf import settings

from benchmarks import _stage
from benchmarks._faults import Fault, Place
from benchmarks._network import Network, open_network
from config.embedded import programs, redis_server
from config.embedded.fragile_redis import RedisServer, unused_port
from config.embedded.layout import DataFolder
from config.embedded.process import Processes
from config.embedded.supervisor import Supervisor

# Small batches from a slow gateway, so that every outage finds some under way.
SENDING = {"SEND_BATCH_SIZE": "100", "SENDERS": "2"}
GATEWAY_MILLISECONDS = 500


class Installation:
    """What ends is started again, as ever; `restarts` tells what that was."""

    def __init__(self, place: Place, supervisor: Supervisor, url: str) -> None:
        self.place = place
        self.url = url
        self.gateway = _stage.Gateway(settings.MITTO_API_BASE)
        self._supervisor = supervisor

    def run(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        self._supervisor.run_while(lambda: time.monotonic() < until)

    def run_until(self, condition: Callable[[], bool], *, seconds: float) -> bool:
        """False if it did not come about in time."""
        until = time.monotonic() + seconds
        self._supervisor.run_while(lambda: time.monotonic() < until and not condition())
        return condition()

    def hurt(self, fault: Fault, seconds: float) -> None:
        fault.hurt(self.place)
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.run(min(left, 0.5))
            if fault.is_repeated:
                fault.hurt(self.place)

    @contextmanager
    def restarts(self) -> Iterator[list[str]]:
        """The names of the programs that ended meanwhile, after the block."""
        found: list[str] = []
        before = self._supervisor.pids()
        yield found
        after = self._supervisor.pids()
        found += [name for name, pid in before.items() if after[name] != pid]


@contextmanager
def running_installation() -> Iterator[Installation]:
    """With a network of its own for Redis where that is possible."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        network = open_network()
        if network is not None:
            stack.enter_context(network)
        processes = stack.enter_context(Processes())
        servers = _start_servers(processes, folder, network)
        for server in servers:
            stack.callback(server.stop)
        supervisor = Supervisor(processes, folder)
        stack.callback(supervisor.stop)
        url = _start_programs(supervisor, servers, DataFolder.of(folder))
        yield Installation(Place(servers, network), supervisor, url)


def _start_servers(
    processes: Processes, folder: Path, network: Network | None
) -> tuple[RedisServer, RedisServer]:
    cache, broker = (
        RedisServer(processes, folder / name, options)
        for name, options in (("redis", redis_server.CACHE), ("broker", redis_server.BROKER))
    )
    for server in (cache, broker):
        server.folder.mkdir()
        if network is not None:
            server.host, server.runner = network.address, network.runner
        server.start()
    return cache, broker


def _start_programs(
    supervisor: Supervisor, servers: tuple[RedisServer, RedisServer], data: DataFolder
) -> str:
    cache, broker = servers
    port = unused_port()
    url = programs.local_url("127.0.0.1", port)
    addresses = {"REDIS_URL": cache.url, "CELERY_BROKER_URL": broker.url}
    # Nobody is to be refused here for asking often.
    limits = {"RATE_LIMIT_LOGOUT_IP": "1000000/1m"}
    environment = {**os.environ, **addresses, **limits, **SENDING, "LOG_LEVEL": "WARNING"}
    environment["SIM_LATENCY_MS"] = str(GATEWAY_MILLISECONDS)
    gateway_port = int(settings.MITTO_API_BASE.rsplit(":", 1)[1])
    services = [
        programs.web("127.0.0.1", port, environment),
        programs.worker(environment),
        programs.beat(environment, data),
        programs.gateway(gateway_port, environment, report_to=url),
    ]
    # Of an outage they have much to say, which the logs are for.
    services = [replace(each, warns=False) for each in services]
    supervisor.start(services)
    supervisor.wait_until_answering(services)
    supervisor.run_while(lambda: not programs.is_ready(url))
    return url
