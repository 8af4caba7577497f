"""Imports over HTTP: upload, poll, fetch the errors."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import Business
from accounts.tests.factories import api_client, make_business, make_member
from contacts import tasks
from contacts.models import ContactImport, ContactList
from contacts.tests.factories import make_import, make_list, run

pytestmark = pytest.mark.django_db

URL = "/api/v1/contacts/imports/"


@pytest.fixture
def business() -> Business:
    return make_business()


@pytest.fixture
def client(business: Business) -> APIClient:
    return api_client(make_member(business))


def upload(client: APIClient, content: bytes, **fields: Any) -> Any:
    file = SimpleUploadedFile("πελάτες.csv", content)
    return client.post(URL, {"file": file, **fields}, format="multipart")


def test_upload_poll_and_read_the_errors(client: APIClient, business: Business) -> None:
    regulars = make_list(business)
    answer = upload(client, b"phone\n6940000001\n123\n", list=regulars.pk)
    assert (answer.status_code, answer.json()["status"]) == (202, "pending")
    assert answer.json()["file_name"] == "πελάτες.csv"

    tasks.run_import(answer.json()["id"])

    assert answer["Location"].startswith("http://")  # whole, as everywhere
    done = client.get(answer["Location"]).json()
    expected = {"total": 2, "processed": 2, "created": 1, "updated": 0, "skipped": 0, "failed": 1}
    assert (done["status"], done | expected) == ("completed", done)
    assert regulars.members.count() == 1
    lines = client.get(done["errors_url"]).getvalue().decode("utf-8-sig").splitlines()
    assert lines[0] == "line,column,code,reason"
    assert lines[1].startswith('3,phone,INVALID_PHONE,"""123"": The phone number is too short')


def test_a_dry_run_by_form_fields(client: APIClient) -> None:
    body = upload(client, b"phone\n6940000001\n", dry_run="true", update_existing="1").json()

    assert (body["dry_run"], body["update_existing"]) == (True, True)


def test_the_template_can_be_imported(client: APIClient, business: Business) -> None:
    template = client.get(f"{URL}template/").getvalue()

    done = run(template, business=business)

    assert (done.status, done.created) == ("completed", 1)


def test_too_large_a_file_is_refused(client: APIClient, settings: Settings) -> None:
    settings.IMPORT_MAX_BYTES = 20

    answer = upload(client, b"phone\n6940000001\n6940000002\n")

    assert (answer.status_code, answer.json()["code"]) == (413, "FILE_TOO_LARGE")
    assert not ContactImport.objects.exists()


def test_a_request_without_a_file_is_refused(client: APIClient, business: Business) -> None:
    foreign = make_list(make_business())

    for answer in (
        client.post(URL, {"dry_run": "true"}, format="multipart"),
        upload(client, b""),
        upload(client, b"phone\n6940000001\n", list=foreign.pk),
        upload(client, b"phone\n6940000001\n", colour="red"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")
    assert not ContactImport.objects.exists()


def test_a_dynamic_list_takes_no_import(client: APIClient, business: Business) -> None:
    women = ContactList.objects.create(business=business, name="W", filter={"gender": "female"})

    answer = upload(client, b"phone\n6940000001\n", list=women.pk)

    assert (answer.status_code, answer.json()["code"]) == (409, "LIST_IS_DYNAMIC")


def test_cancel_once(client: APIClient, business: Business) -> None:
    contact_import = make_import("phone\n6940000001\n", business=business)

    assert client.post(f"{URL}{contact_import.pk}/cancel/").json()["status"] == "cancelled"
    answer = client.post(f"{URL}{contact_import.pk}/cancel/")

    assert (answer.status_code, answer.json()["code"]) == (409, "INVALID_STATUS")


def test_errors_are_no_formulas(client: APIClient, business: Business) -> None:
    done = run("phone,=attributes.x\n123,1\n", business=business)
    assert done.failure_code == "UNKNOWN_COLUMN"
    done.errors.create(line=2, column="=1+1", code="X", reason="@sum")

    text = client.get(f"{URL}{done.pk}/errors/").getvalue().decode()

    assert "2,'=1+1,X,'@sum" in text


def test_the_list_is_cheap(
    client: APIClient, business: Business, django_assert_max_num_queries: Any
) -> None:
    for _ in range(5):
        make_import("phone\n", business=business, contact_list=None)

    with django_assert_max_num_queries(4):
        assert len(client.get(URL).json()["results"]) == 5


def test_an_outsider_finds_nothing(business: Business) -> None:
    contact_import = make_import("phone\n6940000001\n", business=business)
    outsider = api_client(make_member(make_business()))
    url = f"{URL}{contact_import.pk}/"

    assert outsider.get(URL).json()["results"] == []
    assert outsider.get(url).status_code == 404
    assert outsider.get(f"{url}errors/").status_code == 404
    assert outsider.post(f"{url}cancel/").status_code == 404
