"""Whom log-ins, registrations and mails count for. The numbers: settings.RATE_LIMITS."""

from typing import Any, Final

from django.http import HttpRequest

from accounts import devices
from rediskit.client_address import client_address
from rediskit.ratelimits import Limit


def sent_email(request: Any) -> str | None:
    """The address in the JSON body, as the accounts keep it; None if there is none."""
    data = request.data
    email = data.get("email") if isinstance(data, dict) else None
    if not isinstance(email, str):
        return None  # the serializer refuses it, before any password is hashed
    return email.strip().lower() or None


def email_new_to_the_browser(request: HttpRequest) -> str | None:
    email = sent_email(request)
    return None if email and devices.has_logged_in(request, email) else email


LOGIN: Final = (
    Limit("login:ip", client_address),
    Limit("login:email", email_new_to_the_browser),
)
REGISTER: Final = (Limit("register:ip", client_address), Limit("register:email", sent_email))
RESET: Final = (Limit("reset:ip", client_address), Limit("reset:email", sent_email))
REFRESH: Final = Limit("refresh:ip", client_address)
LOGOUT: Final = Limit("logout:ip", client_address)
