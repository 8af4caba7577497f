"""Doorbells and ticks; each may be lost or doubled."""

from celery import shared_task

from campaigns import services
from messaging.tasks import expand, send_next
from rediskit.doorbell import ring, ring_senders


@shared_task
def launch_due() -> None:
    for broadcast_id in services.launch_due():
        ring(expand, broadcast_id)


@shared_task
def send_birthday_messages() -> None:
    for _ in services.send_birthday_messages():
        ring_senders(send_next)


@shared_task
def reconcile() -> None:
    services.reconcile()
