import time
from collections import Counter

import httpx2
import pytest

from messaging.tests.simulated import (
    SEND,
    counts,
    element,
    receiving,
    send,
    wait_for,
)


def test_every_message_is_reported_once(simulator: httpx2.Client) -> None:
    with receiving() as receiver:
        settings = {"SIM_REPORT_URL": receiver.url, "SIM_REPORT_SECRET": "s3cret"}
        simulator.post("/settings", json=settings | {"SIM_UNDELIVERED_RATE": 0.5})
        entries = send(simulator, *[element(f"+3069400{n:05}") for n in range(1200)])
        wait_for(lambda: len(receiver.reports()) == 1200)
    reports = receiver.reports()
    assert {one["messageId"] for one in reports} == {one["messageId"] for one in entries}
    assert max(len(post) for post in receiver.posts) <= 500
    assert set(receiver.secrets) == {"s3cret"}
    words = Counter(one["deliveryStatus"] for one in reports)
    counted = counts(simulator)
    assert words == {
        "Delivered": counted["delivered"],
        "Failure": counted["undelivered"],
    }
    assert 400 < words["Failure"] < 800
    assert all(one["updatedAt"].endswith("Z") and one["description"] for one in reports)


def test_reports_are_repeated_until_taken(simulator: httpx2.Client) -> None:
    with receiving() as receiver:
        receiver.answers = [503, 401, 302]
        simulator.post("/settings", json={"SIM_REPORT_URL": receiver.url})
        send(simulator, element())
        wait_for(lambda: len(receiver.reports()) == 1)
        assert len(receiver.secrets) == 4


def test_reports_wait_for_an_address(simulator: httpx2.Client) -> None:
    send(simulator, element())
    assert counts(simulator)["delivered"] == 0
    with receiving() as receiver:
        simulator.post("/settings", json={"SIM_REPORT_URL": receiver.url})
        wait_for(lambda: len(receiver.reports()) == 1)


def test_reports_wait_for_a_receiver_that_is_away(simulator: httpx2.Client) -> None:
    simulator.post("/settings", json={"SIM_REPORT_URL": "http://127.0.0.1:1/"})
    send(simulator, element())
    wait_for(lambda: counts(simulator)["delivered"] == 1)
    with receiving() as receiver:
        simulator.post("/settings", json={"SIM_REPORT_URL": receiver.url})
        wait_for(lambda: len(receiver.reports()) == 1)


def test_a_lost_reply_is_reported_too(simulator: httpx2.Client) -> None:
    with receiving() as receiver:
        settings = {"SIM_REPORT_URL": receiver.url, "SIM_LOST_REPLY_RATE": 1}
        simulator.post("/settings", json=settings)
        with pytest.raises(httpx2.RemoteProtocolError):
            simulator.post(SEND, json=element())
        wait_for(lambda: len(receiver.reports()) == 1)


def test_reports_come_after_their_delay(simulator: httpx2.Client) -> None:
    with receiving() as receiver:
        settings = {"SIM_REPORT_URL": receiver.url, "SIM_REPORT_DELAY_MS": 400}
        simulator.post("/settings", json=settings)
        started = time.monotonic()
        send(simulator, element())
        wait_for(lambda: len(receiver.reports()) == 1)
        assert time.monotonic() - started >= 0.4


def test_a_report_does_not_wait_behind_one_that_is_due_later(simulator: httpx2.Client) -> None:
    with receiving() as receiver:
        settings = {"SIM_REPORT_URL": receiver.url, "SIM_REPORT_DELAY_MS": 3_600_000}
        simulator.post("/settings", json=settings)
        send(simulator, element())
        simulator.post("/settings", json={"SIM_REPORT_DELAY_MS": 0})
        [overtaking] = send(simulator, element(text="overtakes"))
        wait_for(lambda: len(receiver.reports()) == 1)
    assert [one["messageId"] for one in receiver.reports()] == [overtaking["messageId"]]


def test_a_reset_forgets_reports_on_their_way(simulator: httpx2.Client) -> None:
    simulator.post("/settings", json={"SIM_REPORT_URL": "http://127.0.0.1:1/"})
    send(simulator, element())
    wait_for(lambda: counts(simulator)["delivered"] == 1)
    simulator.post("/reset")
    with receiving() as receiver:
        simulator.post("/settings", json={"SIM_REPORT_URL": receiver.url})
        [entry] = send(simulator, element())
        wait_for(lambda: len(receiver.reports()) == 1)
        time.sleep(0.3)
    assert [one["messageId"] for one in receiver.reports()] == [entry["messageId"]]
