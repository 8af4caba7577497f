"""Opening a business, and its settings."""

import re
import unicodedata
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.models import Business, Membership, Role, User
from accounts.problems import Problem
from accounts.services.passwords import check_strength
from accounts.services.sessions import SessionTokens, open_session
from accounts.signals import businesses_changed

# What a business is approved for by staff.
APPROVED_DAILY_CAP = 1_000_000


class RegistrationClosed(Problem):
    status = 403
    code = "REGISTRATION_CLOSED"
    title = "New accounts are not open to everybody here: ask for an invitation."


class EmailTaken(Problem):
    status = 409
    code = "EMAIL_TAKEN"
    title = "There is an account with this e-mail address: log in."


class SenderNameRequired(Problem):
    code = "SENDER_NAME_REQUIRED"
    title = "No sender name can be made of the business's name: choose 3 to 11 Latin letters."


def register(
    *, email: str, password: str, business_name: str, sender_name: str = "", **fields: Any
) -> tuple[User, SessionTokens]:
    """A new user who owns a new business. fields: time_zone, country."""
    if settings.REGISTRATION != "open":
        raise RegistrationClosed
    with transaction.atomic():
        user = create_user(email=email, password=password)
        open_business(owner=user, name=business_name, sender_name=sender_name, **fields)
        return user, open_session(user=user)


def create_user(*, email: str, password: str, full_name: str = "") -> User:
    check_strength(password, user=User(email=email, full_name=full_name))
    try:
        with transaction.atomic():
            return User.objects.create_user(email, password, full_name=full_name)
    except IntegrityError as error:
        raise EmailTaken(pointer="/email") from error


def open_business(*, owner: User, name: str, sender_name: str = "", **fields: Any) -> Membership:
    sender_name = sender_name or derive_sender_name(name)
    if not sender_name:
        raise SenderNameRequired(pointer="/sender_name")
    with transaction.atomic():
        business = Business.objects.create(name=name, sender_name=sender_name, **fields)
        return Membership.objects.create(user=owner, business=business, role=Role.OWNER)


def derive_sender_name(name: str) -> str:
    """Up to 11 Latin letters and digits of the name without its accents; empty if under 3."""
    plain = unicodedata.normalize("NFKD", name)
    letters = re.sub(r"[^A-Za-z0-9]", "", plain)[:11]
    return letters if len(letters) >= 3 else ""


@transaction.atomic
def update_business(*, business: Business, **fields: Any) -> Business:
    for name, value in fields.items():
        setattr(business, name, value)
    business.save(update_fields=list(fields))
    return business


@transaction.atomic
def approve_sending(*, business_ids: list[int]) -> int:
    """Let businesses send that staff had not approved; how many that were."""
    waiting = Business.objects.filter(pk__in=business_ids, daily_message_cap=0)
    approved = waiting.update(daily_message_cap=APPROVED_DAILY_CAP)
    businesses_changed.send(sender=Business, business_ids=set(business_ids))
    return approved
