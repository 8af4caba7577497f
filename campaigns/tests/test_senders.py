"""A sender that no gateway takes gets in by no door, not even by that of the database."""

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.tests.factories import make_business
from campaigns.tests.factories import make_automation, make_sending

pytestmark = pytest.mark.django_db

COLUMNS = [
    ("accounts_business", "sender_name"),
    ("campaigns_campaign", "sender"),
    ("campaigns_automation", "sender"),
    ("messaging_broadcast", "sender"),
]


def set_sender(table: str, column: str, sender: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {column} = %s", [sender])  # noqa: S608


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_raw_sql_cannot_write_it(table: str, column: str) -> None:
    make_automation(make_business())
    make_sending()
    for sender in ("Bakery", "24h", "A1B2C3D4E5F", "306940000001", "12345678901234"):
        set_sender(table, column, sender)
    for sender in ("ab", "a b", "twelvechars1", "Καφές", "Caf\u00e9", "Bakery\n", "+30694", "-"):
        with pytest.raises(IntegrityError, match="_sender"):
            set_sender(table, column, sender)
