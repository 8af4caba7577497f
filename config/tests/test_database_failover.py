"""A standby answers under the database's name, as one does for a while during a failover."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.embedded import postgres
from config.embedded.layout import DataFolder
from config.embedded.process import Processes
from config.embedded.supervisor import Supervisor
from config.tests.test_env import start


@pytest.fixture
def standby(own_processes: Processes, supervisor: Supervisor, tmp_path: Path) -> Iterator[str]:
    """The address of a server that can be read only."""
    data = DataFolder.of(tmp_path / "standby")
    data.make_socket_folder()
    server = postgres.service(data, own_processes, durable=False)
    (data.path / "postgres" / "standby.signal").touch()
    supervisor.start([server])
    supervisor.wait_until_answering([server])
    yield postgres.url(data)
    supervisor.stop()
    shutil.rmtree(data.socket_folder())


def test_nobody_keeps_a_connection_to_it(standby: str) -> None:
    command = ["shell", "-c", "from django.db import connection as it; it.ensure_connection()"]

    refused = start(*command, DATABASE_URL=standby)
    asked_for = start(*command, DATABASE_URL=f"{standby}&target_session_attrs=any")

    assert "OperationalError" in refused.stderr
    assert "standby" in refused.stderr
    assert asked_for.returncode == 0, asked_for.stderr
