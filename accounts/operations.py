"""Operations of migrations, beside Django's own."""

from django.db.migrations import RunSQL


def drop_index(table: str, column: str, suffix: str) -> RunSQL:
    """A foreign key's own index, alone and while others work; only where `atomic = False`.

    suffix: Django's, at the end of the index's name. AlterField would check the foreign key anew,
    while nobody may read either table.
    """
    index = f"{table}_{column}_{suffix}"
    return RunSQL(
        f"DROP INDEX CONCURRENTLY IF EXISTS {index}",
        f"CREATE INDEX CONCURRENTLY {index} ON {table} ({column})",
    )
