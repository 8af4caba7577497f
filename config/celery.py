"""The Celery app and its static beat schedule of ticks: each may be lost or doubled."""

import os
from contextlib import suppress
from typing import Any, Self

from celery import Celery
from celery.signals import beat_init, celeryd_init, task_postrun, task_prerun
from django.db import close_old_connections
from kombu import Connection

from rediskit import connection, failover

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class BrokerConnection(Connection):
    """A worker whose broker was away is back within two seconds; Kombu would wait up to 30."""

    def ensure_connection(self, *args: Any, **kwargs: Any) -> Self:
        intervals = {"interval_start": 0.2, "interval_step": 0.6, "interval_max": 2}
        super().ensure_connection(*args, **(intervals | kwargs))
        return self


app = Celery("tapline")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.amqp.Connection = BrokerConnection

app.conf.broker_transport_options = connection.broker_options()


@celeryd_init.connect
def use_patient_connections(conf: Any = None, **_: Any) -> None:
    """A worker waits for its broker rather than to give up."""
    connection.use_patient_profile()
    conf.broker_transport_options = connection.broker_options()


@task_prerun.connect
@task_postrun.connect
def drop_dead_connections(**_: Any) -> None:
    """What Django does around a request: a connection that failed or is too old is closed."""
    close_old_connections()


@beat_init.connect
def beat_at_once(**_: Any) -> None:
    """The first tick is an interval away; nobody should wait so long for a sign of life."""
    with suppress(failover.Away):
        failover.broker.call(app.send_task, "config.tasks.heartbeat")


def _tick(task: str, seconds: float) -> dict[str, Any]:
    # A tick that nobody took by the next one is worthless: it expires.
    return {"task": task, "schedule": seconds, "options": {"expires": seconds}}


app.conf.beat_schedule = {
    "launch due campaigns": _tick("campaigns.tasks.launch_due", 2),
    "send birthday messages": _tick("campaigns.tasks.send_birthday_messages", 60),
    "apply gateway events": _tick("messaging.tasks.apply_events", 2),
    "apply inbound messages": _tick("messaging.tasks.apply_inbound", 2),
    "sweep messaging": _tick("messaging.tasks.sweep", 10),
    "look up reports": _tick("messaging.tasks.look_up_reports", 10),
    "close what stays unknown": _tick("messaging.tasks.close_unknown", 600),
    "sweep imports": _tick("contacts.tasks.sweep_imports", 10),
    "forget sign-ups to confirm": _tick("contacts.tasks.forget_requests", 600),
    "replay invalidations": _tick("rediskit.tasks.replay_invalidations", 10),
    "reconcile campaigns": _tick("campaigns.tasks.reconcile", 10),
    "forget what has expired": _tick("accounts.tasks.forget_expired", 600),
    "beat": _tick("config.tasks.heartbeat", 10),
}
