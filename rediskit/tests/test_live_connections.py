"""Connections to a real server: where they lead, how many there are, what they survive."""

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from celery import Celery
from django_redis import get_redis_connection
from pytest_django import Settings

from config.celery import app
from config.tests.running import wait_for
from rediskit import connection, doorbell, failover
from rediskit.connection import BROKER_PREFIX, client
from rediskit.failover import PROBE_INTERVAL, Away
from rediskit.families import family_of, scan
from rediskit.tests.servers import STRANGE_PASSWORD, RedisServer

CALLS = 1000


@pytest.fixture(autouse=True)
def _closed_circuits() -> Iterator[None]:
    failover.cache.reset()
    failover.broker.reset()
    yield
    failover.cache.reset()
    failover.broker.reset()
    connection.close()


@pytest.fixture
def server(redis_server: RedisServer, settings: Settings) -> RedisServer:
    """Running, and the cache of this process."""
    redis_server.start()
    settings.REDIS_URL = redis_server.url
    default = {**settings.CACHES["default"], "LOCATION": redis_server.url}
    settings.CACHES = {**settings.CACHES, "default": default}
    return redis_server


def get(key: str = "lock:x") -> object:
    return failover.cache.call(client().get, key)


def put(value: str = "1") -> object:
    return failover.cache.call(client().set, "lock:x", value, ex=60)


def wait_until_back() -> None:
    """Read until it works: somebody's read has to be the probe."""
    until = time.monotonic() + 60
    while True:
        try:
            get()
        except Away:
            assert time.monotonic() < until
            time.sleep(0.02)
        else:
            return


def only_user(server: RedisServer) -> None:
    """Anonymous connections may do nothing; what `admin()` opens afterwards neither."""
    with server.admin() as admin:
        admin.acl_setuser("shop", enabled=True, passwords=[f"+{STRANGE_PASSWORD}"], keys=["*"],
                          channels=["*"], commands=["+@all"])  # fmt: skip
        admin.acl_setuser("default", enabled=False)


def test_every_variable_leads_to_its_server(redis_server: RedisServer, settings: Settings) -> None:
    redis_server.start("--databases", "4")
    environ = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(redis_server.port), "REDIS_DB": "3"}
    settings.REDIS_URL = connection.cache_url(environ)
    put("from the parts")
    assert redis_server.admin(3).get("lock:x") == b"from the parts"

    settings.REDIS_URL = connection.cache_url({**environ, "REDIS_URL": redis_server.url})
    put("from the URL, which wins")
    assert redis_server.admin(0).get("lock:x") == b"from the URL, which wins"


def test_a_user_with_a_strange_password_on_a_server_with_one_database(
    redis_server: RedisServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis_server.start("--databases", "1")
    only_user(redis_server)
    environ = {
        "REDIS_HOST": "127.0.0.1",
        "REDIS_PORT": str(redis_server.port),
        "REDIS_USERNAME": "shop",
        "REDIS_PASSWORD": STRANGE_PASSWORD,
    }
    settings.REDIS_URL = connection.cache_url(environ)
    put()
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)
    celery = Celery("one database", set_as_current=False, broker=connection.broker_url(environ))
    celery.conf.broker_transport_options = app.conf.broker_transport_options
    celery.send_task("anything", queue="sms", retry=False)

    families_found = {family_of(key) for keys in scan() for key in keys}
    assert families_found == {"lock", "celery"}
    assert failover.cache.call(client().llen, f"{BROKER_PREFIX}sms") == 1


def test_wrong_credentials_are_an_outage(redis_server: RedisServer, settings: Settings) -> None:
    redis_server.start()
    only_user(redis_server)
    settings.REDIS_URL = f"redis://shop:wrong@127.0.0.1:{redis_server.port}/0"
    with pytest.raises(Away, match=r"invalid username-password|WRONGPASS"):
        get()


def test_a_server_that_appears_later_is_used(
    redis_server: RedisServer, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "rediskit.failover")
    settings.REDIS_URL = redis_server.url
    for _ in range(3):
        with pytest.raises(Away):
            get()
    redis_server.start()

    wait_until_back()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_django_redis_shares_the_pool(server: RedisServer) -> None:
    put("shared")
    assert get_redis_connection("default") is client()
    assert len(server.connections()) == 1


