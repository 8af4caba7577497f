"""Where REDIS_* and CELERY_BROKER_URL lead."""

import pytest
import redis
from django.core.exceptions import ImproperlyConfigured

from rediskit.connection import DISABLED, broker_url, cache_url, limits_url


def test_nothing_set_means_the_local_server() -> None:
    assert cache_url({}) == broker_url({}) == "redis://localhost:6379/0"


def test_the_parts_make_an_address_and_any_character_may_be_in_a_password() -> None:
    url = cache_url(
        {
            "REDIS_HOST": "cache.internal",
            "REDIS_PORT": "6380",
            "REDIS_USERNAME": "shop",
            "REDIS_PASSWORD": "p@:/%",
            "REDIS_DB": "3",
            "REDIS_TLS": "true",
        }
    )

    pool = redis.ConnectionPool.from_url(url)
    assert url.startswith("rediss://")
    assert pool.connection_kwargs["password"] == "p@:/%"
    assert pool.connection_kwargs["username"] == "shop"
    assert (pool.connection_kwargs["host"], pool.connection_kwargs["port"]) == (
        "cache.internal",
        6380,
    )
    assert pool.connection_kwargs["db"] == 3


def test_an_ipv6_host_needs_no_brackets() -> None:
    assert cache_url({"REDIS_HOST": "::1"}) == "redis://[::1]:6379/0"


def test_the_limits_may_have_a_server_of_their_own() -> None:
    environ = {"REDIS_URL": "redis://a/1"}
    assert limits_url(environ) == "redis://a/1"
    assert limits_url(environ | {"RATELIMIT_REDIS_URL": "redis://b/0"}) == "redis://b/0"


def test_disabled_means_neither_cache_nor_broker() -> None:
    environ = {"REDIS_URL": "disabled", "REDIS_HOST": "a"}
    assert cache_url(environ) == limits_url(environ) == DISABLED
    assert broker_url(environ) == "memory://"


def test_a_whole_url_wins() -> None:
    assert cache_url({"REDIS_URL": "redis://a/1", "REDIS_HOST": "b"}) == "redis://a/1"


def test_the_broker_is_the_cache_server_unless_named() -> None:
    environ = {"REDIS_URL": "unix:///run/redis.sock?db=2"}
    assert broker_url(environ) == "redis+socket:///run/redis.sock?virtual_host=2"
    assert broker_url(environ | {"CELERY_BROKER_URL": "redis://b/0"}) == "redis://b/0"
    environ = {"REDIS_URL": "unix://ann:p%40@/run/redis.sock"}
    assert broker_url(environ) == "redis+socket://ann:p%40@/run/redis.sock?virtual_host=0"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "http://localhost"),
        ("REDIS_URL", "redis://localhost/0?socket_timeout=60"),
        ("REDIS_PORT", "many"),
        ("REDIS_DB", "-1"),
        ("REDIS_TLS", "perhaps"),
        ("CELERY_BROKER_URL", "amqp://localhost"),
    ],
)
def test_what_is_malformed_is_named(name: str, value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=name):
        broker_url({name: value})
