from pathlib import Path

import pytest

from config.embedded import environment, servers
from config.embedded.addresses import with_database
from config.embedded.console import Failure
from config.embedded.layout import DataFolder

COMPLETE = {
    "PUBLIC_BASE_URL": "https://sms.example.com",
    "SECRET_KEY": "s",
    "MITTO_API_BASE": "https://messaging.mittoapi.com",
    "MITTO_API_KEY": "k",
    "MITTO_TRAFFIC_ACCOUNT_ID": "a",
    "MITTO_WEBHOOK_SECRET": "w",
}


@pytest.mark.parametrize(
    ("host", "base_url", "public"),
    [
        ("127.0.0.1", "", False),
        ("localhost", "http://127.0.0.1:8000", False),
        ("::1", "http://[::1]:8000", False),
        ("0.0.0.0", "", True),  # noqa: S104
        ("127.0.0.1", "https://sms.example.com", True),
        ("shop.local", "", True),
    ],
)
def test_public_is_whatever_reaches_beyond_this_machine(
    host: str, base_url: str, *, public: bool
) -> None:
    assert environment.is_public(host, {"PUBLIC_BASE_URL": base_url}) is public


@pytest.mark.parametrize("missing", COMPLETE)
def test_public_needs_every_secret_from_its_owner(missing: str) -> None:
    environment.refuse_demo_secrets(COMPLETE)

    with pytest.raises(Failure, match=missing) as refusal:
        environment.refuse_demo_secrets({**COMPLETE, missing: ""})

    assert refusal.value.exit_code == 2


def test_public_gets_no_value_of_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in COMPLETE.items():
        monkeypatch.setenv(name, value)
    for name in ("ALLOWED_HOSTS", "REGISTRATION", "DEFAULT_DAILY_CAP"):
        monkeypatch.delenv(name, raising=False)

    built = environment.build(
        DataFolder(tmp_path), url="http://127.0.0.1:8000", gateway_url="", public=True
    )

    assert COMPLETE.items() <= built.items()
    assert "sms.example.com" in built["ALLOWED_HOSTS"].split(",")
    assert not {"REGISTRATION", "DEFAULT_DAILY_CAP", "DEMO_ADMIN_PASSWORD"} & built.keys()
    assert list(tmp_path.iterdir()) == []


def test_demo_keeps_its_secrets_and_what_the_caller_chose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*COMPLETE, "ALLOWED_HOSTS", "REGISTRATION", "DEFAULT_DAILY_CAP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SEND_BATCH_SIZE", "50")
    data = DataFolder(tmp_path)

    built = environment.build(data, url="http://127.0.0.1:8000", gateway_url="http://127.0.0.1:1")

    assert built["MITTO_API_BASE"] == "http://127.0.0.1:1"
    assert (built["REGISTRATION"], built["SEND_BATCH_SIZE"]) == ("open", "50")
    assert len(built["SECRET_KEY"]) >= 50
    assert environment.demo_secrets(data)["secret_key"] == built["SECRET_KEY"]


@pytest.mark.parametrize(
    ("variables", "embedded"),
    [
        ({}, {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL"}),
        ({"DATABASE_URL": "postgresql://db/x"}, {"REDIS_URL", "CELERY_BROKER_URL"}),
        ({"REDIS_URL": "redis://cache/0"}, {"DATABASE_URL"}),
        ({"REDIS_HOST": "cache"}, {"DATABASE_URL"}),
        ({"REDIS_URL": "disabled"}, {"DATABASE_URL"}),
        ({"CELERY_BROKER_URL": "redis://broker/0"}, {"DATABASE_URL", "REDIS_URL"}),
    ],
)
def test_addresses_of_ones_own_replace_the_embedded_servers(
    tmp_path: Path, variables: dict[str, str], embedded: set[str]
) -> None:
    assert set(servers.addresses(DataFolder(tmp_path), variables)) == embedded


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://:pw@host:6379/0", "redis://:pw@host:6379/3"),
        ("rediss://host", "rediss://host/3"),
        ("unix:///run/redis.sock?db=0", "unix:///run/redis.sock?db=3"),
        ("redis+socket:///r.sock?virtual_host=0", "redis+socket:///r.sock?virtual_host=3"),
        ("postgresql://u@/tapline?host=/tmp/x", "postgresql://u@/3?host=/tmp/x"),
        ("postgresql://u:p@db:5432/tapline", "postgresql://u:p@db:5432/3"),
    ],
)
def test_same_server_with_another_database(url: str, expected: str) -> None:
    assert with_database(url, 3) == expected
