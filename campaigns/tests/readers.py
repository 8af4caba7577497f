"""Readers that stop in the middle, and a cache that is away for a while."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from django.db import connection
from django.test import override_settings

from accounts.models import User
from accounts.tests.factories import api_client
from rediskit import failover


class PausedReader:
    """A request that stops after one of its queries, until it is told to go on."""

    def __init__(self, user: User, url: str, query: int) -> None:
        self._user, self.url, self._query = user, url, query
        self._stopped, self._may_go_on = threading.Event(), threading.Event()
        self._queries = count(1)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._stopped.wait(30)

    def go_on(self) -> None:
        self._may_go_on.set()
        self._thread.join(30)
        assert self.status in {200, 404}  # a campaign may be deleted meanwhile

    def _run(self) -> None:
        try:
            with connection.execute_wrapper(self._pause):
                self.status = api_client(self._user).get(self.url).status_code
        finally:
            connection.close()
            self._stopped.set()

    def _pause(self, execute: Callable[..., Any], *query: Any) -> Any:
        result = execute(*query)
        if next(self._queries) == self._query:
            self._stopped.set()
            self._may_go_on.wait(30)
        return result


@contextmanager
def redis_away() -> Iterator[None]:
    circuit = failover.cache
    failover.cache = failover.Circuit("The cache of this test")
    try:
        with override_settings(REDIS_URL="unix:///nowhere/redis.sock"):
            yield
    finally:
        failover.cache = circuit
