"""Limits: their keys in Redis, what they count, and what happens without Redis."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest
import redis
import time_machine
from django.core.cache import caches
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django import Settings

from rediskit import failover, ratelimits
from rediskit.client_address import client_address
from rediskit.connection import client
from rediskit.ratelimits import Limit, RateLimited, count, limited

NOW = 1_795_384_000


@pytest.fixture
def server(settings: Settings) -> redis.Redis:
    return client(settings.LIMITS_REDIS_URL)


@pytest.fixture
def frozen() -> Iterator[time_machine.Traveller]:
    """So that no window ends in the middle of a test."""
    with time_machine.travel(NOW, tick=False) as now:
        yield now


@pytest.fixture
def no_redis(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens there; the circuit is a new one, so that no other test finds it open."""
    lead_to("unix:///nowhere.sock", settings)
    monkeypatch.setattr(failover, "limits", failover.Circuit("The limits of this test"))


def lead_to(url: str, settings: Settings) -> None:
    there = {**settings.CACHES["ratelimit"], "LOCATION": url}
    settings.CACHES = {**settings.CACHES, "ratelimit": there}


def keys(server: redis.Redis) -> list[str]:
    return sorted(key.decode() for key in cast("list[bytes]", server.keys("rl:*")))


@pytest.mark.parametrize(
    ("scope", "value", "key"),
    [
        ("login:ip", "1.2.3.4", "rl:login:ip:1.2.3.4:1795384368"),
        ("login:ip", "2001:db8:1:2::", "rl:login:ip:2001:db8:1:2:::1795384242"),
        ("login:email", "ann@example.com", "rl:login:email:ann@example.com:1795384094"),
        ("contacts:write:ip", "1.2.3.4", "rl:contacts:write:ip:1.2.3.4:1795384008"),
    ],
)
@pytest.mark.usefixtures("frozen")
def test_keys_can_be_read(server: redis.Redis, scope: str, value: str, key: str) -> None:
    """Golden: they are made by django-ratelimit 4.1.0 from our group, value and algorithm."""
    assert count(scope, value).key == key
    assert count(scope, value).count == 2
    assert keys(server) == [key]
    assert server.get(key) == b"2"


@pytest.mark.usefixtures("frozen")
def test_a_counter_ends_with_its_window(server: redis.Redis) -> None:
    usage = count("login:ip", "1.2.3.4")
    assert 600 < server.ttl(usage.key) <= 605


def test_the_next_window_begins_when_the_answer_said(frozen: time_machine.Traveller) -> None:
    usage = [count("login:ip", "1.2.3.4") for _ in range(21)][-1]
    assert usage.is_exceeded
    frozen.shift(usage.resets_in - 1)
    assert count("login:ip", "1.2.3.4").is_exceeded
    frozen.shift(1)
    assert count("login:ip", "1.2.3.4").count == 1


@pytest.mark.usefixtures("frozen")
def test_raising_a_limit_keeps_the_count(settings: Settings) -> None:
    count("login:ip", "1.2.3.4")
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "login:ip": (50, 600)}
    assert count("login:ip", "1.2.3.4").count == 2


@pytest.mark.usefixtures("frozen")
def test_addresses_are_hashed_where_asked(server: redis.Redis, settings: Settings) -> None:
    settings.RATELIMIT_HASH_IDENTIFIERS = True
    for _ in range(2):
        count("login:email", "ann@example.com")
    count("login:ip", "1.2.3.4")

    by_email, by_ip = keys(server)
    assert re.fullmatch(r"rl:login:email:[0-9a-f]{32}:\d+", by_email)
    assert server.get(by_email) == b"2"
    assert by_ip.startswith("rl:login:ip:1.2.3.4:")


@pytest.mark.usefixtures("frozen")
def test_tokens_are_never_in_redis(server: redis.Redis) -> None:
    count("unsubscribe:token", "secret" * 1000)
    (key,) = keys(server)
    assert re.fullmatch(r"rl:unsubscribe:token:[0-9a-f]{32}:\d+", key)


@pytest.mark.parametrize("value", ["\x1f", "a\x1fb\x1fc", "\ud800", "", "x" * 100_000, "\x00\n"])
@pytest.mark.usefixtures("frozen")
def test_any_text_can_be_counted(server: redis.Redis, value: str) -> None:
    assert [count("login:email", value).count for _ in range(2)] == [1, 2]
    (key,) = keys(server)
    assert len(key) < 300


