"""No index is the beginning of another one.

It would cost every insert and find nothing more; and where the statistics are of before an import,
PostgreSQL takes the shorter one for as good and reads all rows of a business for each phone.
"""

import pytest
from django.db import connection

_BEGINNINGS = """
SELECT short.indexrelid::regclass::text, long.indexrelid::regclass::text
FROM pg_index short JOIN pg_index long USING (indrelid)
WHERE indrelid IN (SELECT oid FROM pg_class WHERE relname = ANY(%s))
    AND NOT short.indisunique AND short.indpred IS NULL AND long.indpred IS NULL
    AND short.indexprs IS NULL AND short.indnkeyatts <= long.indnkeyatts
    AND (short.indnkeyatts < long.indnkeyatts OR short.indexrelid > long.indexrelid)
    AND (SELECT bool_and(short.indkey[n] = long.indkey[n] AND short.indclass[n] = long.indclass[n])
        FROM generate_series(0, short.indnkeyatts - 1) n)
"""
OURS = ("accounts", "campaigns", "contacts", "messaging", "nfc", "rediskit", "tracking")
DJANGO_S = {"accounts_user_groups", "accounts_user_user_permissions"}


@pytest.mark.django_db
def test_no_index_begins_another_one() -> None:
    tables = [
        table
        for table in connection.introspection.table_names()
        if table.startswith(OURS) and table not in DJANGO_S
    ]
    assert len(tables) > 40
    with connection.cursor() as cursor:
        cursor.execute(_BEGINNINGS, [tables])
        assert cursor.fetchall() == []
