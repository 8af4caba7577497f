"""What a person does with a link that they were sent."""

from functools import partial

from django.db import transaction

from accounts.models import Business
from contacts.models import Consent
from contacts.services import unsubscribe
from messaging.models import Message
from messaging.optout import read_token


def find_message(token: str) -> Message | None:
    """The message of an opt-out token, with its broadcast and business; None if not one of ours."""
    public_id = read_token(token)
    if public_id is None:
        return None
    messages = Message.objects.select_related("broadcast__business")
    return messages.filter(public_id=public_id).first()


@transaction.atomic
def opt_out(*, message: Message) -> Business:
    """The business that sent the message never texts its phone again; twice is harmless.

    Nor the number that the person has moved to since, if it is a contact still.
    """
    business = message.broadcast.business
    withdraw = partial(
        unsubscribe,
        business_id=business.pk,
        source=Consent.Source.LINK,
        reference=message.public_id,
    )
    withdraw(phone=message.phone)
    # Read afterwards: from here to the commit nobody's phone changes.
    if message.contact_id is not None:
        contact = business.contacts.filter(pk=message.contact_id).first()
        if contact is not None and contact.phone != message.phone:
            withdraw(phone=contact.phone)
    return business
