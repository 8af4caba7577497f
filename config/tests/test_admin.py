"""Every admin of the project: opens, and shows other businesses' rows to nobody."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import ForeignKey, Model
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.models import Business, Role, User
from accounts.scoped_admin import BusinessAdmin, SuperuserOnly
from accounts.tests.factories import make_business, make_member

pytestmark = pytest.mark.django_db
MODELS = list(admin.site._registry)


def name(model: type[Model]) -> str:
    return model._meta.label_lower


def page(model: type[Model], action: str) -> str:
    return reverse(f"admin:{name(model).replace('.', '_')}_{action}")


@pytest.fixture
def root() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root@example.com"))
    return client


@pytest.fixture
def manager() -> User:
    return make_member(make_business(), Role.MANAGER, is_staff=True)


def test_the_icon_that_browsers_ask_for_is_there(root: Client) -> None:
    answer = root.get("/favicon.ico", follow=True)

    assert (answer.status_code, answer["Content-Type"]) == (200, "image/svg+xml")


@pytest.mark.parametrize("model", MODELS, ids=name)
def test_superusers_open_it(root: Client, model: type[Model]) -> None:
    assert root.get(page(model, "changelist"), {"q": "x"}).status_code == 200
    assert root.get(page(model, "add")).status_code in {200, 403}


@pytest.mark.parametrize("model", MODELS, ids=name)
def test_staff_open_it_or_are_kept_out(manager: User, model: type[Model]) -> None:
    client = Client()
    client.force_login(manager)

    assert client.get(page(model, "changelist"), {"q": "x"}).status_code in {200, 403}
    assert client.get(page(model, "add")).status_code in {200, 403}


@pytest.mark.parametrize("model", MODELS, ids=name)
def test_it_is_scoped(model: type[Model]) -> None:
    assert isinstance(admin.site._registry[model], BusinessAdmin | SuperuserOnly)


@pytest.mark.parametrize("model", MODELS, ids=name)
def test_staff_choose_among_their_own(manager: User, model: type[Model]) -> None:
    foreign = make_business()
    request = RequestFactory().get("/")
    request.user = manager
    model_admin = admin.site._registry[model]
    if not isinstance(model_admin, BusinessAdmin):
        return
    for field in model._meta.get_fields():
        if not isinstance(field, ForeignKey):
            continue
        choices = model_admin.formfield_for_foreignkey(field, request)
        assert choices is not None
        assert choices.queryset is not None
        if field.related_model is Business:
            assert foreign not in choices.queryset
            assert choices.queryset.count() == 1
        if field.related_model is User:
            assert not choices.queryset.exists()


def test_groups_of_permissions_are_not_offered() -> None:
    assert not admin.site.is_registered(Group)


def test_a_browser_may_send_the_log_in_form(client: Client) -> None:
    """Under no-referrer a browser sends `Origin: null`, and nobody could log in."""
    page = client.get("/admin/login/")
    assert page["Referrer-Policy"] == "same-origin"


def test_daily_work_comes_first_and_the_engine_last(root: Client, manager: User) -> None:
    clerk = Client()
    clerk.force_login(manager)

    def listed(client: Client) -> dict[str, list[str]]:
        apps = client.get("/admin/").context["app_list"]
        return {
            app["app_label"]: [str(model["object_name"]) for model in app["models"]] for app in apps
        }

    everything, daily = listed(root), listed(clerk)
    assert list(everything) == ["campaigns", "nfc", "tracking", "contacts", "accounts", "messaging"]
    assert list(daily) == list(everything)
    assert daily["campaigns"] == ["Campaign", "Template", "Automation"]
    assert daily["contacts"][:2] == ["Contact", "ContactList"]
    assert daily["messaging"] == [
        "InboundMessage", "AutoReply", "Message", "SentReply", "DailyUsage",
    ]  # fmt: skip
    assert "IdempotentRequest" in everything["accounts"]
    assert "IdempotentRequest" not in daily["accounts"]
    assert {name for names in everything.values() for name in names} == {
        model.__name__ for model in MODELS
    }
