"""The real web server on Redis addresses of a test's choice, and a manager who uses it."""

import http.client
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.utils import timezone

from accounts import tokens
from accounts.models import Business
from accounts.tests.factories import make_business, make_member
from campaigns.models import Campaign
from campaigns.tests.factories import make_campaign
from config.embedded import programs
from config.embedded.layout import DataFolder
from config.embedded.supervisor import Supervisor

ADDRESSES = ("REDIS_URL", "CELERY_BROKER_URL", "RATELIMIT_REDIS_URL")


@dataclass(frozen=True)
class Answer:
    status: int
    cache: str | None


@dataclass(frozen=True)
class Manager:
    """Of a business with three contacts and one campaign."""

    url: str
    business: Business
    campaign: Campaign
    authorization: str

    def get(self, path: str) -> Answer:
        return self._ask("GET", path)

    def post(self, path: str, **body: str) -> Answer:
        return self._ask("POST", path, json.dumps(body))

    def read_list(self) -> Answer:
        return self.get("campaigns/")

    def log_in_in_vain(self) -> Answer:
        return self.post("auth/login/", email="ann@example.com", password="wrong")

    def send(self) -> Answer:
        return self.post(f"campaigns/{self.campaign.pk}/send/")

    def is_completed(self) -> bool:
        """The campaign."""
        self.campaign.refresh_from_db()
        return bool(self.campaign.status == Campaign.Status.COMPLETED)

    def _ask(self, method: str, path: str, body: str | None = None) -> Answer:
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        headers = {"Authorization": self.authorization, "Content-Type": "application/json"}
        connection.request(method, f"/api/v1/{path}", body, headers)
        response = connection.getresponse()
        response.read()
        connection.close()
        return Answer(response.status, response.headers["X-Cache"])


class Installation:
    """Web, and workers and beat if asked for, all on the same addresses."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, data: Path
    ) -> None:
        self._monkeypatch = monkeypatch
        self._request = request
        self._data = DataFolder.of(data)

    @property
    def supervisor(self) -> Supervisor:
        supervisor: Supervisor = self._request.getfixturevalue("supervisor")
        return supervisor

    def start(self, **environ: str) -> Manager:
        """The web server, with nothing said of Redis but this."""
        for name in ADDRESSES:
            self._monkeypatch.delenv(name, raising=False)
        for name, value in environ.items():
            self._monkeypatch.setenv(name, value)
        url: str = self._request.getfixturevalue("live_web")
        business = make_business()
        member = make_member(business)
        access = tokens.sign_access(user_id=member.pk, family=uuid.uuid4(), now=timezone.now())
        return Manager(url, business, make_campaign(business, contacts=3), f"Bearer {access}")

    def start_work(self) -> None:
        environment = self._request.getfixturevalue("program_environment")
        worker, beat = programs.worker(environment), programs.beat(environment, self._data)
        self.supervisor.start([worker, beat])

    def wait_for(self, condition: Callable[[], bool], *, seconds: float) -> None:
        """What ends meanwhile is started again, as ever."""
        began = time.monotonic()
        self.supervisor.run_while(lambda: not condition() and time.monotonic() - began < seconds)
        assert condition(), f"it did not come to pass in {seconds} s"


@pytest.fixture
def installation(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, tmp_path: Path
) -> Installation:
    return Installation(monkeypatch, request, tmp_path)
