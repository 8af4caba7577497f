"""The OpenAPI schema: valid, without warnings, and the committed one."""

import io
import re
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.management import call_command
from django.test import Client

COMMITTED = settings.BASE_DIR / "docs" / "openapi.yaml"


@pytest.fixture(scope="module")
def generated() -> str:
    out = io.StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)
    return out.getvalue()


def test_the_committed_schema_is_up_to_date(generated: str) -> None:
    """If not: python manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml"""
    assert COMMITTED.read_text(encoding="utf-8").strip() == generated.strip()


def test_every_operation_names_its_problems(generated: str) -> None:
    schema = yaml.safe_load(generated)

    assert schema["openapi"].startswith("3.1")
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            problem = operation["responses"]["4XX"]["content"]["application/problem+json"]
            assert problem["schema"]["$ref"].endswith("/Problem"), (method, path)


def test_operations_say_which_headers_they_take(generated: str) -> None:
    paths = yaml.safe_load(generated)["paths"]

    def names(operation: dict[str, Any]) -> set[str]:
        return {parameter["name"] for parameter in operation.get("parameters", [])}

    assert {"X-Business", "fresh"} <= names(paths["/api/v1/members/"]["get"])
    assert {"X-Business", "Idempotency-Key"} <= names(paths["/api/v1/members/"]["post"])
    assert "X-Business" not in names(paths["/api/v1/auth/login/"]["post"])


def test_it_is_served(client: Client) -> None:
    answer = client.get("/api/schema/")

    assert answer.status_code == 200
    assert yaml.safe_load(answer.content)["info"]["title"] == "Tapline API"


@pytest.mark.parametrize("path", ["/", "/api/docs/"])
def test_pages_load_nothing_from_elsewhere(client: Client, path: str) -> None:
    page = client.get(path)

    assert page.status_code == 200
    assert not re.findall(r"""(?:src|href)=["'](?:https?:)?//[^"']+""", page.text)
