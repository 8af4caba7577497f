"""The servers a stack needs, unless the environment names others."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from config.embedded import postgres, redis_server
from config.embedded.layout import DataFolder
from config.embedded.process import Processes
from config.embedded.service import Service

REDIS_VARIABLES = ("REDIS_URL", "REDIS_HOST")


@dataclass(frozen=True)
class Servers:
    services: tuple[Service, ...]
    # The variables that lead the programs to them; those the caller has set are not among them.
    addresses: dict[str, str]


def needs_postgres(environment: Mapping[str, str]) -> bool:
    return not environment.get("DATABASE_URL")


def needs_cache(environment: Mapping[str, str]) -> bool:
    return not any(environment.get(name) for name in REDIS_VARIABLES)


def needs_broker(environment: Mapping[str, str]) -> bool:
    """A Redis of one's own serves as broker too, as it does without the embedded servers."""
    return not environment.get("CELERY_BROKER_URL") and needs_cache(environment)


def needs_worker(environment: Mapping[str, str]) -> bool:
    """Without Redis the web process does the work itself."""
    return environment.get("REDIS_URL") != "disabled"


def addresses(data: DataFolder, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Where the embedded servers of this folder are while they run."""
    found = {}
    if needs_postgres(environment):
        found["DATABASE_URL"] = postgres.url(data)
    if needs_cache(environment):
        found["REDIS_URL"] = redis_server.cache_url(data)
    if needs_broker(environment):
        found["CELERY_BROKER_URL"] = redis_server.broker_url(data)
    return found


def prepare(data: DataFolder, processes: Processes, *, durable: bool) -> Servers:
    """Have the programs and the cluster there; starts nothing. May take a download."""
    services = []
    processes.remove_at_the_end(data.make_socket_folder())
    if needs_postgres(os.environ):
        services.append(postgres.service(data, processes, durable=durable))
    if needs_cache(os.environ):
        services.append(redis_server.cache(data, processes))
    if needs_broker(os.environ):
        services.append(redis_server.broker(data, processes))
    return Servers(tuple(services), addresses(data))
