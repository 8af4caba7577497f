"""Clients of a real web server: managers of two businesses with campaigns to send."""

import http.client
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.db import connections
from django.utils import timezone

from accounts import tokens
from accounts.models import Business, User
from accounts.services.businesses import open_business
from benchmarks._stage import insert_contacts
from campaigns.models import Campaign
from campaigns.services import create_campaign

READERS = 4
NO_ANSWER = 599  # counts as an error of the server


@dataclass(frozen=True)
class Answer:
    """`began` by the monotonic clock; the path tells reads from writes."""

    path: str
    began: float
    took: float
    status: int
    cache: str | None

    @property
    def ended(self) -> float:
        return self.began + self.took

    @property
    def is_read(self) -> bool:
        return self.cache is not None


class Manager:
    """Of a business of their own, whose campaigns go to so many contacts."""

    def __init__(self, url: str, *, contacts: int) -> None:
        self._place = urlsplit(url)
        self.contacts = contacts
        self._user = User.objects.create_user(f"{uuid.uuid4()}@example.com")
        self.business: Business = open_business(owner=self._user, name="Bench").business
        insert_contacts(self.business.pk, contacts)

    def log_in(self) -> None:
        access = tokens.sign_access(user_id=self._user.pk, family=uuid.uuid4(), now=timezone.now())
        self._headers = {"Authorization": f"Bearer {access}", "Content-Type": "application/json"}

    def draft(self, text: str) -> Campaign:
        return create_campaign(
            business=self.business, created_by=self._user, name=text[:50], text=text
        )

    def ask(self, method: str, path: str, **body: str) -> Answer:
        host, port = self._place.hostname or "", self._place.port
        connection = http.client.HTTPConnection(host, port, timeout=60)
        status, cache = NO_ANSWER, None
        began = time.monotonic()
        try:
            connection.request(method, f"/api/v1/{path}", json.dumps(body), self._headers)
            response = connection.getresponse()
            response.read()
            status, cache = response.status, response.headers["X-Cache"]
        except (OSError, http.client.HTTPException):
            pass
        finally:
            took = time.monotonic() - began
            connection.close()
        return Answer(path, began, took, status, cache)


@dataclass
class Site:
    """One manager sends to many and works meanwhile; the other sends to one, again and again.

    So there are requests that meet the cache (reading, renaming), the limits (logging out), and
    cache and broker (sending).
    """

    large: Manager
    small: Manager
    answers: list[Answer] = field(default_factory=list)
    sent: list[tuple[Manager, Campaign]] = field(default_factory=list)

    @property
    def due(self) -> int:
        """How many messages that makes."""
        return sum(manager.contacts for manager, _ in self.sent)

    def begin(self) -> None:
        self.answers, self.sent = [], []
        self._draft = self.large.draft("Never sent")
        for manager in (self.large, self.small):
            manager.log_in()

    def send(self, manager: Manager) -> Answer:
        campaign = manager.draft(f"Hello, this is number {uuid.uuid4()}")
        answer = manager.ask("POST", f"campaigns/{campaign.pk}/send/")
        if answer.status < 300:
            self.sent.append((manager, campaign))
        return answer

    def read(self) -> Answer:
        return self.large.ask("GET", "campaigns/")

    def rename(self) -> Answer:
        name = f"at {time.monotonic()}"
        return self.large.ask("PATCH", f"campaigns/{self._draft.pk}/", name=name)

    def log_out(self) -> Answer:
        return self.large.ask("POST", "auth/logout/")

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Everybody works, with a pause after each answer."""
        done = threading.Event()

        def work(ask: Callable[[], Answer], pause: float) -> None:
            try:
                while not done.wait(pause):
                    self.answers.append(ask())
            finally:
                connections.close_all()

        with ThreadPoolExecutor(READERS + 3) as executor:
            working = [executor.submit(work, self.read, 0.1) for _ in range(READERS)]
            working.append(executor.submit(work, self.rename, 0.3))
            working.append(executor.submit(work, self.log_out, 0.3))
            working.append(executor.submit(work, lambda: self.send(self.small), 1))
            try:
                yield
            finally:
                done.set()
        for each in working:
            each.result()