def test_threads_share_one_pool(server: RedisServer, settings: Settings) -> None:
    settings.REDIS_POOL_SIZE = 4

    def read_often() -> None:
        for _ in range(50):
            with suppress(Away):  # on a busy machine: what counts is the connections
                get()

    threads = [threading.Thread(target=read_often) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 1 <= len(server.connections()) <= 4
    connection.close()
    assert server.connections() == []


def test_a_pool_that_is_used_up_costs_half_a_second(server: RedisServer) -> None:
    pool: Any = client().connection_pool
    assert pool.timeout == 0.5
    taken = [pool.get_connection() for _ in range(pool.max_connections)]
    with pytest.raises(Away):
        get()
    for each in taken:
        pool.release(each)


def test_idle_connections_are_kept_alive(server: RedisServer) -> None:
    put()
    pool = client().connection_pool
    used = pool.get_connection()
    sock = used._sock
    assert sock is not None
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30
    assert used.health_check_interval == 30
    pool.release(used)
    options = app.conf.broker_transport_options
    assert options["socket_keepalive"]
    assert options["socket_keepalive_options"][socket.TCP_KEEPIDLE] == 30
    assert options["health_check_interval"] == 30


def test_killed_connections_are_replaced_unnoticed(server: RedisServer) -> None:
    put("kept")
    for _ in range(5):
        server.kill_connections()
        assert get() == b"kept"
    assert not failover.cache.is_open


def test_a_server_that_hangs_costs_half_a_second_once(
    server: RedisServer, attempts: list[float | None]
) -> None:
    put()
    options = client().connection_pool.connection_kwargs
    assert (options["socket_connect_timeout"], options["socket_timeout"]) == (0.5, 0.5)
    attempts.clear()
    server.pause()
    for _ in range(CALLS):
        with pytest.raises(Away):
            get()
    # None by the first call, which was connected; the others may have been probes now and then.
    assert len(attempts) < CALLS / 10

    server.resume()
    wait_until_back()
    assert get() == b"1"


def test_a_restart_is_survived(server: RedisServer) -> None:
    put()
    server.stop()
    with pytest.raises(Away):
        get()
    server.start()
    wait_until_back()
    assert get() is None


def test_a_master_that_becomes_a_replica_is_left_alone_until_it_is_master_again(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "rediskit.failover")
    put("before")
    pool: Any = client().connection_pool
    another_threads = pool.get_connection()
    server.admin().replicaof("127.0.0.1", "9")
    with pytest.raises(Away):
        put("lost")
    pool.release(another_threads)
    time.sleep(PROBE_INTERVAL)
    with pytest.raises(Away, match="replica"):
        get()  # what it holds may be old

    server.admin().replicaof("NO", "ONE")
    wait_until_back()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_out_of_memory_refuses_writes_only(
    redis_server: RedisServer, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    redis_server.start("--maxmemory-policy", "noeviction")
    settings.REDIS_URL = redis_server.url
    put("kept")
    redis_server.admin().config_set("maxmemory", "1")
    caplog.clear()
    for _ in range(3):
        with pytest.raises(Away, match="refuses"):
            put("x" * 1000)
        assert get() == b"kept"
    assert len(caplog.records) == 1


def test_a_full_cache_on_the_brokers_database_evicts_no_queue(
    redis_server: RedisServer, settings: Settings
) -> None:
    redis_server.start("--databases", "1", "--maxmemory-policy", "volatile-lru")
    settings.REDIS_URL = redis_server.url
    admin = redis_server.admin()
    admin.rpush(f"{BROKER_PREFIX}sms", *range(1000))
    admin.config_set("maxmemory", admin.info("memory")["used_memory"] + 2_000_000)
    for number in range(4000):
        failover.cache.call(client().set, f"cache:x:{number}", "x" * 2000, ex=60)

    assert admin.info("stats")["evicted_keys"] > 1000
    assert admin.llen(f"{BROKER_PREFIX}sms") == 1000


def test_a_patient_process_waits_for_a_restart(
    server: RedisServer, attempts: list[float | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = connection.PATIENT.back_off
    assert [round(waits.compute(n), 1) for n in range(1, connection.PATIENT.retries + 1)] == [
        0.2, 0.4, 0.8, 1.6,
    ]  # fmt: skip
    # As ever, but this machine may need longer than those three seconds to start a server.
    monkeypatch.setattr(connection, "_profile", replace(connection.PATIENT, retries=30))
    put()
    server.stop()
    attempts.clear()
    answers: list[object] = []
    reader = threading.Thread(target=lambda: answers.append(get()))
    reader.start()
    wait_for(lambda: len(attempts) > 1, seconds=60)
    server.start()
    reader.join()
    assert answers == [None]  # it waited, and found the restarted server empty
    assert set(attempts) == {10}
    assert connection.broker_options()["socket_connect_timeout"] == 10


def test_a_forked_child_has_connections_of_its_own(server: RedisServer) -> None:
    put()
    child = os.fork()
    if child == 0:
        try:
            works = get() == b"1"
        finally:
            os._exit(0 if works else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert get() == b"1"


def test_disabled_means_away_at_once(settings: Settings) -> None:
    settings.REDIS_URL = connection.DISABLED
    with pytest.raises(Away):
        client()


def test_a_broker_that_refuses_is_not_away(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis_server.start("--maxmemory-policy", "noeviction")
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)
    celery = Celery("full", set_as_current=False, broker=redis_server.url)
    celery.conf.broker_transport_options = app.conf.broker_transport_options

    @celery.task(name="rediskit.tests.unpublished", shared=False)
    def unpublished() -> None:
        """Never rung."""

    assert doorbell.ring(unpublished)
    redis_server.admin().config_set("maxmemory", "1")
    assert not doorbell.ring(unpublished)
    assert not failover.broker.is_open
