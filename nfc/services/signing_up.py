"""Signing up by a tag, and confirming it by the link in a message."""

import logging
import re
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext, override

from accounts.models import Business
from contacts.models import Contact
from contacts.services import ContactFields, Evidence, OptIn, Outcome, confirm_opt_in, opt_in
from contacts.services.opt_in import REQUEST_HOURS
from messaging.services import send_message
from messaging.services.single import SendingNotApproved
from nfc.models import Scan, Tag
from nfc.services.counting import record_scan

logger = logging.getLogger(__name__)

# What is new by this form; a form sent again within the day is the same one.
_NEW: Final = frozenset({Outcome.CREATED, Outcome.COMPLETED, Outcome.MUST_CONFIRM})
_MAX_NAME: Final = 40  # of a business, in a message that costs by its length


def sign_up(
    *, tag: Tag, phone: str, fields: ContactFields, evidence: Evidence, language: str
) -> None:
    """Take what a form says, all of it or nothing. It tells nobody what was known of the phone.

    phone: E.164. language: of the message that asks to confirm. Whoever calls rings the senders
    after the commit. A confirmation that cannot be sent, because the business may not send yet,
    leaves nothing behind, as a sign-up beyond the day's cap does.
    """
    try:
        with transaction.atomic():
            taken = _take(tag, phone, fields, evidence)
            if taken.token is not None:
                _ask(tag.business, phone, taken.token, language)
            if taken.outcome in _NEW:
                contact_id = taken.contact.pk if taken.contact else None
                record_scan(tag=tag, kind=Scan.Kind.FORM, contact_id=contact_id)
    except SendingNotApproved:
        logger.warning("Business %s may not send: a sign-up is not confirmed.", tag.business_id)
        return
    if taken.outcome == Outcome.CAPPED:
        logger.warning("Business %s has used up its sign-ups of the day.", tag.business_id)


def confirm(*, token: str, ip: str | None, user_agent: str) -> Contact | None:
    """The person behind the phone says yes. None if there is nothing to confirm any more."""
    return confirm_opt_in(token=token, evidence_ip=ip, evidence_user_agent=user_agent)


def _take(tag: Tag, phone: str, fields: ContactFields, evidence: Evidence) -> OptIn:
    assert tag.form is not None
    return opt_in(
        business=tag.business,
        phone=phone,
        fields=fields,
        evidence=evidence,
        contact_list=tag.contact_list,
        must_confirm=tag.form.double_opt_in,
    )


def _ask(business: Business, phone: str, token: str, language: str) -> None:
    """The one message that reaches a person who has stopped all others."""
    link = f"{business.link_base}/c/{token}"
    with override(language):
        text = gettext("%(name)s: to get our offers by SMS, please confirm here: %(link)s")
    send_message(
        business=business,
        phone=phone,
        text=text % {"name": _plain(business.name), "link": link},
        sender=business.sender_name,
        reaches_suppressed=True,
        # What waits longer, for the day's cap or quiet hours, would lead nowhere.
        expires_at=timezone.now() + timedelta(hours=REQUEST_HOURS),
    )


def _plain(name: str) -> str:
    """A name that no message takes for one of its placeholders, or refuses for a character."""
    printable = "".join(each if each.isprintable() else " " for each in name)
    return re.sub(r"[{}\s]+", " ", printable).strip()[:_MAX_NAME]
