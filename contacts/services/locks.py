"""The lock that keeps subscriptions and suppressions in step."""

from django.db import connection

_LOCK = "SELECT {function}(hashtextextended(%s, 0))"


def lock_suppressions(*, business_id: int) -> None:
    """Until the transaction ends, nobody else adds a suppression or a contact to the business.

    For whoever adds a suppression. Taken before any row lock, lest two wait for each other.
    """
    _lock("pg_advisory_xact_lock", business_id)


def hold_suppressions(*, business_id: int) -> None:
    """Until the transaction ends, nobody adds a suppression to the business.

    For whoever adds a contact that is subscribed because its phone is not suppressed: neither
    transaction would see the other's row, and the contact would stay subscribed.
    """
    _lock("pg_advisory_xact_lock_shared", business_id)


def _lock(function: str, business_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_LOCK.format(function=function), [f"contacts:suppression:{business_id}"])
