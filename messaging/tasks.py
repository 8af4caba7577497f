"""Doorbells of the engine: each may be lost or doubled, and the sweep rings what was lost."""

from celery import shared_task

from messaging import services
from rediskit.doorbell import ring, ring_senders


@shared_task
def expand(broadcast_id: int) -> None:
    chunk = services.expand_chunk(broadcast_id=broadcast_id)
    if chunk is None:
        return
    ring_senders(send_next)
    if not chunk.done:
        ring(expand, broadcast_id)
    else:
        services.complete_broadcast(broadcast_id=broadcast_id)


@shared_task
def send_next() -> None:
    if services.send_batches():
        ring(send_next)


@shared_task
def settle(broadcast_id: int) -> None:
    if services.settle_batches(broadcast_id=broadcast_id):
        ring(settle, broadcast_id)


@shared_task
def apply_events() -> None:
    if services.apply_stored_events():
        ring(apply_events)


@shared_task
def look_up_reports() -> None:
    services.look_up_reports()


@shared_task
def close_unknown() -> None:
    services.close_unknown()


@shared_task
def apply_inbound() -> None:
    taken = services.apply_stored_inbound()
    if taken.answered:
        ring_senders(send_next)
    if taken.more:
        ring(apply_inbound)


@shared_task
def sweep() -> None:
    findings = services.sweep_messaging()
    for broadcast_id in findings.expand:
        ring(expand, broadcast_id)
    if findings.send:
        ring_senders(send_next)
    if findings.apply:
        ring(apply_events)
