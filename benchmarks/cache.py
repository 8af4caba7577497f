"""What the cache saves: the list of campaigns from it, past it, and against a constant answer.

python3 run.py bench cache [--times 3000]

Requests go one after another through the whole of Django (middleware, authentication, permission),
without a web server or network, which would only add the same to all. The constant is the same
authenticated view with nothing to do. Kinds alternate with every request, so that a noisy machine
slows all; the median of each counts. Round trips are counted: SQL by Django, commands by Redis.
"""

import argparse
import json
import statistics
import sys
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from benchmarks import _stage

_stage.set_up()

import redis  # noqa: E402 - only after the set-up
from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.urls import include, path  # noqa: E402
from rest_framework.request import Request  # noqa: E402

from accounts import tokens  # noqa: E402
from accounts.models import User  # noqa: E402
from accounts.services.businesses import open_business  # noqa: E402
from campaigns.cache import campaigns_generation  # noqa: E402
from campaigns.models import Campaign, CampaignRun  # noqa: E402
from campaigns.views import CampaignViewSet  # noqa: E402
from messaging.models import Broadcast, BroadcastCounters  # noqa: E402
from rediskit.connection import client  # noqa: E402

CAMPAIGNS = 200


class Constant(CampaignViewSet):
    def list(self, request: Request) -> HttpResponse:
        return HttpResponse(b'{"count":0}', content_type="application/json")


urlpatterns = [
    path("constant/", Constant.as_view({"get": "list"})),
    path("", include("config.urls")),
]


class Browser:
    """A manager of a business with many campaigns."""

    def __init__(self) -> None:
        user = User.objects.create_user(f"{uuid.uuid4()}@example.com")
        self.business = open_business(owner=user, name="Bench").business
        access = tokens.sign_access(user_id=user.pk, family=uuid.uuid4(), now=datetime.now(UTC))
        self._client = Client(
            SERVER_NAME="localhost", headers={"authorization": f"Bearer {access}"}
        )

    def get(self, url: str, cache: str | None) -> None:
        answer = self._client.get(url)
        assert answer.status_code == 200, answer.content
        assert answer.headers.get("X-Cache") == cache, answer.headers

    def forget(self) -> None:
        client().unlink(campaigns_generation(self.business.pk))


def make_campaigns(browser: Browser) -> None:
    common = {"business": browser.business, "text": "Hi!"}
    campaigns = Campaign.objects.bulk_create(
        Campaign(name=f"Campaign {number}", **common) for number in range(CAMPAIGNS)
    )
    broadcasts = Broadcast.objects.bulk_create(
        Broadcast(sender="Bench", **common) for _ in campaigns
    )
    BroadcastCounters.objects.bulk_create(BroadcastCounters(broadcast=each) for each in broadcasts)
    pairs = zip(campaigns, broadcasts, strict=True)
    CampaignRun.objects.bulk_create(CampaignRun(campaign=one, broadcast=two) for one, two in pairs)


def kinds(browser: Browser) -> dict[str, tuple[Callable[[], object], Callable[[], None]]]:
    """Each: what comes before, untimed, and the request."""
    url = "/api/v1/campaigns/?with_stats=1"
    nothing = lambda: None  # noqa: E731
    return {
        "constant": (nothing, lambda: browser.get("/constant/", None)),
        "hit": (nothing, lambda: browser.get(url, "hit")),
        "miss": (browser.forget, lambda: browser.get(url, "miss")),
        "bypass": (nothing, lambda: browser.get(f"{url}&fresh=1", "bypass")),
    }


def round_trips(request: Callable[[], None], before: Callable[[], object]) -> dict[str, Any]:
    before()
    commands: list[str] = []
    client().ping()
    watcher: Any = redis.Redis.from_url(settings.REDIS_URL)
    with CaptureQueriesContext(connection) as queries, watcher.monitor() as monitor:
        request()
        client().echo("the end")
        while "the end" not in (command := monitor.next_command())["command"]:
            commands.append(command["command"].split()[0])
    return {"sql": len(queries), "redis_commands": commands}


def measure(times: int) -> dict[str, dict[str, Any]]:
    settings.ROOT_URLCONF = __name__
    browser = Browser()
    make_campaigns(browser)
    known = kinds(browser)
    known["miss"][1]()
    seconds: dict[str, list[float]] = {kind: [] for kind in known}
    for number in range(times + times // 10):
        for kind, (before, request) in known.items():
            before()
            started = time.perf_counter()
            request()
            if number >= times // 10:  # warm
                seconds[kind].append(time.perf_counter() - started)
    medians = {kind: statistics.median(each) for kind, each in seconds.items()}
    return {
        kind: {
            "requests_per_second": round(1 / medians[kind]),
            "of_constant": round(medians["constant"] / medians[kind], 2),
            **round_trips(request, before),
        }
        for kind, (before, request) in known.items()
    }


def report(results: dict[str, dict[str, Any]]) -> None:
    print(f"{'':>10} {'requests/s':>10} {'of constant':>12} {'SQL':>4}  Redis")
    for kind, each in results.items():
        print(
            f"{kind:>10} {each['requests_per_second']:>10,} {each['of_constant']:>12.2f} "
            f"{each['sql']:>4}  {' '.join(each['redis_commands']) or '-'}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="run.py bench cache", description=__doc__)
    parser.add_argument("--times", type=int, default=3000, help="requests of each kind")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    options = parser.parse_args()
    results = measure(options.times)
    if options.json:
        json.dump(results, sys.stdout)
    else:
        report(results)


if __name__ == "__main__":
    main()
