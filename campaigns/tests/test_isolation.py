"""Another business's templates and campaigns do not exist, on any endpoint."""

import pytest
from rest_framework.test import APIClient

from accounts.models import Role
from accounts.tests.factories import api_client, make_business, make_member
from campaigns.tests.factories import make_sending, make_template

pytestmark = pytest.mark.django_db

CAMPAIGN_ENDPOINTS = [
    ("get", ""), ("put", ""), ("patch", ""), ("delete", ""), ("post", "preview/"),
    ("get", "audience/"), ("post", "send/"), ("post", "schedule/"), ("post", "unschedule/"),
    ("post", "pause/"), ("post", "resume/"), ("post", "cancel/"), ("post", "duplicate/"),
    ("post", "retry-failed/"), ("post", "test/"),
    ("get", "stats/"), ("get", "messages/"), ("get", "report/"), ("get", "runs/"),
]  # fmt: skip
TEMPLATE_ENDPOINTS = ["get", "put", "patch", "delete"]


@pytest.fixture
def outsider() -> APIClient:
    return api_client(make_member(make_business()))


@pytest.mark.parametrize(("method", "path"), CAMPAIGN_ENDPOINTS)
def test_campaigns(outsider: APIClient, method: str, path: str) -> None:
    campaign = make_sending()
    answer = getattr(outsider, method)(f"/api/v1/campaigns/{campaign.pk}/{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    campaign.refresh_from_db()
    assert campaign.status == "sending"


@pytest.mark.parametrize("method", TEMPLATE_ENDPOINTS)
def test_templates(outsider: APIClient, method: str) -> None:
    template = make_template(make_business())
    answer = getattr(outsider, method)(f"/api/v1/templates/{template.pk}/")
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


def test_lists_and_statistics(outsider: APIClient) -> None:
    campaign = make_sending()
    make_template(campaign.business, "Foreign")
    assert outsider.get("/api/v1/campaigns/").json()["count"] == 0
    templates = outsider.get("/api/v1/templates/", {"page_size": 100}).json()["results"]
    assert "Foreign" not in [template["name"] for template in templates]
    answer = outsider.get("/api/v1/campaigns/stats/", {"ids": campaign.pk})
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("path", ["campaigns/", "templates/", "campaigns/stats/?ids=1"])
def test_strangers_and_the_till_stay_out(path: str) -> None:
    stranger = APIClient().get(f"/api/v1/{path}")
    assert stranger.status_code == 401
    till = api_client(make_member(make_business(), role=Role.TILL)).get(f"/api/v1/{path}")
    assert till.status_code == 403
