"""What contacts reports to tracking: inside the transaction that caused it."""

from typing import Any

from django.dispatch import receiver

from contacts.models import Consent
from contacts.signals import contact_opted_out
from messaging.models import Message
from tracking import services


@receiver(contact_opted_out)
def count_stop(*, source: str, reference: str, **_: Any) -> None:
    """A STOP is an opt-out of the campaign that it answers, as one by its link is."""
    if source == Consent.Source.REPLY:
        messages = Message.objects.select_related("broadcast__business")
        message = messages.filter(public_id=reference).first()
        if message is not None:
            services.count_stop(message=message)
