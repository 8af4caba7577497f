"""rediss://: a server whose certificate nobody vouches for is refused, as cache and as broker."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery
from django.conf import settings as configured
from pytest_django import Settings

from config.celery import app
from rediskit import connection, doorbell, failover
from rediskit.failover import Away
from rediskit.tests.servers import Certificates, RedisServer, make_certificates, tls_before


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return make_certificates(tmp_path / "ours")


@pytest.fixture
def url(redis_server: RedisServer, certificates: Certificates) -> Iterator[str]:
    redis_server.start()
    with tls_before(redis_server.port, certificates) as port:
        yield connection.cache_url(
            {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(port), "REDIS_TLS": "true"}
        )


@pytest.fixture(autouse=True)
def _closed_circuits() -> Iterator[None]:
    for circuit in (failover.cache, failover.broker):
        circuit.reset()
    yield
    connection._clients.clear()
    for circuit in (failover.cache, failover.broker):
        circuit.reset()


def put() -> object:
    return failover.cache.call(connection.client().set, "lock:x", "1", ex=60)


def ring(url: str, ca_file: str | None, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Publish a task by a Celery app that is configured as ours."""
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)
    celery = Celery("over TLS", set_as_current=False, broker=url)
    celery.conf.broker_use_ssl = connection.broker_tls(url, ca_file)
    celery.conf.broker_transport_options = app.conf.broker_transport_options

    @celery.task(name="rediskit.tests.over_tls", shared=False)
    def over_tls() -> None:
        """Never rung."""

    return doorbell.ring(over_tls)


def test_a_certificate_of_the_named_authority_is_taken(
    url: str,
    certificates: Certificates,
    redis_server: RedisServer,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.REDIS_URL, settings.REDIS_CA_FILE = url, str(certificates.authority)
    assert put()
    assert ring(url, str(certificates.authority), monkeypatch)
    assert redis_server.admin().keys("celery:*")


@pytest.mark.parametrize("ca_file", [None, "another authority's"])
def test_any_other_certificate_is_refused(
    url: str,
    ca_file: str | None,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if ca_file:
        ca_file = str(make_certificates(tmp_path / "another").authority)
    settings.REDIS_URL, settings.REDIS_CA_FILE = url, ca_file
    with pytest.raises(Away, match="certificate verify failed"):
        put()
    assert not ring(url, ca_file, monkeypatch)


def test_a_certificate_of_another_host_is_refused(
    redis_server: RedisServer, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis_server.start()
    elsewhere = make_certificates(tmp_path / "elsewhere", address="192.0.2.1")
    with tls_before(redis_server.port, elsewhere) as port:
        settings.REDIS_URL = url = f"rediss://127.0.0.1:{port}/0"
        settings.REDIS_CA_FILE = str(elsewhere.authority)
        with pytest.raises(Away, match="IP address mismatch"):
            put()
        assert not ring(url, settings.REDIS_CA_FILE, monkeypatch)


@pytest.mark.parametrize("is_trusted", [True, False])
def test_a_worker_connects_to_a_broker_it_trusts_only(
    url: str, certificates: Certificates, *, is_trusted: bool
) -> None:
    """A real worker's own view of its broker, in its own environment."""
    environment = {**os.environ, "REDIS_URL": url, "CELERY_BROKER_URL": url}
    if is_trusted:
        environment["REDIS_CA_FILE"] = str(certificates.authority)
    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "config", "worker", "-l", "INFO", "-P", "solo"],
        cwd=configured.BASE_DIR,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert worker.stderr is not None
    told = ""
    for line in worker.stderr:
        told += line
        if " ready." in line or "Cannot connect to" in line:
            break
    worker.kill()
    worker.communicate()
    assert (" ready." in told) == is_trusted, told
    assert ("certificate verify failed" in told) != is_trusted, told
