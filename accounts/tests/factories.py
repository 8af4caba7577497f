"""Plain makers of test rows; a name that is not given is unique."""

import uuid
from itertools import count
from typing import Any

from django.utils import timezone
from rest_framework.test import APIClient

from accounts import tokens
from accounts.models import Business, Membership, Role, User

_numbers = count(1)


def make_user(email: str = "", *, password: str | None = None, **fields: Any) -> User:
    """A user; without a password none that works, which spares the hashing."""
    return User.objects.create_user(
        email or f"user{next(_numbers)}@example.com", password, **fields
    )


def make_business(name: str = "", **fields: Any) -> Business:
    """A store in Athens, approved for a million messages a day."""
    defaults = {
        "name": name or f"Store {next(_numbers)}",
        "sender_name": "Store",
        "time_zone": "Europe/Athens",
        "country": "GR",
        "daily_message_cap": 1_000_000,
    }
    return Business.objects.create(**(defaults | fields))


def make_member(business: Business, role: str = Role.OWNER, **fields: Any) -> User:
    user = make_user(**fields)
    Membership.objects.create(user=user, business=business, role=role)
    return user


def api_client(user: User) -> APIClient:
    """A client that sends a real access token of the user."""
    access = tokens.sign_access(user_id=user.pk, family=uuid.uuid4(), now=timezone.now())
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")
    return client
