"""No index is the beginning of another one.

It would cost every insert and find nothing more; and where the statistics are of before an import,
PostgreSQL takes the shorter one for as good and reads all rows of a business for each phone.
"""

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader

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


@pytest.mark.django_db
def test_indexes_go_while_others_work_and_no_foreign_key_with_them() -> None:
    """To check one anew would keep everybody from both of its tables, of millions of contacts."""
    loader = MigrationLoader(connection)
    statements = []
    for app, name in loader.graph.nodes:
        if name.endswith("_fewer_indexes"):
            state = loader.project_state((app, name), at_end=False)
            with connection.schema_editor(collect_sql=True, atomic=False) as editor:
                loader.get_migration(app, name).apply(state, editor, collect_sql=True)
            statements += editor.collected_sql
    said = [statement for statement in statements if not statement.startswith("--")]
    assert len(said) == 19
    assert all(statement.startswith("DROP INDEX CONCURRENTLY ") for statement in said), said
