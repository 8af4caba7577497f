"""What contacts and tracking report to the tags: inside the transaction that caused it."""

from typing import Any

from django.db.models.signals import post_save
from django.dispatch import receiver

from contacts.models import Consent, Contact
from contacts.signals import contact_opted_in, contact_opted_out
from nfc import selectors, services
from nfc.models import Scan
from tracking.models import Redemption
from tracking.signals import offer_redeemed, redemption_undone


@receiver(contact_opted_in)
def count_opt_in(*, contact: Contact, consent: Consent, is_first: bool, tag: str, **_: Any) -> None:
    """Of somebody new, or of somebody whose confirmation was needed; not of who was in already."""
    if not is_first and consent.source != Consent.Source.CONFIRMATION:
        return
    source = selectors.tag_of_business(business_id=contact.business_id, public_id=tag)
    if source is not None:
        services.record_scan(tag=source, kind=Scan.Kind.OPT_IN, contact_id=contact.pk)


@receiver(contact_opted_out)
def count_opt_out(*, contact: Contact | None, **_: Any) -> None:
    if contact is not None:
        services.credit_unsubscribe(contact_id=contact.pk)


@receiver(post_save, sender=Consent)
def take_back_opt_out(*, instance: Consent, created: bool, **_: Any) -> None:
    """Undone by the person; contacts says no more of it than that row."""
    if created and instance.source == Consent.Source.UNDO and instance.contact_id is not None:
        services.take_back_unsubscribe(contact_id=instance.contact_id)


@receiver(offer_redeemed)
def count_redemption(*, redemption: Redemption, **_: Any) -> None:
    if redemption.contact_id is not None:
        services.credit_redemption(redemption_id=redemption.pk, contact_id=redemption.contact_id)


@receiver(redemption_undone)
def take_back_redemption(*, redemption: Redemption, **_: Any) -> None:
    services.take_back_redemption(redemption_id=redemption.pk)
