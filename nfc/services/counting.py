"""What happens by a tag, written down; the database counts it."""

from datetime import date
from typing import Any

from django.db import IntegrityError, transaction

from contacts.selectors import today_in
from contacts.services import hold_contact
from nfc import selectors
from nfc.models import Scan, Tag


def record_tap(*, tag: Tag) -> None:
    """A person has opened the tag's page, or it was shown to one by another site."""
    try:
        with transaction.atomic():
            record_scan(tag=tag, kind=Scan.Kind.TAP)
    except IntegrityError:
        return  # deleted since it was cached: nothing is left to be counted


def record_scan(*, tag: Tag, kind: str, contact_id: int | None = None) -> None:
    _row(tag, kind, contact_id=contact_id).save(force_insert=True)


def record_visit(*, tag: Tag, contact_id: int) -> None:
    """One a day, however often it is confirmed."""
    visit = _row(tag, Scan.Kind.VISIT, contact_id=contact_id)
    Scan.objects.bulk_create([visit], ignore_conflicts=True)


def credit_unsubscribe(*, contact_id: int) -> None:
    """To the tag by which the contact came in, if it was by one."""
    source = selectors.tag_of_contact(contact_id)
    if source is not None:
        _credit(source, Scan.Kind.UNSUBSCRIBE, contact_id=contact_id)


def take_back_unsubscribe(*, contact_id: int) -> None:
    """From the tag and the day that it was counted for, if it was counted."""
    counted = selectors.standing_unsubscribe(contact_id)
    if counted is not None:
        _credit(counted, Scan.Kind.UNSUBSCRIBE_UNDONE, day=counted.day, contact_id=contact_id)


def credit_redemption(*, redemption_id: int, contact_id: int) -> None:
    """To the tag by which the contact came in, if it was by one and they are a contact still."""
    if not hold_contact(contact_id):
        return
    source = selectors.tag_of_contact(contact_id)
    if source is not None:
        _credit(source, Scan.Kind.REDEMPTION, contact_id=contact_id, redemption=redemption_id)


def take_back_redemption(*, redemption_id: int) -> None:
    """From the tag and the day that it was counted for, if it was counted."""
    counted = selectors.scan_of_redemption(redemption_id)
    if counted is None:
        return
    contact_id = counted.contact_id
    if contact_id is not None and not hold_contact(contact_id):
        contact_id = None
    _credit(
        counted,
        Scan.Kind.REDEMPTION_UNDONE,
        day=counted.day,
        contact_id=contact_id,
        redemption=redemption_id,
    )


def _credit(source: Scan, kind: str, *, day: date | None = None, **values: Any) -> None:
    row = _row(source.tag, kind, **values)
    row.day = day or row.day
    row.is_test = source.is_test
    row.save(force_insert=True)


def _row(tag: Tag, kind: str, **values: Any) -> Scan:
    return Scan(
        business_id=tag.business_id,
        tag_id=tag.pk,
        kind=kind,
        day=today_in(tag.business),
        is_test=tag.is_test,
        **values,
    )
