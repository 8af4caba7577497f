"""Another business's tags, forms and scans do not exist, on any endpoint."""

import pytest
from rest_framework.test import APIClient

from accounts.models import Role
from accounts.tests.factories import api_client, make_business, make_member
from nfc.models import OptInForm, Tag
from nfc.tests.factories import make_form, make_tag, visitor

pytestmark = pytest.mark.django_db

TAGS = [
    ("get", "/"), ("put", "/"), ("patch", "/"), ("delete", "/"), ("get", "/qr.svg"),
    ("get", "/stats/"),
]  # fmt: skip


@pytest.fixture
def outsider() -> APIClient:
    return api_client(make_member(make_business()))


@pytest.mark.parametrize(("method", "path"), TAGS)
def test_tags(outsider: APIClient, method: str, path: str) -> None:
    tag = make_tag()
    answer = getattr(outsider, method)(f"/api/v1/nfc/tags/{tag.pk}{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    assert Tag.objects.filter(pk=tag.pk, label=tag.label).exists()


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_forms(outsider: APIClient, method: str) -> None:
    form = make_form()
    answer = getattr(outsider, method)(f"/api/v1/nfc/forms/{form.pk}/")
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    assert OptInForm.objects.filter(pk=form.pk).exists()


def test_lists(outsider: APIClient) -> None:
    tag = make_tag()
    visitor().get(tag.path)
    for path in ("tags/", "forms/", "scans/", f"scans/?tag={tag.pk}"):
        assert outsider.get(f"/api/v1/nfc/{path}").json()["results"] == []


@pytest.mark.parametrize("path", ["tags/", "forms/", "scans/", "tags/1/qr.svg", "tags/1/stats/"])
def test_strangers_and_the_till_stay_out(path: str) -> None:
    assert APIClient().get(f"/api/v1/nfc/{path}").status_code == 401
    till = api_client(make_member(make_business(), role=Role.TILL))
    assert till.get(f"/api/v1/nfc/{path}").status_code == 403
