"""The welcome message, to whoever signs up for the first time."""

import logging

from django.db import IntegrityError, connection, transaction

from accounts.problems import Problem
from campaigns.models import Automation, AutomationRun
from campaigns.offers import is_over, offer_of, prepare
from contacts.models import Contact
from messaging import services as messaging
from messaging.rendering import TemplateError
from messaging.texts import check_text
from tracking import services as tracking

logger = logging.getLogger(__name__)

_HOLD = "SELECT id FROM campaigns_automation WHERE id = %s FOR KEY SHARE"


def send_welcome(*, contact: Contact) -> bool:
    """The welcome of the contact's business, if it has one that the person has not had yet.

    Called inside the transaction of the opt-in, which stands whatever comes of the welcome: what
    is wrong with it undoes no more than itself. True: one is on its way; whoever calls rings the
    senders after the commit.
    """
    welcomes = Automation.objects.filter(
        business=contact.business_id, kind=Automation.Kind.WELCOME, is_active=True
    )
    automation = welcomes.select_related("business").first()
    if automation is None or is_over(automation) or _has_had(automation, contact.phone):
        return False
    try:
        with transaction.atomic():
            if not _hold(automation):
                return False
            _send(automation, contact)
    except IntegrityError as error:
        if "automation_run_once" not in str(error):
            raise
        return False  # another opt-in of the same phone was faster
    except (TemplateError, Problem) as obstacle:
        logger.warning("Automation %s did not send to a person: %s", automation.pk, obstacle)
        return False
    return True


def _has_had(automation: Automation, phone: str) -> bool:
    return AutomationRun.objects.filter(automation=automation, phone=phone).exists()


def _hold(automation: Automation) -> bool:
    """Until the transaction ends nobody deletes it: the sign-up's commit would find its run alone.

    False if somebody just has.
    """
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, [automation.pk])
        return cursor.fetchone() is not None


def _send(automation: Automation, contact: Contact) -> None:
    offer = offer_of(automation)
    check_text(automation.text, has_offer=offer is not None)
    prepared = prepare(automation.text, track_links=automation.track_links)
    message = messaging.send_message(
        business=automation.business,
        phone=contact.phone,
        text=prepared.text,
        sender=automation.sender or automation.business.sender_name,
        contact=contact,
        is_marketing=True,
        is_checked=True,
        expires_at=offer.valid_until if offer else None,
    )
    # The constraint decides, whoever else is doing the same at this moment.
    AutomationRun.objects.create(
        automation=automation,
        phone=contact.phone,
        contact_id=contact.pk,
        broadcast=message.broadcast,
    )
    tracking.attach(broadcast=message.broadcast, targets=prepared.targets, offer=offer)
