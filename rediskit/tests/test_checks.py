"""`manage.py check`: what cannot work is refused before anything starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as configured
from django.core.checks import run_checks
from pytest_django import Settings

from rediskit.checks import shared_with_broker

PICKLE = "django_redis.serializers.pickle.PickleSerializer"


def found() -> set[str]:
    ids = {message.id or "" for message in run_checks()}
    return {each for each in ids if each.startswith("rediskit.")}


def test_the_tests_own_servers_are_fine(settings: Settings) -> None:
    settings.CELERY_BROKER_URL = "redis://elsewhere/0"
    assert found() == set()


@pytest.mark.parametrize("options", [{}, {"SERIALIZER": PICKLE}])
def test_a_cache_that_unpickles_is_refused(settings: Settings, options: dict[str, str]) -> None:
    default = {**settings.CACHES["default"], "OPTIONS": options}
    settings.CACHES = {**settings.CACHES, "default": default}
    assert "rediskit.E001" in found()


@pytest.mark.parametrize(
    ("name", "value"),
    [("CELERY_TASK_SERIALIZER", "pickle"), ("CELERY_ACCEPT_CONTENT", ["json", "pickle"])],
)
def test_a_queue_that_unpickles_is_refused(settings: Settings, name: str, value: object) -> None:
    setattr(settings, name, value)
    assert "rediskit.E002" in found()


def test_a_proxy_that_is_not_counted_is_pointed_out(settings: Settings) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert "rediskit.W003" in found()
    settings.TRUSTED_PROXIES = 1
    assert "rediskit.W003" not in found()


def test_a_ca_file_must_hold_certificates(settings: Settings, tmp_path: Path) -> None:
    settings.REDIS_URL = "rediss://cache.internal"
    settings.REDIS_CA_FILE = str(tmp_path / "absent.pem")
    assert "rediskit.E003" in found()

    (tmp_path / "empty.pem").write_text("not a certificate")
    settings.REDIS_CA_FILE = str(tmp_path / "empty.pem")
    assert "rediskit.E003" in found()


def test_a_ca_file_without_tls_is_doubtful(settings: Settings, tmp_path: Path) -> None:
    settings.REDIS_CA_FILE = str(tmp_path / "absent.pem")
    assert "rediskit.W002" in found()


@pytest.mark.parametrize(
    ("cache", "broker", "shared"),
    [
        ("redis://localhost", "redis://127.0.0.1:6379/0", "database"),
        ("redis://:secret@a/0", "redis://b@a/1", "server"),
        ("redis://a:1/0", "redis://a:2/0", ""),
        ("unix:///run/r.sock?db=1", "redis+socket:///run/r.sock?virtual_host=1", "database"),
        ("unix:///run/r.sock", "redis+socket:///run/r.sock?virtual_host=1", "server"),
    ],
)
def test_cache_and_broker_should_be_apart(
    settings: Settings, cache: str, broker: str, shared: str
) -> None:
    assert shared_with_broker(cache, broker) == shared
    settings.REDIS_URL, settings.CELERY_BROKER_URL = cache, broker
    assert ("rediskit.W001" in found()) == bool(shared)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "redis://cache:many/0"),
        ("REDIS_URL", "redis://cache/first"),
        ("REDIS_URL", "rediss://cache/0?ssl_cert_reqs=none"),
        ("RATELIMIT_REDIS_URL", "memcached://cache"),
        ("CELERY_BROKER_URL", "rediss://broker/0?ssl_check_hostname=false"),
    ],
)
def test_a_malformed_address_is_named(name: str, value: str) -> None:
    answer = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=configured.BASE_DIR,
        env={**os.environ, name: value},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode != 0
    assert f"The environment variable {name} is malformed" in answer.stderr
