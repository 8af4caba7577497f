"""The file of an import is there exactly if the import is."""

from contextlib import suppress
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.db import transaction

from accounts.models import Business, User
from accounts.tests.factories import make_business
from contacts import services
from contacts.models import ContactList
from contacts.tests.factories import make_import, make_list

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def business() -> Business:
    return make_business()


def uploads() -> list[Path]:
    return [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]


def test_a_list_deleted_meanwhile_is_named(business: Business) -> None:
    gone = make_list(business)
    ContactList.objects.all().delete()

    with pytest.raises(services.ListGone):
        make_import("phone\n6940000001\n", business=business, contact_list=gone)

    assert uploads() == []


def test_the_file_of_an_import_that_is_rolled_back_goes_away(business: Business) -> None:
    with transaction.atomic():
        make_import("phone\n6940000001\n", business=business)
    with suppress(InterruptedError), transaction.atomic():
        make_import("phone\n6940000002\n", business=business)
        assert len(uploads()) == 2
        raise InterruptedError

    (kept,) = uploads()
    assert kept.read_text() == "phone\n6940000001\n"


def test_the_file_of_an_import_that_cannot_be_kept_goes_away(business: Business) -> None:
    unsaved = User(email="nobody@example.com")

    with pytest.raises(ValueError, match="unsaved"):
        services.create_import(
            business=business, created_by=unsaved, file=ContentFile(b"phone\n"), name="a.csv"
        )

    assert uploads() == []
