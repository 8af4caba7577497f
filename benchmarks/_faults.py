"""What can happen to Redis: each fault hurts the servers and heals them."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks._network import Network
from config.embedded.fragile_redis import RedisServer


@dataclass(frozen=True)
class Place:
    """Cache and broker; the network they are in, if it is one of their own."""

    servers: tuple[RedisServer, ...]
    network: Network | None


@dataclass(frozen=True)
class Fault:
    hurt: Callable[[Place], None]
    heal: Callable[[Place], None] = lambda _: None
    # Hurt again and again, twice a second, until it is healed.
    is_repeated: bool = False
    needs_network: bool = False


def _stop(place: Place) -> None:
    for server in place.servers:
        server.stop()


def _start(place: Place) -> None:
    for server in place.servers:
        server.start()


def _restart(place: Place) -> None:
    _stop(place)
    _start(place)


def _pause(place: Place) -> None:
    for server in place.servers:
        server.pause()


def _resume(place: Place) -> None:
    for server in place.servers:
        server.resume()


def _lose_packets(place: Place) -> None:
    assert place.network is not None
    place.network.lose_packets()


def _deliver_packets(place: Place) -> None:
    assert place.network is not None
    place.network.deliver_packets()


def _kill_connections(place: Place) -> None:
    for server in place.servers:
        server.kill_connections()


def _configure(place: Place, **settings: str) -> None:
    for server in place.servers:
        with server.admin() as admin:
            for name, value in settings.items():
                admin.config_set(name.replace("_", "-"), value)


def _fill_up(place: Place) -> None:
    _configure(place, maxmemory_policy="noeviction", maxmemory="1")


def _give_memory(place: Place) -> None:
    _configure(place, maxmemory="0")


def _make_replicas(place: Place) -> None:
    for server in place.servers:
        with server.admin() as admin:
            admin.replicaof(server.host, "9")  # nobody is there


def _make_masters(place: Place) -> None:
    for server in place.servers:
        with server.admin() as admin:
            admin.replicaof("NO", "ONE")


FAULTS = {
    "stopped": Fault(_stop, _start),
    "paused": Fault(_pause, _resume),
    "blackholed": Fault(_lose_packets, _deliver_packets, needs_network=True),
    "connections killed": Fault(_kill_connections, is_repeated=True),
    "restarted": Fault(_restart),
    "out of memory": Fault(_fill_up, _give_memory),
    "turned replica": Fault(_make_replicas, _make_masters),
}
