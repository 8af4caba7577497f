"""Settings that are missing or malformed stop the start and are named."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

MALFORMED = {
    "SECRET_KEY": "short",
    "DEBUG": "maybe",
    "PUBLIC_BASE_URL": "sms.example.com",
    "REGISTRATION": "sometimes",
    "DEFAULT_DAILY_CAP": "-1",
    "DATABASE_URL": "mysql://localhost/tapline",
    "REDIS_URL": "localhost:6379",
    "CELERY_BROKER_URL": "amqp://localhost",
    "EMAIL_URL": "pigeon://",
    "CACHE_TTL_CAMPAIGN_LIST": "61",
    "RATE_LIMIT_LOGIN_IP": "20",
    "MITTO_API_BASE": "ftp://mitto.example",
    "MITTO_WEBHOOK_SECRET": "short",
    "SEND_BATCH_SIZE": "many",
}
REQUIRED = [
    "SECRET_KEY",
    "PUBLIC_BASE_URL",
    "DATABASE_URL",
    "MITTO_API_KEY",
    "MITTO_TRAFFIC_ACCOUNT_ID",
    "MITTO_WEBHOOK_SECRET",
]


def start(*command: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Load the settings in a process of its own, with the environment of the tests changed."""
    return subprocess.run(
        [sys.executable, "manage.py", *(command or ["check"])],
        cwd=settings.BASE_DIR,
        env=os.environ | changes,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("name", REQUIRED)
def test_missing(name: str) -> None:
    run = start(**{name: ""})

    assert run.returncode != 0
    said, advice = run.stderr.strip().splitlines()
    assert said.startswith(f"Set the environment variable {name}:")
    assert "run.py manage" in advice


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed(name: str) -> None:
    run = start(**{name: MALFORMED[name]})

    assert run.returncode != 0
    assert f"The environment variable {name} is malformed: expected" in run.stderr


def test_the_environment_of_the_tests_starts() -> None:
    assert start().returncode == 0


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("", "30s 4MB"),
        ("options=-c%20work_mem%3D5MB", "30s 5MB"),
        ("options=-c%20idle_in_transaction_session_timeout%3D7s", "7s 4MB"),
    ],
)
def test_who_is_cut_off_holds_locks_no_longer_than_a_lease(said: str, expected: str) -> None:
    names = ("idle_in_transaction_session_timeout", "work_mem")
    code = "from django.db import connection; cursor = connection.cursor()\n" + "\n".join(
        f"print(*cursor.execute('SHOW {name}').fetchone())" for name in names
    )
    url = os.environ["DATABASE_URL"]
    joint = "&" if "?" in url else "?"

    run = start("shell", "-c", code, DATABASE_URL=f"{url}{joint}{said}", SEND_LEASE="30")

    assert run.stdout.split()[-2:] == expected.split(), run.stderr
