"""Idempotency-Key: done once, answered again."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import IdempotentRequest, Invitation, User
from accounts.services import people
from accounts.services.cleanup import forget_expired
from accounts.tests.factories import api_client, make_business, make_member

BODY = {"email": "bob@example.com", "role": "till"}


def invite(client: APIClient, key: str, **changes: Any) -> Any:
    headers = {"Idempotency-Key": key}
    return client.post("/api/v1/members/", BODY | changes, headers=headers)


@pytest.fixture
def owner() -> User:
    return make_member(make_business())


@pytest.fixture
def client(owner: User) -> APIClient:
    return api_client(owner)


@pytest.mark.django_db
def test_a_repetition_is_answered_and_not_done(client: APIClient) -> None:
    first, second = invite(client, "a"), invite(client, "a")

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert "Idempotency-Replayed" not in first
    assert second["Idempotency-Replayed"] == "true"
    assert Invitation.objects.count() == 1


@pytest.mark.django_db
def test_the_order_of_fields_does_not_count(client: APIClient) -> None:
    invite(client, "a")

    answer = client.post(
        "/api/v1/members/",
        '{ "role": "till", "email": "bob@example.com" }',
        content_type="application/json",
        headers={"Idempotency-Key": "a"},
    )

    assert answer["Idempotency-Replayed"] == "true"


@pytest.mark.django_db
def test_another_body_is_refused(client: APIClient) -> None:
    invite(client, "a")

    answer = invite(client, "a", role="owner")

    assert (answer.status_code, answer.json()["code"]) == (422, "IDEMPOTENCY_MISMATCH")


@pytest.mark.django_db
def test_another_key_is_another_request(client: APIClient) -> None:
    assert invite(client, "a").json()["id"] != invite(client, "b").json()["id"]


@pytest.mark.django_db
def test_businesses_do_not_share_keys(client: APIClient) -> None:
    other = api_client(make_member(make_business()))
    invite(client, "a")

    answer = invite(other, "a", role="owner")

    assert answer.status_code == 201
    assert "Idempotency-Replayed" not in answer


@pytest.mark.django_db
def test_a_refusal_is_not_kept(client: APIClient) -> None:
    assert invite(client, "a", role="king").status_code == 400

    assert invite(client, "a").status_code == 201


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "x" * 256, "caf\xe9", "a\tb"])
def test_a_malformed_key_is_refused(client: APIClient, key: str) -> None:
    answer = invite(client, key)

    assert (answer.status_code, answer.json()["code"]) == (400, "IDEMPOTENCY_KEY_INVALID")
    assert not Invitation.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_fails_halfway_leaves_nothing_and_can_be_repeated(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = IdempotentRequest.objects.create

    def fail(**_: Any) -> None:
        raise RuntimeError("The process dies after its work and before its answer.")

    monkeypatch.setattr(IdempotentRequest.objects, "create", fail)
    with pytest.raises(RuntimeError):
        invite(client, "a")
    assert not Invitation.objects.exists()

    monkeypatch.setattr(IdempotentRequest.objects, "create", create)
    assert invite(client, "a").status_code == 201


@pytest.mark.django_db(transaction=True)
def test_of_eight_at_once_one_is_done(
    client: APIClient, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = []
    original = people.invite_member

    def counted(**fields: Any) -> Invitation:
        done.append(fields)
        return original(**fields)

    monkeypatch.setattr(people, "invite_member", counted)

    def use(_: int) -> Any:
        try:
            return invite(api_client(owner), "a")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(use, range(8)))

    assert len(done) == 1
    assert {answer.status_code for answer in answers} <= {201, 409}
    refused = [answer.json()["code"] for answer in answers if answer.status_code == 409]
    assert set(refused) <= {"IDEMPOTENCY_RUNNING"}
    assert invite(client, "a")["Idempotency-Replayed"] == "true"


@pytest.mark.django_db(transaction=True)
def test_while_the_first_runs_the_second_is_told_so(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = people.invite_member
    meanwhile: list[Any] = []

    def use() -> Any:
        try:
            return invite(client, "a")
        finally:
            connection.close()

    def interrupted(**fields: Any) -> Invitation:
        with ThreadPoolExecutor(1) as pool:
            meanwhile.append(pool.submit(use).result())
        return original(**fields)

    monkeypatch.setattr(people, "invite_member", interrupted)

    assert invite(client, "a").status_code == 201
    assert (meanwhile[0].status_code, meanwhile[0].json()["code"]) == (409, "IDEMPOTENCY_RUNNING")


@pytest.mark.django_db
def test_a_key_is_forgotten_after_a_day(client: APIClient) -> None:
    invite(client, "a")

    with time_machine.travel(timezone.now() + timedelta(hours=23), tick=False):
        forget_expired()
    assert IdempotentRequest.objects.count() == 1
    with time_machine.travel(timezone.now() + timedelta(hours=25), tick=False):
        forget_expired()
    assert not IdempotentRequest.objects.exists()
