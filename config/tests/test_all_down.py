"""Everything was down while much came due; then it all comes back at once, and several of each."""

import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from accounts.tests.factories import make_business
from campaigns.models import Campaign, CampaignRun
from campaigns.tests.factories import make_due, make_series
from config.celery import app
from config.embedded import programs
from config.embedded.fixtures import SimulatedGateway, _broker
from config.embedded.layout import DataFolder
from config.embedded.service import Service
from config.embedded.supervisor import Supervisor
from messaging.models import Broadcast, Message
from messaging.services.counting import wrong_counters
from messaging.tests.factories import make_contacts
from messaging.tests.simulated import wait_for

pytestmark = pytest.mark.django_db(transaction=True)

TICK = app.conf.beat_schedule["launch due campaigns"]["schedule"]


def several(environment: dict[str, str], folder: Path) -> list[Service]:
    """Two workers and, as after a deployment gone wrong, two beats."""
    services = []
    for name in ("one", "other"):
        data = folder / name
        data.mkdir()
        worker = programs.worker(environment)
        worker = replace(worker, command=(*worker.command, "-n", f"{name}@%h"))
        beat = programs.beat(environment, DataFolder.of(data))
        services += [replace(service, name=f"{service.name} {name}") for service in (worker, beat)]
    return services


def test_fifty_campaigns_start_once_each(
    program_environment: dict[str, str],
    simulated_gateway: SimulatedGateway,
    supervisor: Supervisor,
    tmp_path: Path,
) -> None:
    for number in range(25):
        ago = timedelta(minutes=14 * number + 1)
        for make in (make_due, make_series):
            business = make_business(time_zone="UTC")
            make_contacts(business, 1)
            planned = {"scheduled_at": timezone.now() - ago} if make is make_due else {"ago": ago}
            make(business, contacts=0, **planned)
    _broker().flushdb()

    supervisor.start(several(program_environment, tmp_path))
    wait_for(lambda: Message.objects.filter(status="sent").count() >= 50, seconds=180)
    time.sleep(2 * TICK)  # and goes on to tick

    assert simulated_gateway.counts()["accepted"] == 50
    assert simulated_gateway.counts()["max_per_destination"] == 1
    assert Broadcast.objects.count() == Message.objects.count() == 50
    runs = CampaignRun.objects.values_list("campaign", flat=True)
    assert sorted(runs) == sorted(Campaign.objects.values_list("pk", flat=True))
    assert list(wrong_counters()) == []
