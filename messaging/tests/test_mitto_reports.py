import json
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.gateways.base import (
    DeliveryReport,
    DeliveryStatus,
    FailureReason,
    UnreadableBody,
    UnreadableElement,
)
from messaging.tests.mitto import make_gateway

GATEWAY = make_gateway("http://127.0.0.1:1")


def report(**fields: object) -> dict[str, object]:
    return {"messageId": "m1", "deliveryStatus": "Delivered", **fields}


def parse(content: object) -> list[DeliveryReport | UnreadableElement]:
    raw = content if isinstance(content, bytes) else orjson.dumps(content)
    return GATEWAY.parse_deliveries(raw)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Delivered", DeliveryStatus.DELIVERED),
        (" DELIVERED ", DeliveryStatus.DELIVERED),
        ("Failure", DeliveryStatus.UNDELIVERED),
        ("failed", DeliveryStatus.UNDELIVERED),
        ("Sent", DeliveryStatus.SENT),
        ("Pending", DeliveryStatus.SENT),
        ("Queued", DeliveryStatus.SENT),
    ],
)
def test_words(word: str, status: DeliveryStatus) -> None:
    [parsed] = parse(report(deliveryStatus=word))
    assert isinstance(parsed, DeliveryReport)
    assert parsed.status is status


def test_a_failure_has_a_reason_and_the_gateways_words() -> None:
    parsed = parse(
        [
            report(deliveryStatus="Failure", description="Absent\x00 subscriber"),
            report(deliveryStatus="Failure", description="Message Expired"),
            report(deliveryStatus="Failure", description="Unknown subscriber"),
            report(deliveryStatus="Failure", description="Call barred by operator"),
            report(deliveryStatus="Failure", description="System failure"),
            report(deliveryStatus="Failure", description={"no": "text"}),
        ]
    )
    assert [(one.reason, one.detail) for one in parsed if isinstance(one, DeliveryReport)] == [
        (FailureReason.ABSENT, "Absent  subscriber"),
        (FailureReason.EXPIRED, "Message Expired"),
        (FailureReason.INVALID_NUMBER, "Unknown subscriber"),
        (FailureReason.BLOCKED, "Call barred by operator"),
        (FailureReason.UNDELIVERABLE, "System failure"),
        (FailureReason.UNDELIVERABLE, ""),
    ]


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-03-01T10:00:00Z", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("2026-03-01T10:00:00.1234567+02:00", datetime(2026, 3, 1, 8, 0, 0, 123456, UTC)),
        ("2026-03-01T10:00:00", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
        (1700000000, None),
        (None, None),
    ],
)
def test_times(written: object, moment: datetime | None) -> None:
    [parsed] = parse(report(updatedAt=written))
    assert isinstance(parsed, DeliveryReport)
    assert parsed.occurred_at == moment


def test_a_bad_element_spares_its_neighbours() -> None:
    bad: list[object] = [
        None,
        5,
        "x",
        [],
        {},
        report(messageId=None),
        report(messageId="a\x00b"),
    ]
    bad += [report(deliveryStatus="Eaten"), report(deliveryStatus=None), {"messageId": "m"}]
    parsed = parse([report(), *bad, report(messageId=" M1 ")])
    assert isinstance(parsed[0], DeliveryReport)
    assert [one.index for one in parsed if isinstance(one, UnreadableElement)] == [
        *range(1, len(bad) + 1)
    ]
    assert isinstance(parsed[-1], DeliveryReport)
    assert parsed[-1].gateway_message_id == "M1"


@pytest.mark.parametrize(
    "spoilt", [rb'"\ud800"', b'"\xff"', b"NaN", b"1e999", b'{"a":' * 900 + b"1" + b"}" * 900]
)
def test_a_badly_encoded_element_spares_its_neighbours(spoilt: bytes) -> None:
    good = orjson.dumps(report())
    other = b'{"messageId": ' + spoilt + b', "deliveryStatus": "Delivered"}'
    parsed = parse(b"[" + good + b"," + other + b"," + good + b"]")
    assert [isinstance(one, DeliveryReport) for one in parsed][::2] == [True, True]


def test_five_hundred_at_once() -> None:
    parsed = parse([report(messageId=n) for n in range(500)])
    assert [one.gateway_message_id for one in parsed if isinstance(one, DeliveryReport)] == [
        str(n) for n in range(500)
    ]


@pytest.mark.parametrize("body", [b"", b"\x00", b"null", b"5", b'"x"', b"[" * 100_000, b"[1,"])
def test_a_body_that_is_no_report_at_all(body: bytes) -> None:
    with pytest.raises(UnreadableBody):
        parse(body)


def test_an_array_of_millions_waits_for_a_person() -> None:
    """Ten megabytes of zeros took a gigabyte to say of each that it is no report."""
    body = b"[" + b"0," * 250_000 + b"0]"

    for parse in (GATEWAY.parse_deliveries, GATEWAY.parse_inbound):
        with pytest.raises(UnreadableBody, match="250001 elements"):
            parse(body)


def test_an_empty_array_is_no_error() -> None:
    assert parse(b"[]") == []


@given(st.binary())
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        parse(body)
    except UnreadableBody:
        return


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(
    st.fixed_dictionaries(
        {"messageId": json_values, "deliveryStatus": json_values | st.just("Sent")},
        optional={"updatedAt": json_values, "description": json_values},
    )
)
def test_any_field_is_parsed_or_set_aside(fields: dict[str, object]) -> None:
    [parsed] = parse(json.dumps([fields]).encode())
    if isinstance(parsed, DeliveryReport):
        assert "\x00" not in parsed.gateway_message_id + parsed.detail
