import socket
import time
from collections.abc import Callable

import httpx2
import orjson
import pytest

from messaging.tests.simulated import BULK, PHONE, SEND, counts, element, send, wait_for


def test_single_send_and_look_up(simulator: httpx2.Client) -> None:
    [entry] = simulator.post(SEND, json=element()).json()["messages"]
    assert entry["trafficAccountId"] == "acc"
    found = simulator.get(f"/api/v1.1/Messages/{entry['messageId']}").json()
    assert found["text"] == "Hello"
    assert found["sender"] == "Shop"
    assert "destination" not in found, "Mitto's documented answer names none"
    assert found["deliveryStatus"] == "Delivered"
    assert {"createdAt", "updatedAt", "description", "messageParts", "reference"} < set(found)


def test_look_up_before_the_report_is_due(simulator: httpx2.Client) -> None:
    simulator.post("/settings", json={"SIM_REPORT_DELAY_MS": 60_000})
    [entry] = send(simulator, element())
    found = simulator.get(f"/api/v1.1/Messages/{entry['messageId']}").json()
    assert found["deliveryStatus"] == "Sent"


def test_ids_die_with_a_reset(simulator: httpx2.Client) -> None:
    [entry] = send(simulator, element())
    simulator.post("/reset")
    send(simulator, element())
    assert simulator.get(f"/api/v1.1/Messages/{entry['messageId']}").status_code == 404


@pytest.mark.parametrize("spelling", [str.upper, lambda known: known + "_", lambda known: "+1"])
def test_only_the_exact_id_is_known(
    simulator: httpx2.Client, spelling: Callable[[str], str]
) -> None:
    known = send(simulator, *[element()] * 11)[10]["messageId"]
    assert simulator.get(f"/api/v1.1/Messages/{spelling(known)}").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"messages": []}',
        b'{"messages": 5}',
        b'{"messages": [5]}',
        orjson.dumps({"messages": [element(), element(destination="0030694")]}),
        orjson.dumps({"messages": [element(), element(destination="+30694\u0660000001")]}),
        orjson.dumps({"messages": [element(), element(text="")]}),
        orjson.dumps({"messages": [element(), element(sender="ab")]}),
        orjson.dumps({"messages": [element(), element(sender="twelve chars")]}),
        orjson.dumps({"messages": [element(), element() | {"trafficAccountId": None}]}),
    ],
)
def test_one_bad_element_refuses_the_whole(simulator: httpx2.Client, body: bytes) -> None:
    response = simulator.post(BULK, content=body)
    assert response.status_code == 400
    assert response.json()["errorMessage"]
    assert counts(simulator)["accepted"] == 0


def test_a_key_is_checked_only_on_mittos_side(simulator: httpx2.Client) -> None:
    simulator.post("/settings", json={"SIM_API_KEY": "right"})
    assert simulator.post(BULK, json={"messages": [element()]}).status_code == 401
    assert simulator.get("/livez").status_code == 200
    headers = {"X-Mitto-API-Key": "right"}
    response = simulator.post(BULK, json={"messages": [element()]}, headers=headers)
    assert response.status_code == 200


def test_by_prefix(simulator: httpx2.Client) -> None:
    send(
        simulator,
        element("+3069410001"),
        element("+3069410001", "Other"),
        element("+14155550100"),
    )
    send(simulator, element("3069410001"))
    expected = {"accepted": 3, "destinations": 1, "max_per_destination": 3, "duplicates": 1}
    for spelling in ("+3069", "%2B3069", "3069"):
        assert counts(simulator, spelling).items() >= expected.items()
    assert counts(simulator)["accepted"] == 4
    assert simulator.get("/counts").json()["destinations"] == 2
    assert counts(simulator, "+999")["max_per_destination"] == 0


def test_reset_forgets_the_messages_and_keeps_the_settings(simulator: httpx2.Client) -> None:
    simulator.post("/settings", json={"SIM_LATENCY_MS": 1})
    send(simulator, element())
    simulator.post("/reset")
    send(simulator, element())
    assert (counts(simulator)["accepted"], counts(simulator)["duplicates"]) == (1, 0)
    assert simulator.get("/settings").json()["SIM_LATENCY_MS"] == 1


def test_a_lost_reply_was_accepted(simulator: httpx2.Client) -> None:
    simulator.post("/settings", json={"SIM_LOST_REPLY_RATE": 1})
    with pytest.raises(httpx2.RemoteProtocolError):
        simulator.post(SEND, json=element())
    assert counts(simulator).items() >= {"accepted": 1, "lost_replies": 1, "errors": 0}.items()
    assert simulator.get("/accepted").json() == [PHONE]


def test_an_error_was_not(simulator: httpx2.Client) -> None:
    simulator.post("/settings", json={"SIM_ERROR_RATE": 1})
    assert simulator.post(SEND, json=element()).status_code == 503
    assert counts(simulator).items() >= {"accepted": 0, "lost_replies": 0, "errors": 1}.items()
    assert simulator.get("/accepted").json() == []


def test_a_caller_that_is_gone_was_accepted_nonetheless(simulator: httpx2.Client) -> None:
    simulator.post("/settings", json={"SIM_LATENCY_MS": 300})
    body = orjson.dumps(element())
    head = f"POST {SEND} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    address = (simulator.base_url.host, simulator.base_url.port or 80)
    with socket.create_connection(address) as caller:
        caller.sendall(head + body)
    wait_for(lambda: counts(simulator)["accepted"] == 1)


def test_refusals_are_per_message(simulator: httpx2.Client) -> None:
    simulator.post("/settings", json={"SIM_REFUSE_RATE": 1})
    entries = send(simulator, element(), element())
    assert [set(entry) for entry in entries] == [
        {"trafficAccountId", "errorCode", "errorMessage"}
    ] * 2
    assert simulator.post(SEND, json=element()).status_code == 400
    assert counts(simulator).items() >= {"accepted": 0, "refused": 3, "destinations": 0}.items()


def test_a_seed_repeats_the_dice(simulator: httpx2.Client) -> None:
    runs = []
    for _ in range(2):
        simulator.post("/settings", json={"SIM_SEED": 5, "SIM_REFUSE_RATE": 0.5})
        runs.append(["messageId" in entry for entry in send(simulator, *[element()] * 50)])
    assert runs[0] == runs[1]
    assert len(set(runs[0])) == 2


def test_latency(simulator: httpx2.Client) -> None:
    simulator.post("/settings", json={"SIM_LATENCY_MS": 200})
    started = time.monotonic()
    send(simulator, element())
    assert time.monotonic() - started >= 0.2
