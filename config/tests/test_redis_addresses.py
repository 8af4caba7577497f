"""Where the keys of real processes lie, as REDIS_* say, and whom those processes trust."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from config.tests.site import ADDRESSES, Installation, Manager
from rediskit.families import family_of
from rediskit.tests.servers import (
    STRANGE_PASSWORD,
    RedisServer,
    make_certificates,
    tls_before,
    unused_port,
)

pytestmark = pytest.mark.django_db(transaction=True)


def families(server: RedisServer, database: int = 0) -> set[str | None]:
    with server.admin(database) as admin:
        return {family_of(key) for key in admin.scan_iter("*")}


def use_all(manager: Manager) -> None:
    """The cache, the limits and the broker."""
    assert manager.send().status < 300
    assert manager.log_in_in_vain().status == 401
    assert manager.read_list().status == 200


def test_every_address_is_where_its_keys_are(
    installation: Installation, redis_server: RedisServer
) -> None:
    redis_server.start("--databases", "4")
    with redis_server.admin() as admin:
        admin.acl_setuser("shop", enabled=True, passwords=[f"+{STRANGE_PASSWORD}"], keys=["*"],
                          channels=["*"], commands=["+@all"])  # fmt: skip
    manager = installation.start(
        REDIS_HOST="127.0.0.1",
        REDIS_PORT=str(redis_server.port),
        REDIS_USERNAME="shop",
        REDIS_PASSWORD=STRANGE_PASSWORD,
        REDIS_DB="3",
        RATELIMIT_REDIS_URL=f"redis://127.0.0.1:{redis_server.port}/1",
        CELERY_BROKER_URL=f"redis://127.0.0.1:{redis_server.port}/2",
    )

    use_all(manager)

    assert families(redis_server, 3) == {"campaigns:list", "gen"}
    assert families(redis_server, 1) == {"rl"}
    assert families(redis_server, 2) == {"celery"}
    assert families(redis_server, 0) == set()
    assert {each["user"] for each in redis_server.connections() if each["db"] == "3"} == {"shop"}


def test_one_server_with_one_database_holds_everything(
    installation: Installation, redis_server: RedisServer
) -> None:
    redis_server.start("--databases", "1", "--maxmemory-policy", "volatile-lru")
    manager = installation.start(REDIS_URL=redis_server.url)

    use_all(manager)
    installation.start_work()

    installation.wait_for(manager.is_completed, seconds=60)

    def holds_everything() -> bool:
        manager.read_list()
        return families(redis_server) == {"campaigns:list", "gen", "rl", "celery", "beat"}

    installation.wait_for(holds_everything, seconds=60)


@pytest.mark.parametrize("is_trusted", [True, False])
def test_the_web_server_uses_a_redis_it_trusts_only(
    installation: Installation, redis_server: RedisServer, tmp_path: Path, *, is_trusted: bool
) -> None:
    redis_server.start()
    ours = make_certificates(tmp_path / "ours")
    trusted = ours if is_trusted else make_certificates(tmp_path / "another's")
    with tls_before(redis_server.port, ours) as port:
        manager = installation.start(
            REDIS_URL=f"rediss://127.0.0.1:{port}/0", REDIS_CA_FILE=str(trusted.authority)
        )
        use_all(manager)
        assert manager.read_list().cache == ("hit" if is_trusted else "miss")
    assert families(redis_server) == (
        {"campaigns:list", "gen", "rl", "celery"} if is_trusted else set()
    )


def test_processes_start_without_redis_and_use_it_once_it_is_there(
    installation: Installation, redis_server: RedisServer
) -> None:
    """Nothing is started again for it."""
    manager = installation.start(REDIS_URL=redis_server.url)
    installation.start_work()
    assert [manager.read_list().cache for _ in range(2)] == ["miss", "miss"]
    assert manager.send().status < 300
    started = installation.supervisor.pids()

    redis_server.start()

    def hits() -> bool:
        return manager.read_list().cache == "hit"

    installation.wait_for(hits, seconds=60)
    installation.wait_for(manager.is_completed, seconds=60)
    assert installation.supervisor.pids() == started


@pytest.mark.parametrize(
    "command", [["check"], ["migrate", "--plan"], ["makemigrations", "--check", "--dry-run"]]
)
def test_commands_of_deployment_do_without_redis(command: list[str]) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ADDRESSES}
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", "manage.py", *command],
        cwd=settings.BASE_DIR,
        env={**environment, "REDIS_URL": f"redis://127.0.0.1:{unused_port()}/0"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert "away" not in answer.stderr
