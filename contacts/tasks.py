"""Imports in the background. Both tasks may be lost, doubled or late without harm."""

from celery import shared_task

from contacts import selectors, services
from rediskit.doorbell import ring, waiting


@shared_task
def run_import(import_id: int) -> None:
    services.run_import(import_id=import_id)


@shared_task
def sweep_imports() -> None:
    """Ring again for imports whose ring was lost, or whose worker died."""
    if waiting("imports"):
        return  # the workers are only busy
    for import_id in selectors.due_imports():
        ring(run_import, import_id)
