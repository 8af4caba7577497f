"""pytest plugin: real PostgreSQL and Redis for the run, there before Django's settings load.

DATABASE_URL, REDIS_URL and CELERY_BROKER_URL replace the servers. With pytest-xdist the controller
starts them, and each worker has databases of its own on them.
"""

import os
import tempfile
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import pytest

from config.embedded import servers
from config.embedded.addresses import with_database
from config.embedded.console import Failure
from config.embedded.layout import DataFolder
from config.embedded.process import Processes
from config.embedded.supervisor import Supervisor

# Set whatever the caller's environment says: no test may depend on it, or reach a real gateway.
ENVIRONMENT = {
    "SECRET_KEY": "for-tests-only-0123456789-0123456789-0123456789-0123456789",
    "ALLOWED_HOSTS": "localhost,127.0.0.1",
    "PUBLIC_BASE_URL": "http://localhost:8000",
    "REGISTRATION": "closed",
    "DEFAULT_DAILY_CAP": "0",
    "MITTO_API_BASE": "http://127.0.0.1:9",  # nobody listens there
    "MITTO_API_KEY": "test-api-key",
    "MITTO_TRAFFIC_ACCOUNT_ID": "test",
    "MITTO_WEBHOOK_SECRET": "test-webhook-secret",
    "MITTO_WEBHOOK_HMAC_SECRET": "",
}
REDIS_ADDRESSES = ("REDIS_URL", "CELERY_BROKER_URL")
SERVER_ADDRESSES = ("DATABASE_URL", *REDIS_ADDRESSES)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, object, object]:
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker:
        _take_own_databases(int(worker.removeprefix("gw")) + 1)
    else:
        _start_servers(early_config)
    return (yield)


def pytest_configure(config: pytest.Config) -> None:
    # Only now, because it needs Django's settings.
    config.pluginmanager.import_plugin("config.embedded.fixtures")


def _start_servers(config: pytest.Config) -> None:
    data = DataFolder.of(Path(tempfile.mkdtemp(prefix="tapline-test-")))
    stack = ExitStack()
    config.add_cleanup(stack.close)
    processes = stack.enter_context(Processes())
    processes.remove_at_the_end(data.path)
    supervisor = Supervisor(processes, data.logs)
    stack.callback(supervisor.stop)
    try:
        prepared = servers.prepare(data, processes, durable=False)
        supervisor.start(prepared.services)
        supervisor.wait_until_answering(prepared.services)
    except Failure as failure:
        raise pytest.UsageError(str(failure)) from failure
    media = {"MEDIA_ROOT": str(data.path / "media")}
    os.environ.update(ENVIRONMENT | media | prepared.addresses)


def _take_own_databases(number: int) -> None:
    for name in REDIS_ADDRESSES:
        if os.environ.get(name):
            os.environ[name] = with_database(os.environ[name], number)
