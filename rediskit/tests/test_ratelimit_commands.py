"""What an operator does for somebody who is locked out."""

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from rediskit.ratelimits import count


def shown(capsys: pytest.CaptureFixture[str], value: str = "ann@example.com") -> str:
    call_command("ratelimit_show", "login:email", value)
    return capsys.readouterr().out


def test_shows_how_far_a_limit_is_used_up(capsys: pytest.CaptureFixture[str]) -> None:
    assert "nothing counted" in shown(capsys)
    for _ in range(3):
        usage = count("login:email", "ann@example.com")
    assert "3 of 10 counted, 7 left, anew in" in shown(capsys, " Ann@Example.com")
    assert usage.key in shown(capsys)
    for _ in range(9):
        count("login:email", "ann@example.com")
    assert "12 of 10 counted, refused for" in shown(capsys)


def test_showing_counts_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        call_command("ratelimit_show", "login:ip", "192.0.2.7")
    assert count("login:ip", "192.0.2.7").count == 1


@pytest.mark.parametrize("spelling", ["2001:db8:1:2::", "2001:DB8:1:2:3:4:5:6"])
def test_lets_somebody_in_again(capsys: pytest.CaptureFixture[str], spelling: str) -> None:
    for _ in range(21):
        count("login:ip", "2001:db8:1:2::")

    call_command("ratelimit_reset", "login:ip", spelling)
    assert "counts from 0 again" in capsys.readouterr().out
    assert count("login:ip", "2001:db8:1:2::").count == 1

    call_command("ratelimit_reset", "login:ip", "192.0.2.8")
    assert "nothing was counted" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("scope", "value", "message"),
    [("log-in", "192.0.2.7", "invalid choice"), ("login:ip", "example.com", "no IP address")],
)
def test_mistakes_are_named(scope: str, value: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        call_command("ratelimit_show", scope, value)


def test_without_redis_it_says_where_counting_goes_on(settings: Settings) -> None:
    here = {**settings.CACHES["ratelimit"], "LOCATION": "disabled"}
    settings.CACHES = {**settings.CACHES, "ratelimit": here}
    with pytest.raises(CommandError, match="each web process counts by itself"):
        call_command("ratelimit_reset", "login:ip", "192.0.2.7")
