"""Imports in the background, and sweeps. Each may be lost, doubled or late without harm."""

from celery import shared_task

from contacts import selectors, services
from rediskit.doorbell import ring, waiting
from rediskit.failover import Away


@shared_task
def run_import(import_id: int) -> None:
    if services.run_import(import_id=import_id):
        ring(run_import, import_id)


@shared_task
def sweep_imports() -> None:
    """Ring again for imports whose ring was lost, or whose worker died."""
    due = selectors.due_imports()
    try:
        if waiting("imports") >= len(due):
            return  # the workers are only busy
    except Away:
        return  # nobody would hear the rings
    for import_id in due:
        ring(run_import, import_id)


@shared_task
def forget_requests() -> None:
    services.forget_requests()
