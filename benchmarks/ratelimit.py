"""What a limit costs: microseconds against one PING, and round trips as Redis sees them.

python3 run.py bench ratelimit [--times 2000]
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks import _stage

_stage.set_up()

import redis  # noqa: E402 - only after the set-up
from django.conf import settings  # noqa: E402
from django.test import Client  # noqa: E402

from accounts.models import User  # noqa: E402
from rediskit.connection import client  # noqa: E402
from rediskit.ratelimits import count, give_back  # noqa: E402

PASSWORD = "correct horse battery"  # noqa: S105


def microseconds(function: Callable[[int], object], times: int) -> float:
    """The median of one call, after a warm-up."""
    seconds = []
    for number in range(times + times // 10):
        started = time.perf_counter()
        function(number)
        seconds.append(time.perf_counter() - started)
    return round(statistics.median(seconds[times // 10 :]) * 1_000_000, 1)


@contextmanager
def recorded() -> Iterator[list[str]]:
    """The commands that clients sent meanwhile, by MONITOR: without those inside of scripts."""
    sent: list[str] = []
    watcher = redis.Redis.from_url(settings.LIMITS_REDIS_URL)
    with watcher.monitor() as monitor:  # type: ignore[no-untyped-call]
        yield sent
        client(settings.LIMITS_REDIS_URL).echo("the end")
        while "the end" not in (command := monitor.next_command())["command"]:
            if command["client_type"] != "lua":
                sent.append(command["command"].split()[0])


def round_trips(function: Callable[[], object]) -> str:
    function()  # connects
    with recorded() as sent:
        function()
    return f"{len(sent)} ({', '.join(sent) or 'none'})"


def post(path: str, body: dict[str, str], *, status: int) -> None:
    """From one address: every count but those of the warm-up is a further one."""
    answer = Client(SERVER_NAME="localhost").post(
        f"/api/v1/auth/{path}/", body, content_type="application/json"
    )
    assert answer.status_code == status, answer.content


def measure(times: int) -> dict[str, object]:
    server = client(settings.LIMITS_REDIS_URL)
    User.objects.create_user("bench@example.com", PASSWORD)
    wrong = {"email": "nobody@example.com", "password": "wrong"}
    right = {"email": "bench@example.com", "password": PASSWORD}
    settings.RATE_LIMITS["login:email"] = (1_000_000, 600)
    ping = microseconds(lambda _: server.ping(), times)
    first = microseconds(lambda number: count("login:ip", f"first {number}"), times)
    again = microseconds(lambda _: count("login:ip", "again"), times)
    return {
        "ping_us": ping,
        "first_count_us": first,
        "further_count_us": again,
        "further_count_in_pings": round(again / ping, 2),
        "first_count_round_trips": round_trips(
            lambda: count("login:ip", f"new {time.monotonic_ns()}")
        ),
        "further_count_round_trips": round_trips(lambda: count("login:ip", "again")),
        "count_and_give_back_round_trips": round_trips(
            lambda: give_back([count("login:ip", "again")])
        ),
        "log_out_round_trips": round_trips(lambda: post("logout", {}, status=204)),
        "refused_log_in_round_trips": round_trips(lambda: post("login", wrong, status=401)),
        "log_in_round_trips": round_trips(lambda: post("login", right, status=200)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=2000)
    result = measure(parser.parse_args().times)
    for name, value in result.items():
        _stage.say(f"{name.replace('_', ' '):40} {value}")
    json.dump(result, sys.stdout, indent=2)


if __name__ == "__main__":
    main()
