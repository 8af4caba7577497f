"""One message to one phone, through the same engine as a campaign."""

from datetime import datetime

from django.db import transaction

from accounts.models import Business
from accounts.problems import Problem
from contacts.models import Contact
from contacts.selectors import suppressed_phones
from messaging import texts
from messaging.models import Broadcast, BroadcastCounters, ExpansionCursor, Message
from messaging.services.expansion import Recipient, insert_messages


class SendingNotApproved(Problem):
    status = 403
    code = "SENDING_NOT_APPROVED"
    title = "This business may not send yet: staff have to approve it first."


class PhoneUnsubscribed(Problem):
    status = 409
    code = "PHONE_UNSUBSCRIBED"
    title = "The person behind this phone does not want messages from this business."


def check_approved(business: Business) -> None:
    if business.daily_message_cap == 0:
        raise SendingNotApproved


@transaction.atomic
def send_message(
    *,
    business: Business,
    phone: str,
    text: str,
    sender: str,
    contact: Contact | None = None,
    is_marketing: bool = False,
    reaches_suppressed: bool = False,
    is_checked: bool = False,
    expires_at: datetime | None = None,
) -> Message:
    """One message. A transactional one has no opt-out link, but an opt-out holds for it as well.

    reaches_suppressed: the person has just asked for this one, such as to confirm a sign-up.
    is_checked: the caller did so; the text may lead to an offer and to links that tracking attaches
    to the message's broadcast in the same transaction.

    Whoever calls rings the senders after the commit. Raises rendering.TemplateError,
    SendingNotApproved, PhoneUnsubscribed.
    """
    if not is_checked:
        texts.check_text(text, has_offer=False)
    check_approved(business)
    suppressed = suppressed_phones(business_id=business.pk, phones=[phone])
    if suppressed and not reaches_suppressed:
        raise PhoneUnsubscribed
    broadcast = Broadcast.objects.create(
        business=business,
        text=text,
        sender=sender,
        phone=phone,
        is_marketing=is_marketing,
        link_base=business.link_base,
        reaches_suppressed=reaches_suppressed,
        expires_at=expires_at,
    )
    BroadcastCounters.objects.create(broadcast=broadcast)
    ExpansionCursor.objects.create(broadcast=broadcast, up_to_contact_id=0, done=True)
    recipient = Recipient(None, phone, "", "", {})
    if contact is not None:
        recipient = Recipient(
            contact.pk, phone, contact.first_name, contact.last_name, contact.attributes
        )
    insert_messages(broadcast, [recipient])
    return Message.objects.get(broadcast=broadcast)
