"""Create the demo's administrator, and a store that welcomes people; harmless when repeated."""

import os
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.models import Business, Membership, Role, User
from accounts.services import businesses, sessions
from campaigns.models import Automation
from campaigns.services import AutomationFields, create_automation

NAME = "Demo Store"
WELCOME: Final[AutomationFields] = {
    "kind": Automation.Kind.WELCOME,
    "text": "Welcome, {{first_name|friend}}! 10% off your next visit: {{offer_link}}",
    "offer_title": "10% off your next visit",
    "offer_text": "Show this page at the till. Once per person.",
    "offer_valid_days": 30,
}


class Command(BaseCommand):
    help = (
        "Create a superuser of DEMO_ADMIN_EMAIL and DEMO_ADMIN_PASSWORD (environment variables), "
        f"and {NAME}, which it owns, with a welcome message."
    )

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        user = self._user(_variable("DEMO_ADMIN_EMAIL"), _variable("DEMO_ADMIN_PASSWORD"))
        business = self._business(user)
        self.stdout.write(f"{business} (business {business.pk}) is ready for {user}.")

    def _user(self, email: str, password: str) -> User:
        user = User.objects.filter(email=email.lower()).first()
        if user is None:
            return User.objects.create_superuser(email, password)
        if not user.check_password(password):
            user.set_password(password)
            sessions.revoke_sessions(user_id=user.pk)
        user.is_active = user.is_staff = user.is_superuser = True
        user.save(update_fields=["password", "is_active", "is_staff", "is_superuser"])
        return user

    def _business(self, user: User) -> Business:
        own = Membership.objects.filter(user=user, role=Role.OWNER, business__name=NAME)
        if membership := own.select_related("business").first():
            return membership.business
        business = businesses.open_business(
            owner=user,
            name=NAME,
            sender_name="DemoStore",
            time_zone="Europe/Athens",
            country="GR",
            daily_message_cap=businesses.APPROVED_DAILY_CAP,
        ).business
        create_automation(business=business, **WELCOME)
        return business


def _variable(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise CommandError(f"Set the environment variable {name}.")
    return value
