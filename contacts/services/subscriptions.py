"""Withdrawal of consent: the one way out, whatever way it was asked for."""

from django.db import transaction
from django.db.models.functions import Now

from contacts.models import Consent, Contact, Suppression
from contacts.services.locks import lock_suppressions


@transaction.atomic
def unsubscribe(*, business_id: int, phone: str, source: str, reference: str = "") -> bool:
    """Never text this phone (E.164) again, whether or not it is a contact. False if it stood so.

    source: a Consent.Source; reference: the message, import or form that it came by.
    """
    lock_suppressions(business_id=business_id)
    _, is_new = Suppression.objects.get_or_create(
        business_id=business_id, phone=phone, defaults={"source": source}
    )
    if not is_new:
        return False
    contacts = Contact.objects.filter(business_id=business_id, phone=phone)
    contact = contacts.select_for_update(no_key=True).first()
    contacts.update(is_subscribed=False, unsubscribed_at=Now(), updated_at=Now())
    Consent.objects.create(
        business_id=business_id,
        contact=contact,
        kind=Consent.Kind.WITHDRAWN,
        source=source,
        reference=reference,
    )
    return True
