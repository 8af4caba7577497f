"""The whole installation under `run.py`: it comes up, stays up, and goes away without a trace."""

import json
import os
import signal
import stat
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.embedded.layout import DataFolder, is_running
from config.tests.running import RunningStack, processes_of, wait_for

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks into /proc")
NAMES = ("postgres", "redis", "broker", "web", "worker", "beat", "gateway")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    data = tmp_path_factory.mktemp("Κατάστημα με κενά")
    (data / "demo-sent").touch()  # it would send the demo campaign first
    stack = RunningStack(data)
    stack.start()
    yield stack
    stack.kill()
    wait_for(lambda: not processes_of(data), seconds=60)


def answers(stack: RunningStack, path: str = "/readyz") -> bool:
    try:
        with urllib.request.urlopen(stack.state["url"] + path, timeout=30) as response:  # noqa: S310
            return bool(response.status == 200)
    except OSError:
        return False


def test_state_tells_all_about_the_stack_to_its_owner_alone(stack: RunningStack) -> None:
    assert set(stack.state) == {
        "url",
        "admin_email",
        "admin_password",
        "database_url",
        "redis_url",
        "broker_url",
        "gateway_url",
        "pids",
    }
    assert set(stack.state["pids"]) == {"supervisor", *NAMES}
    assert all(is_running(pid) for pid in stack.state["pids"].values())
    assert stat.S_IMODE((stack.data / "stack.json").stat().st_mode) == 0o600
    assert answers(stack)
    assert answers(stack, "/admin/login/")


@pytest.mark.parametrize("name", NAMES)
def test_killed_child_is_back(stack: RunningStack, name: str) -> None:
    before = stack.state

    os.kill(stack.pid(name), signal.SIGKILL)

    wait_for(lambda: stack.pid(name) != before["pids"][name], seconds=60)
    wait_for(lambda: answers(stack), seconds=60)
    others = {other: pid for other, pid in stack.state["pids"].items() if other != name}
    assert others == {other: before["pids"][other] for other in others}
    assert stack.state["url"] == before["url"]


def test_second_start_on_the_same_folder_is_refused(stack: RunningStack) -> None:
    second = stack.run()

    assert second.returncode == 1
    assert "running" in second.stderr
    assert str(stack.process.pid) in second.stderr


def test_management_command_uses_the_running_stack(stack: RunningStack) -> None:
    code = "from accounts.models import Business; print(Business.objects.count())"

    result = stack.run("manage", "shell", "--no-imports", "-c", code)

    assert (result.returncode, result.stdout.strip()) == (0, "1"), result.stderr


def test_killed_stack_leaves_nothing_running_and_loses_nothing(stack: RunningStack) -> None:
    code = "from accounts.models import Business; Business.objects.update(name='Still here')"
    assert stack.run("manage", "shell", "--no-imports", "-c", code).returncode == 0
    password = stack.state["admin_password"]

    stack.kill()
    wait_for(lambda: not processes_of(stack.data), seconds=60)
    stack.start()

    code = "from accounts.models import Business; print(Business.objects.first())"
    assert stack.run("manage", "shell", "--no-imports", "-c", code).stdout.strip() == "Still here"
    assert stack.state["admin_password"] == password
    assert answers(stack)


def test_stopped_stack_ends_well_and_leaves_nothing_running(stack: RunningStack) -> None:
    assert stack.stop() == 0

    assert stack.state == {}
    assert processes_of(stack.data) == []
    assert not DataFolder(stack.data).socket_folder().exists()
    stack.start()  # as the other tests found it


def test_demo_survives_the_death_of_its_worker(tmp_path: Path) -> None:
    """No message is sent twice, and each that was cut off is explained."""
    quick_lease = {"GATEWAY_CALL_DEADLINE": "2", "SEND_LEASE": "4", "SIM_LATENCY_MS": "800"}
    demo = RunningStack(tmp_path, "demo", "--contacts=5000", "--json", **quick_lease)
    demo.start()
    counts = f"{demo.state['gateway_url']}/counts"

    def accepted() -> int:
        with urllib.request.urlopen(counts, timeout=60) as response:  # noqa: S310
            number: int = json.load(response)["accepted"]
            return number

    wait_for(lambda: accepted() > 0, seconds=60)
    os.kill(demo.pid("worker"), signal.SIGKILL)
    output, _ = demo.process.communicate(timeout=300)
    result = json.loads(output)

    assert demo.process.returncode == 0
    outcomes = ("sent", "delivered", "undelivered", "failed", "unknown")
    assert sum(result[outcome] for outcome in outcomes) == result["messages"]
    assert result["max_per_destination"] == 1
    assert result["duplicates"] == 0
    assert processes_of(tmp_path) == []


def test_demo_secrets_never_serve_the_public(tmp_path: Path) -> None:
    given = {"SECRET_KEY": "x" * 50, "PUBLIC_BASE_URL": "https://sms.example.com"}
    public = RunningStack(tmp_path, **given)

    result = public.run()

    assert result.returncode == 2
    assert "MITTO_API_KEY" in result.stderr
    assert "SECRET_KEY" not in result.stderr.replace("MITTO_WEBHOOK_SECRET", "")
