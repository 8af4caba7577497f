"""Refusals: problem+json for JSON endpoints, a page for pages."""

from typing import Any

import pytest
from django.test import Client, RequestFactory
from pytest_django import Settings
from rest_framework import serializers
from rest_framework.exceptions import Throttled
from rest_framework.test import APIClient

from accounts import selectors
from accounts.tests.factories import api_client, make_business, make_member
from config.errors import problem_handler, server_error

PROBLEM = {"type", "title", "status", "detail", "code", "errors"}
LOGIN = "/api/v1/auth/login/"


def check(answer: Any, status: int, code: str) -> None:
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert set(body) == PROBLEM
    assert (body["status"], body["code"]) == (status, code)
    assert body["title"]


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "PARSE_ERROR"),
        (b"\xff", "application/json", 400, "PARSE_ERROR"),
        (b"{}", "application/json; charset=rot13", 400, "VALIDATION_ERROR"),
        (b'{"email": NaN}', "application/json", 400, "PARSE_ERROR"),
        (b"[" * 100_000, "application/json", 400, "PARSE_ERROR"),
        (b"9" * 5000, "application/json", 400, "PARSE_ERROR"),
        (b"[]", "application/json", 400, "VALIDATION_ERROR"),
        (b"null", "application/json", 400, "VALIDATION_ERROR"),
        (rb'{"\ud800": {"\udfff": "x"}}', "application/json", 400, "VALIDATION_ERROR"),
        (b'"x"', "application/json", 400, "VALIDATION_ERROR"),
        (b"<a/>", "application/xml", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b"a=1", "application/x-www-form-urlencoded", 415, "UNSUPPORTED_MEDIA_TYPE"),
    ],
)
def test_bad_bodies(body: bytes, content_type: str, status: int, code: str) -> None:
    answer = APIClient().post(LOGIN, body, content_type=content_type)

    check(answer, status, code)


@pytest.mark.django_db
def test_half_a_character_that_is_no_choice() -> None:
    """The refusal names what was sent."""
    client = api_client(make_member(make_business()))
    body = rb'{"kind": "\ud800", "text": "Hi!"}'

    answer = client.post("/api/v1/automations/", body, content_type="application/json")

    check(answer, 400, "VALIDATION_ERROR")
    assert "?" in answer.json()["detail"]


def test_a_body_too_large(settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000

    check(APIClient().post(LOGIN, {"email": "x" * 1000}), 413, "BODY_TOO_LARGE")


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("path", ["/api/v1/nothing/", "/api/", "/webhooks/nothing/"])
def test_unknown_endpoints(client: Client, settings: Settings, path: str, debug: bool) -> None:
    settings.DEBUG = debug

    check(client.get(path), 404, "NOT_FOUND")
    check(client.post(path, {}), 404, "NOT_FOUND")


def test_a_forgotten_slash_is_named(client: Client) -> None:
    assert "end with a slash" in client.post("/api/v1/me").json()["detail"]


def test_methods_and_media_types() -> None:
    check(APIClient().get(LOGIN), 405, "METHOD_NOT_ALLOWED")
    check(APIClient().post(LOGIN, {}, headers={"Accept": "text/html"}), 406, "NOT_ACCEPTABLE")


def test_no_token() -> None:
    check(APIClient().get("/api/v1/me/"), 401, "NOT_AUTHENTICATED")


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["x", "0", "9" * 30])
def test_no_such_object(name: str) -> None:
    client = api_client(make_member(make_business()))

    check(client.get(f"/api/v1/members/{name}/"), 404, "NOT_FOUND")


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["page=0", "page=x", "page=2", "page=" + "9" * 30])
def test_no_such_page(query: str) -> None:
    client = api_client(make_member(make_business()))

    check(client.get(f"/api/v1/members/?{query}"), 404, "NOT_FOUND")


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_crash_says_nothing_of_itself(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(**_: Any) -> None:
        raise RuntimeError("secret")

    client = api_client(make_member(make_business()))
    client.raise_request_exception = False
    monkeypatch.setattr(selectors, "get_membership", crash)

    answer = getattr(client, method)("/api/v1/members/")

    check(answer, 500, "INTERNAL_ERROR")
    assert "secret" not in answer.content.decode()


def test_a_host_that_is_not_ours(client: Client, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["localhost"]

    check(client.get("/api/v1/me/", headers={"Host": "evil.example"}), 400, "BAD_REQUEST")


def test_pages_get_a_page(client: Client) -> None:
    answer = client.get("/nothing-here")

    assert answer.status_code == 404
    assert answer["Content-Type"].startswith("text/html")
    assert "Tapline" in answer.text
    assert "There is nothing at this address." in answer.text


class Inner(serializers.Serializer[Any]):
    age = serializers.IntegerField()
    tags = serializers.ListField(child=serializers.CharField(max_length=3))


class Outer(serializers.Serializer[Any]):
    people = Inner(many=True)

    def validate(self, attrs: Any) -> Any:
        raise serializers.ValidationError("Not these.", code="not_these")


def errors_of(data: Any) -> list[tuple[str, str]]:
    serializer = Outer(data=data)
    with pytest.raises(serializers.ValidationError) as caught:
        serializer.is_valid(raise_exception=True)
    answer = problem_handler(caught.value, {})
    assert answer is not None
    return [(error["pointer"], error["code"]) for error in answer.data["errors"]]


def test_nested_errors_have_json_pointers() -> None:
    people = [{"age": 1, "tags": []}, {"age": "x", "tags": ["abc", "abcd"]}, {}]

    assert errors_of({"people": people}) == [
        ("/people/1/age", "INVALID"),
        ("/people/1/tags/1", "MAX_LENGTH"),
        ("/people/2/age", "REQUIRED"),
        ("/people/2/tags", "REQUIRED"),
    ]
    assert errors_of({"people": people[:1]}) == [("", "NOT_THESE")]


def test_slashes_in_names_are_escaped() -> None:
    answer = problem_handler(serializers.ValidationError({"a/b~c": ["No."]}), {})

    assert answer is not None
    assert answer.data["errors"][0]["pointer"] == "/a~1b~0c"


def test_a_limit_says_when_to_come_back() -> None:
    answer = problem_handler(Throttled(wait=1.5), {})

    assert answer is not None
    assert (answer.status_code, answer.data["code"]) == (429, "RATE_LIMITED")
    assert answer["Retry-After"] == "2"


@pytest.mark.parametrize(
    ("path", "content_type", "is_json"),
    [
        ("/nfc/x/config/", "", True),
        ("/nfc/x/submit/", "application/json", True),
        ("/nfc/x/visit/", "application/json; charset=utf-8", True),
        ("/nfc/x/submit/", "application/x-www-form-urlencoded", False),
        ("/nfc/x/visit/", "", False),
        ("/nfc/x/", "application/json", False),
    ],
)
def test_behind_a_tag_a_failure_is_answered_in_the_kind_that_came(
    path: str, content_type: str, is_json: bool
) -> None:
    answer = server_error(RequestFactory().generic("POST", path, b"{}", content_type))
    kind = "application/problem+json" if is_json else "text/html; charset=utf-8"
    assert (answer.status_code, answer["Content-Type"]) == (500, kind)
