"""Automations as their author writes them."""

from datetime import datetime, time, timedelta
from typing import TypedDict, Unpack

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone

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
    send_time: time | None


def create_automation(*, business: Business, **fields: Unpack[AutomationFields]) -> Automation:
    """At work at once, unless it is made inactive. Raises AutomationExists."""
    automation = Automation(business=business, **fields)
    _begin_days(automation)
    try:
        with transaction.atomic():
            automation.save(force_insert=True)
            return automation
    except IntegrityError as error:
        if "automation_kind_once" not in str(error):
            raise
        raise AutomationExists from error


@transaction.atomic
def update_automation(*, automation: Automation, **changes: Unpack[AutomationFields]) -> Automation:
    """For whatever happens from now on; what has been sent stays as it is."""
    rows = Automation.objects.select_related("business").filter(pk=automation.pk)
    locked = rows.select_for_update(of=("self",), no_key=True).first()
    if locked is None:
        raise AutomationNotFound
    hour = _hour(locked)
    for name, value in changes.items():
        setattr(locked, name, value)
    if _hour(locked) not in {hour, None}:
        _begin_days(locked)
    locked.save(update_fields={*changes, "swept_on", "failure", "updated_at"})
    automation.refresh_from_db()
    return automation


def _hour(automation: Automation) -> time | None:
    """Of its daily messages; None while there are none."""
    return automation.send_time if automation.is_active else None


def _begin_days(automation: Automation) -> None:
    """The first day is the one whose hour is still to come: nobody is surprised by today's."""
    automation.failure = ""
    if automation.send_time is None:
        automation.swept_on = None
        return
    local = timezone.localtime(timezone=automation.business.zone)
    is_over = automation.send_time <= local.time()
    seen_to = local.date() - timedelta(days=0 if is_over else 1)
    automation.swept_on = max(filter(None, (automation.swept_on, seen_to)))


def delete_automation(*, automation: Automation) -> None:
    """Only if it has sent nothing: another one would send to everybody anew."""
    try:
        with transaction.atomic():
            automation.delete()
    except (ProtectedError, IntegrityError) as error:
        raise AutomationInUse from error
