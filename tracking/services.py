"""What a person does with a link that they were sent."""

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


def opt_out(*, message: Message) -> Business:
    """The business that sent the message never texts its phone again; twice is harmless."""
    business = message.broadcast.business
    unsubscribe(
        business_id=business.pk,
        phone=message.phone,
        source=Consent.Source.LINK,
        reference=message.public_id,
    )
    return business