@pytest.mark.parametrize(
    "poison", [b"\x80\x04\x95garbage", b'"text"', b"[1]", b"1.5", b"\xff", b""]
)
@pytest.mark.usefixtures("frozen")
def test_what_is_no_counter_is_replaced_by_one(server: redis.Redis, poison: bytes) -> None:
    key = count("login:ip", "1.2.3.4").key
    server.set(key, poison)
    assert ratelimits.look_up("login:ip", "1.2.3.4").count == 0
    assert [count("login:ip", "1.2.3.4").count for _ in range(2)] == [1, 2]
    assert server.ttl(key) != -1


@pytest.mark.usefixtures("frozen")
def test_another_type_at_the_key_is_counted_around(server: redis.Redis) -> None:
    key = count("login:ip", "1.2.3.4").key
    server.delete(key)
    server.lpush(key, "x")
    assert count("login:ip", "1.2.3.4").is_local


@pytest.mark.usefixtures("frozen")
def test_counts_are_given_back_once_and_only_while_they_last(server: redis.Redis) -> None:
    first, second = count("login:ip", "1.2.3.4"), count("login:ip", "1.2.3.4")
    ratelimits.give_back([second])
    assert server.get(first.key) == b"1"
    server.delete(first.key)
    ratelimits.give_back([first])
    assert keys(server) == []


def request_to(view: object, address: str = "1.2.3.4", method: str = "POST") -> HttpResponse:
    request = RequestFactory(REMOTE_ADDR=address).generic(method, "/")
    return cast("HttpResponse", view(request))  # type: ignore[operator]


@pytest.mark.usefixtures("frozen")
def test_a_view_is_refused_with_the_way_out() -> None:
    @limited(Limit("admin:login:ip", client_address), methods=["POST"])
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse("done")

    for _ in range(20):
        assert request_to(view).content == b"done"
    with pytest.raises(RateLimited) as refusal:
        request_to(view)
    assert request_to(view, method="GET").content == b"done"
    assert request_to(view, "1.2.3.5").content == b"done"

    seconds = refusal.value.usage.resets_in
    assert refusal.value.headers == {
        "Retry-After": str(seconds),
        "RateLimit": f'"admin:login:ip";r=0;t={seconds}',
        "RateLimit-Policy": '"admin:login:ip";q=20;w=600',
    }


@pytest.mark.usefixtures("frozen")
def test_a_limit_that_refuses_leaves_those_behind_it_alone(server: redis.Redis) -> None:
    by_email = Limit("login:email", lambda _: "ann@example.com")
    request = RequestFactory(REMOTE_ADDR="1.2.3.4").get("/")
    for _ in range(20):
        count("login:ip", "1.2.3.4")
    with pytest.raises(RateLimited, match="seconds"):
        ratelimits.check(request, Limit("login:ip", client_address), by_email)
    assert not [key for key in keys(server) if key.startswith("rl:login:email")]


@pytest.mark.usefixtures("frozen")
def test_threads_share_a_limit_exactly() -> None:
    with ThreadPoolExecutor(8) as pool:
        usages = list(pool.map(lambda _: count("login:ip", "1.2.3.4"), range(60)))
    assert sum(not usage.is_exceeded for usage in usages) == 20
    assert not any(usage.is_local for usage in usages)


@pytest.mark.usefixtures("frozen", "no_redis")
def test_without_redis_each_process_counts_its_share(settings: Settings) -> None:
    settings.WEB_PROCESSES = 2
    with ThreadPoolExecutor(8) as pool:
        usages = list(pool.map(lambda _: count("login:ip", "1.2.3.4"), range(60)))
    assert sum(not usage.is_exceeded for usage in usages) == 10
    assert all(usage.is_local and 0 < usage.resets_in <= 600 for usage in usages)


@pytest.mark.usefixtures("frozen", "no_redis")
def test_without_redis_counts_are_given_back_too() -> None:
    ratelimits.give_back([count("login:ip", "1.2.3.4")])
    assert count("login:ip", "1.2.3.4").count == 1


@pytest.mark.usefixtures("frozen")
def test_disabled_redis_counts_in_the_process(settings: Settings) -> None:
    lead_to("disabled", settings)
    usages = [count("login:ip", "1.2.3.4") for _ in range(21)]
    assert usages[-1].is_local
    assert [usage.is_exceeded for usage in usages] == [False] * 20 + [True]
    with pytest.raises(failover.Away):
        ratelimits.look_up("login:ip", "1.2.3.4")
    call_command("check", "--fail-level", "WARNING", "--tag", "caches")


def test_the_cache_of_limits_holds_nothing_else() -> None:
    with pytest.raises(ValueError, match="whole number"):
        caches["ratelimit"].set("rl:x", {"pickled": "never"})
