"""Automations as their author writes them."""

from datetime import datetime
from typing import TypedDict, Unpack

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from accounts.models import Business
from accounts.problems import Problem
from campaigns.models import Automation


class AutomationNotFound(Problem):
    status = 404
    code = "NOT_FOUND"
    title = "The automation has been deleted meanwhile"


class AutomationExists(Problem):
    status = 409
    code = "AUTOMATION_EXISTS"
    title = "You have an automation of this kind already"


class AutomationInUse(Problem):
    status = 409
    code = "AUTOMATION_IN_USE"
    title = "It has sent messages, and remembers to whom: switch it off instead"


class AutomationFields(TypedDict, total=False):
    kind: str
    text: str
    sender: str
    offer_title: str
    offer_text: str
    offer_valid_until: datetime | None
    offer_valid_days: int | None
    track_links: bool
    is_active: bool


def create_automation(*, business: Business, **fields: Unpack[AutomationFields]) -> Automation:
    """At work at once, unless it is made inactive. Raises AutomationExists."""
    try:
        with transaction.atomic():
            return Automation.objects.create(business=business, **fields)
    except IntegrityError as error:
        if "automation_kind_once" not in str(error):
            raise
        raise AutomationExists from error


@transaction.atomic
def update_automation(*, automation: Automation, **changes: Unpack[AutomationFields]) -> Automation:
    """For whatever happens from now on; what has been sent stays as it is."""
    row = Automation.objects.select_for_update(no_key=True).filter(pk=automation.pk)
    if not row.exists():
        raise AutomationNotFound
    for name, value in changes.items():
        setattr(automation, name, value)
    automation.save(update_fields=[*changes, "updated_at"])
    return automation


def delete_automation(*, automation: Automation) -> None:
    """Only if it has sent nothing: another one would send to everybody anew."""
    try:
        with transaction.atomic():
            automation.delete()
    except (ProtectedError, IntegrityError) as error:
        raise AutomationInUse from error
