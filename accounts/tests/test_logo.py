"""The picture on public pages: recognised by its bytes, small, and a business's own."""

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import BusinessLogo, Role
from accounts.tests.factories import api_client, make_business, make_member

pytestmark = pytest.mark.django_db
LOGO = "/api/v1/business/logo/"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
JPEG = b"\xff\xd8\xff\xe0" + bytes(100)
WEBP = b"RIFF\x24\x00\x00\x00WEBPVP8 " + bytes(100)


def put(client: Any, content: bytes, name: str = "logo.png") -> Any:
    file = io.BytesIO(content)
    file.name = name
    return client.put(LOGO, {"file": file}, format="multipart")


@pytest.mark.parametrize(
    ("content", "kind"), [(PNG, "image/png"), (JPEG, "image/jpeg"), (WEBP, "image/webp")]
)
def test_a_picture_is_known_by_its_bytes_whatever_its_name(content: bytes, kind: str) -> None:
    client = api_client(make_member(make_business(), Role.MANAGER))

    answer = put(client, content, "logo.exe")

    assert answer.status_code == 200
    assert answer.json()["content_type"] == kind
    assert client.get(LOGO).json() == answer.json()


@pytest.mark.parametrize(
    "content",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"GIF89a" + bytes(50),
        b"<html>",
        b"RIFF\x24\x00\x00\x00WAVE",
        b"\x89PN",
    ],
)
def test_anything_else_is_refused(content: bytes) -> None:
    client = api_client(make_member(make_business()))

    answer = put(client, content)

    assert (answer.status_code, answer.json()["code"]) == (400, "LOGO_NOT_READABLE")
    assert answer.json()["errors"][0]["pointer"] == "/file"
    assert not BusinessLogo.objects.exists()


def test_a_large_picture_is_refused() -> None:
    client = api_client(make_member(make_business()))

    assert put(client, PNG[:8] + bytes(BusinessLogo.MAX_BYTES - 8)).status_code == 200
    answer = put(client, PNG[:8] + bytes(BusinessLogo.MAX_BYTES - 7))
    assert (answer.status_code, answer.json()["code"]) == (413, "LOGO_TOO_LARGE")


def test_a_new_picture_takes_the_place_of_the_old_one_until_it_is_removed() -> None:
    client = api_client(make_member(make_business()))
    assert client.get(LOGO).status_code == 404

    first, second = put(client, PNG).json(), put(client, JPEG).json()

    assert first["sha256"] != second["sha256"]
    assert BusinessLogo.objects.count() == 1
    for _ in range(2):
        assert client.delete(LOGO).status_code == 204
    assert not BusinessLogo.objects.exists()


def test_the_till_only_looks() -> None:
    business = make_business()
    till = api_client(make_member(business, Role.TILL))
    put(api_client(make_member(business)), PNG)

    assert till.get(LOGO).status_code == 200
    assert put(till, JPEG).status_code == 403
    assert till.delete(LOGO).status_code == 403


def test_a_business_of_others_is_not_found() -> None:
    foreign = make_business()
    put(api_client(make_member(foreign)), PNG)
    client = api_client(make_member(make_business()))
    headers = {"X-Business": str(foreign.pk)}

    assert client.get(LOGO, headers=headers).status_code == 404
    assert client.delete(LOGO, headers=headers).status_code == 404
    assert client.get(LOGO).status_code == 404
    assert BusinessLogo.objects.count() == 1


def test_staff_set_and_remove_it_in_the_admin() -> None:
    business = make_business()
    client = Client()
    client.force_login(make_member(business, Role.MANAGER, is_staff=True))
    page = reverse("admin:accounts_business_change", args=[business.pk])
    form = {
        "name": business.name,
        "sender_name": "Store",
        "time_zone": "Europe/Athens",
        "country": "GR",
        "signup_countries": "GR,CY",
        "daily_signup_cap": "50",
        "colour": "#aa0011",
    }

    refused = client.post(page, form | {"new_logo": SimpleUploadedFile("a.png", b"<svg>")})
    assert "PNG, JPEG or WebP picture" in refused.content.decode()
    assert client.post(page, form | {"new_logo": SimpleUploadedFile("a", PNG)}).status_code == 302

    business.refresh_from_db()
    assert (business.colour, business.signup_countries) == ("#aa0011", ["GR", "CY"])
    assert "data:image/png;base64," in client.get(page).content.decode()
    assert client.post(page, form | {"remove_logo": "on"}).status_code == 302
    assert not BusinessLogo.objects.exists()
