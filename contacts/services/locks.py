"""The locks that keep subscriptions and suppressions in step, and sign-ups of a phone apart."""

from django.db import connection

_LOCK = "SELECT {function}(hashtextextended(%s, 0))"
_HOLD_CONTACT = "SELECT id FROM contacts_contact WHERE id = %s FOR KEY SHARE"


def lock_suppressions(*, business_id: int) -> None:
    """Until the transaction ends, nobody else adds a suppression or a contact to the business.

    For whoever adds a suppression. Taken before any row lock, lest two wait for each other.
    """
    _lock("pg_advisory_xact_lock", f"suppression:{business_id}")


def hold_suppressions(*, business_id: int) -> None:
    """Until the transaction ends, nobody adds a suppression to the business.

    For whoever adds a contact that is subscribed because its phone is not suppressed: neither
    transaction would see the other's row, and the contact would stay subscribed.
    """
    _lock("pg_advisory_xact_lock_shared", f"suppression:{business_id}")


def lock_phone(*, business_id: int, phone: str) -> None:
    """Until the transaction ends, no other sign-up of this phone goes on. After the lock above."""
    _lock("pg_advisory_xact_lock", f"phone:{business_id}:{phone}")


def hold_contact(contact_id: int) -> bool:
    """Until the transaction ends nobody deletes the contact; False if somebody has.

    For whoever writes down what a contact did: else the reference fails at the commit. It waits for
    a deletion only, so that it may be called with other rows locked.
    """
    with connection.cursor() as cursor:
        cursor.execute(_HOLD_CONTACT, [contact_id])
        return cursor.fetchone() is not None


def _lock(function: str, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_LOCK.format(function=function), [f"contacts:{name}"])
