import multiprocessing
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from pytest_django import Settings

from messaging.gateways import _gateway_of_process, get_gateway
from messaging.gateways.base import (
    CredentialsRefused,
    DeliveryStatus,
    FailureReason,
    LookupFailed,
    Outcome,
    OutgoingSms,
    RequestRefused,
    SendResult,
)
from messaging.tests.mitto import make_gateway, make_sms


def accepted(simulator: httpx2.Client) -> int:
    count = simulator.get("/counts").json()["accepted"]
    assert isinstance(count, int)
    return count


def test_accepted_messages_have_an_id_each(simulator: httpx2.Client) -> None:
    gateway = make_gateway(simulator.base_url)
    for batch_size in (1, 500):
        batch = [make_sms(f"+3069400{n:05}") for n in range(batch_size)]
        results = gateway.send_batch(batch)
        assert {result.outcome for result in results} == {Outcome.ACCEPTED}
        assert len({result.gateway_message_id for result in results}) == batch_size
    assert accepted(simulator) == 501


def test_no_messages_no_call() -> None:
    assert make_gateway("http://127.0.0.1:1").send_batch([]) == []


def test_lookup_tells_what_was_sent(simulator: httpx2.Client) -> None:
    gateway = make_gateway(simulator.base_url)
    [result] = gateway.send_batch([make_sms()])
    found = gateway.lookup(result.gateway_message_id)
    assert found is not None
    # As it is documented: without the destination.
    assert (found.text, found.sender, found.destination) == ("Γειά 😀", "Shop", None)
    assert found.status in {DeliveryStatus.SENT, DeliveryStatus.DELIVERED}


@pytest.mark.parametrize("unknown", ["nope", "../../livez", "a/b?c#d", "😀", "%00"])
def test_lookup_of_an_unknown_id(simulator: httpx2.Client, unknown: str) -> None:
    assert make_gateway(simulator.base_url).lookup(unknown) is None


def test_a_lost_reply_is_uncertain(simulator: httpx2.Client) -> None:
    simulator.post("/settings", json={"SIM_LOST_REPLY_RATE": 1})
    results = make_gateway(simulator.base_url).send_batch([make_sms(), make_sms(text="b")])
    expected = (Outcome.UNCERTAIN, FailureReason.CONNECTION_RESET)
    assert [(result.outcome, result.reason) for result in results] == [expected] * 2
    assert accepted(simulator) == 2


def test_a_503_is_uncertain(simulator: httpx2.Client) -> None:
    simulator.post("/settings", json={"SIM_ERROR_RATE": 1})
    [result] = make_gateway(simulator.base_url).send_batch([make_sms()])
    assert result == SendResult.uncertain(FailureReason.GATEWAY_ERROR, "HTTP 503")


def test_a_slow_gateway_is_uncertain(simulator: httpx2.Client) -> None:
    simulator.post("/settings", json={"SIM_LATENCY_MS": 60_000})
    [result] = make_gateway(simulator.base_url, deadline=2).send_batch([make_sms()])
    assert (result.outcome, result.reason) == (Outcome.UNCERTAIN, FailureReason.TIMEOUT)


def test_refused_entries_spare_their_neighbours(simulator: httpx2.Client) -> None:
    simulator.post("/settings", json={"SIM_REFUSE_RATE": 0.5, "SIM_SEED": 1})
    results = make_gateway(simulator.base_url).send_batch([make_sms()] * 100)
    refused = [result for result in results if result.outcome is Outcome.REFUSED]
    assert {result.reason for result in refused} == {FailureReason.INVALID_NUMBER}
    assert 20 < len(refused) < 80
    assert accepted(simulator) == 100 - len(refused)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (make_sms(destination="123"), FailureReason.INVALID_NUMBER),
        (make_sms(sender="no such sender"), FailureReason.INVALID_SENDER),
        (make_sms(text=" "), FailureReason.INVALID_TEXT),
    ],
)
def test_one_bad_message_refuses_the_request(
    simulator: httpx2.Client, bad: OutgoingSms, reason: FailureReason
) -> None:
    with pytest.raises(RequestRefused) as caught:
        make_gateway(simulator.base_url).send_batch([make_sms(), bad])
    assert caught.value.reason == reason
    assert accepted(simulator) == 0


def test_a_wrong_key_is_told_apart(simulator: httpx2.Client) -> None:
    simulator.post("/settings", json={"SIM_API_KEY": "right"})
    wrong = make_gateway(simulator.base_url, key="wrong")
    with pytest.raises(CredentialsRefused):
        wrong.send_batch([make_sms()])
    with pytest.raises(CredentialsRefused):
        wrong.lookup("any")
    [result] = make_gateway(simulator.base_url, key="right").send_batch([make_sms()])
    assert result.outcome is Outcome.ACCEPTED


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:1", "http://nowhere.invalid"])
def test_without_a_connection_nothing_was_accepted(base_url: str) -> None:
    gateway = make_gateway(base_url)
    [result] = gateway.send_batch([make_sms()])
    expected = (Outcome.NOT_ACCEPTED, FailureReason.UNREACHABLE)
    assert (result.outcome, result.reason) == expected
    with pytest.raises(LookupFailed):
        gateway.lookup("any")


@pytest.mark.parametrize("base_url", ["", "messaging.example", "ftp://a.example", "http://"])
def test_a_wrong_address_is_refused_at_once(base_url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        make_gateway(base_url)


def test_a_key_no_header_can_carry_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="API key"):
        make_gateway("http://a.example", key="κλειδί")


def test_a_forked_process_has_a_gateway_of_its_own(
    simulator: httpx2.Client, settings: Settings
) -> None:
    """Connections and event loops belong to one thread of one process."""
    settings.MITTO_API_BASE = str(simulator.base_url)

    def send_one() -> None:
        [result] = get_gateway().send_batch([make_sms()])
        assert result.outcome is Outcome.ACCEPTED

    _gateway_of_process.cache_clear()
    try:
        send_one()
        context = multiprocessing.get_context("fork")
        children = [context.Process(target=send_one) for _ in range(2)]
        for child in children:
            child.start()
            send_one()
        for child in children:
            child.join(timeout=60)
        send_one()
    finally:
        _gateway_of_process.cache_clear()
    assert [child.exitcode for child in children] == [0, 0]
    assert accepted(simulator) == 6


def test_threads_do_not_disturb_each_other(simulator: httpx2.Client) -> None:
    gateway = make_gateway(simulator.base_url)
    with ThreadPoolExecutor(4) as pool:
        batches = list(pool.map(gateway.send_batch, [[make_sms()]] * 40))
    assert {result.outcome for [result] in batches} == {Outcome.ACCEPTED}
    assert accepted(simulator) == 40
