"""Withdrawal of consent, the one way out whatever way it was asked for, and its undoing."""

from django.db import transaction
from django.db.models.functions import Now

from contacts.models import Consent, Contact, Suppression
from contacts.services.consents import Person, record_consent
from contacts.services.locks import lock_suppressions
from contacts.signals import contact_opted_out


@transaction.atomic
def unsubscribe(
    *,
    business_id: int,
    phone: str,
    source: str,
    reference: str = "",
    ip: str | None = None,
    user_agent: str = "",
) -> bool:
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
    consent = Consent(
        business_id=business_id,
        contact=contact,
        kind=Consent.Kind.WITHDRAWN,
        source=source,
        reference=reference,
    )
    record_consent(consent, person=Person(phone=phone, ip=ip, user_agent=user_agent))
    contact_opted_out.send(
        sender=Contact,
        business_id=business_id,
        phone=phone,
        contact=contact,
        source=source,
        reference=reference,
    )
    return True


@transaction.atomic
def resubscribe(
    *,
    business_id: int,
    phone: str,
    source: str,
    reference: str = "",
    ip: str | None = None,
    user_agent: str = "",
) -> bool:
    """Take back an opt-out, because the person says so. False if there was none.

    Whoever calls this knows that it is the person: they act on a link sent to their phone.
    """
    lock_suppressions(business_id=business_id)
    if not lift_suppression(business_id=business_id, phone=phone):
        return False
    consent = Consent(
        business_id=business_id,
        contact=Contact.objects.filter(business_id=business_id, phone=phone).first(),
        kind=Consent.Kind.GRANTED,
        source=source,
        reference=reference,
    )
    record_consent(consent, person=Person(phone=phone, ip=ip, user_agent=user_agent))
    return True


def lift_suppression(*, business_id: int, phone: str) -> bool:
    """Subscribed again, if it is a contact. Runs under lock_suppressions.

    Else a contact that is being created meanwhile would stay unsubscribed, and nothing say why.
    """
    lifted, _ = Suppression.objects.filter(business_id=business_id, phone=phone).delete()
    contacts = Contact.objects.filter(business_id=business_id, phone=phone, is_subscribed=False)
    contacts.update(is_subscribed=True, unsubscribed_at=None, updated_at=Now())
    return bool(lifted)
