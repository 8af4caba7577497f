import urllib.request

from config.embedded.fixtures import SimulatedGateway, WorkerProcess
from config.embedded.layout import is_running


def test_gateway_is_real_and_can_be_set(simulated_gateway: SimulatedGateway) -> None:
    simulated_gateway.set(SIM_LATENCY_MS=0)
    simulated_gateway.reset()

    assert simulated_gateway.counts("+3069")["accepted"] == 0


def test_worker_is_killed_with_its_pool_and_starts_again(
    celery_worker_process: WorkerProcess,
) -> None:
    first = celery_worker_process.pid

    celery_worker_process.kill()
    assert not is_running(first)

    celery_worker_process.start()  # returns once it answers
    assert celery_worker_process.pid != first


def test_web_server_serves_the_tests_database(live_web: str) -> None:
    with urllib.request.urlopen(f"{live_web}/livez", timeout=60) as response:  # noqa: S310
        assert response.status == 200
