"""A shop and its clerk."""

import pytest
from django.test import Client

from accounts.models import Business
from accounts.tests.factories import make_business, make_member


@pytest.fixture
def business() -> Business:
    return make_business()


@pytest.fixture
def staff(business: Business) -> Client:
    client = Client()
    client.force_login(make_member(business, is_staff=True))
    return client
