from collections.abc import Iterator

import httpx2
import pytest

from messaging.tests.simulated import running_simulator
from rediskit.tests.servers import redis_server, server_processes

__all__ = ["redis_server", "server_processes"]


@pytest.fixture(scope="session")
def simulator_process() -> Iterator[httpx2.Client]:
    with running_simulator(SIM_LATENCY_MS=0) as client:
        yield client


@pytest.fixture
def simulator(simulator_process: httpx2.Client) -> Iterator[httpx2.Client]:
    """A client of the simulated gateway, which the test may change: it is put right again."""
    settings = simulator_process.get("/settings").json()
    yield simulator_process
    secrets = {"SIM_API_KEY": "", "SIM_REPORT_SECRET": "", "SIM_REPORT_HMAC_SECRET": ""}
    simulator_process.post("/settings", json=settings | secrets).raise_for_status()
    simulator_process.post("/reset").raise_for_status()
