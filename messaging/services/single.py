"""One message to one phone, through the same engine as a campaign."""

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
    *, business: Business, phone: str, text: str, sender: str, contact: Contact | None = None
) -> Message:
    """A transactional message: no opt-out link, but an opt-out holds for it as well.

    Whoever calls rings the senders after the commit. Raises rendering.TemplateError,
    SendingNotApproved, PhoneUnsubscribed.
    """
    texts.check_text(text)
    check_approved(business)
    if suppressed_phones(business_id=business.pk, phones=[phone]):
        raise PhoneUnsubscribed
    broadcast = Broadcast.objects.create(
        business=business, text=text, sender=sender, is_marketing=False
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
