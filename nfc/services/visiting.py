"""A customer says at the till, or by the door, that they are here."""

from django.db import transaction

from contacts.services import hold_contact
from nfc import selectors
from nfc.models import Tag
from nfc.services.counting import record_visit


@transaction.atomic
def confirm_visit(*, tag: Tag, phone: str) -> None:
    """Count a visit of the contact behind the phone (E.164), once a day; nothing for strangers."""
    contact_id = selectors.contact_id_of(business_id=tag.business_id, phone=phone)
    if contact_id is not None and hold_contact(contact_id):
        record_visit(tag=tag, contact_id=contact_id)
