"""One chunk of an import: COPY into a staging table, then a few statements over all its rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection
from django.db.backends.utils import CursorWrapper
from psycopg.types.json import Jsonb

from contacts.csv_import import RejectedRow, Row, RowError
from contacts.models import (
    MAX_ERROR_COLUMN,
    MAX_ERROR_REASON,
    Consent,
    ContactImport,
    ContactImportError,
)
from contacts.services.locks import hold_suppressions, lock_suppressions

_STAGE: Final = """
CREATE TEMP TABLE IF NOT EXISTS import_stage (
    line integer, phone text COLLATE "C", email text, first_name text, last_name text,
    gender text, birthday date, attributes jsonb, is_subscribed boolean
) ON COMMIT DROP;
TRUNCATE import_stage
"""
_COPY: Final = """
COPY import_stage (line, phone, email, first_name, last_name, gender, birthday, attributes,
    is_subscribed) FROM STDIN
"""
# Rows of a phone that an earlier line of the file had, in this chunk or before.
_REMEMBER: Final = """
INSERT INTO contacts_importedphone (contact_import_id, phone, line)
SELECT %(import)s, phone, line FROM import_stage ORDER BY line
ON CONFLICT (contact_import_id, phone) DO NOTHING
"""
_DROP_DUPLICATES: Final = """
DELETE FROM import_stage AS stage USING contacts_importedphone AS met
WHERE met.contact_import_id = %(import)s AND met.phone = stage.phone AND met.line <> stage.line
RETURNING stage.line, met.line
"""
# The sorted order lets two imports wait for each other, but not deadlock. A row that the insert
# created has no xmax; one that it updated has, for it was locked first.
# An import may take a subscription away, and never gives one back.
_MERGE: Final = """
WITH touched AS (
    INSERT INTO contacts_contact AS contact (business_id, phone, email, first_name, last_name,
        gender, birthday, attributes, is_subscribed, unsubscribed_at, created_at, updated_at)
    SELECT %(business)s, phone, coalesce(email, ''), coalesce(first_name, ''),
        coalesce(last_name, ''), coalesce(gender, ''), birthday, attributes, is_open,
        CASE WHEN is_open THEN NULL ELSE now() END, now(), now()
    FROM import_stage, LATERAL (SELECT is_subscribed IS NOT FALSE AND NOT EXISTS (
        SELECT FROM contacts_suppression AS suppression
        WHERE suppression.business_id = %(business)s AND suppression.phone = import_stage.phone
    ) AS is_open) AS subscription
    ORDER BY phone
    ON CONFLICT (business_id, phone) {on_conflict}
    RETURNING id, phone, is_subscribed, xmax = 0 AS is_new
), withdrawn AS (
    INSERT INTO contacts_suppression (business_id, phone, source)
    SELECT %(business)s, phone, %(source)s
    FROM touched JOIN import_stage AS stage USING (phone)
    WHERE stage.is_subscribed IS FALSE
    ON CONFLICT (business_id, phone) DO NOTHING
    RETURNING phone
), consented AS (
    INSERT INTO contacts_consent (business_id, contact_id, kind, source, reference)
    SELECT %(business)s, id, CASE WHEN is_subscribed THEN %(granted)s ELSE %(withdrawn)s END,
        %(source)s, %(reference)s
    FROM touched LEFT JOIN withdrawn USING (phone)
    WHERE is_new OR withdrawn.phone IS NOT NULL
    ORDER BY id
)
SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM touched
"""
_SKIP: Final = "DO NOTHING"
_UPDATE: Final = """DO UPDATE SET
        email = coalesce(nullif(excluded.email, ''), contact.email),
        first_name = coalesce(nullif(excluded.first_name, ''), contact.first_name),
        last_name = coalesce(nullif(excluded.last_name, ''), contact.last_name),
        gender = coalesce(nullif(excluded.gender, ''), contact.gender),
        birthday = coalesce(excluded.birthday, contact.birthday),
        attributes = contact.attributes || excluded.attributes,
        is_subscribed = contact.is_subscribed AND excluded.is_subscribed,
        unsubscribed_at = coalesce(contact.unsubscribed_at, excluded.unsubscribed_at),
        updated_at = now()"""
_COUNT_KNOWN: Final = """
SELECT count(*) FROM import_stage JOIN contacts_contact AS contact USING (phone)
WHERE contact.business_id = %(business)s
"""
# The lock leaves out who is being deleted: the chunk's commit would fail for them.
_JOIN_LIST: Final = """
INSERT INTO contacts_listmembership (contact_list_id, contact_id)
SELECT %(list)s, contact.id FROM import_stage JOIN contacts_contact AS contact USING (phone)
WHERE contact.business_id = %(business)s ORDER BY contact.id FOR KEY SHARE OF contact
ON CONFLICT (contact_list_id, contact_id) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Counts:
    created: int
    updated: int
    skipped: int
    failed: int


def store_rows(contact_import: ContactImport, rows: Sequence[Row | RejectedRow]) -> Counts:
    """Write the rows and their errors; a dry run writes the errors only.

    Runs inside the caller's transaction, which holds the import's row.
    """
    good = [row for row in rows if isinstance(row, Row)]
    errors = [error for row in rows if isinstance(row, RejectedRow) for error in row.errors]
    if any(row.is_subscribed is False for row in good):
        lock_suppressions(business_id=contact_import.business_id)
    else:
        hold_suppressions(business_id=contact_import.business_id)
    with connection.cursor() as cursor:
        _stage(cursor, good)
        duplicates = list(_drop_duplicates(cursor, contact_import))
        created, updated = _merge(cursor, contact_import, len(good) - len(duplicates))
    _record_errors(contact_import, [*errors, *duplicates])
    return Counts(
        created=created,
        updated=updated,
        skipped=len(good) - created - updated,
        failed=len(rows) - len(good),
    )


def _stage(cursor: CursorWrapper, rows: Sequence[Row]) -> None:
    cursor.execute(_STAGE)
    with cursor.copy(_COPY) as copy:
        for row in rows:
            copy.write_row(
                (
                    row.line,
                    row.phone,
                    row.email,
                    row.first_name,
                    row.last_name,
                    row.gender,
                    row.birthday,
                    Jsonb(row.attributes),
                    row.is_subscribed,
                )
            )
    cursor.execute("ANALYZE import_stage")


def _drop_duplicates(cursor: CursorWrapper, contact_import: ContactImport) -> Iterator[RowError]:
    names = {"import": contact_import.pk}
    cursor.execute(_REMEMBER, names)
    cursor.execute(_DROP_DUPLICATES, names)
    for line, first in cursor.fetchall():
        reason = f"The phone of line {first} again: that line was taken."
        yield RowError(line, "phone", "DUPLICATE_IN_FILE", reason)


def _merge(cursor: CursorWrapper, contact_import: ContactImport, staged: int) -> tuple[int, int]:
    """The numbers of contacts that were, or in a dry run would have been, created and updated."""
    names = _names(contact_import)
    if contact_import.dry_run:
        cursor.execute(_COUNT_KNOWN, names)
        (known,) = cursor.fetchone()
        return staged - known, known if contact_import.update_existing else 0
    on_conflict = _UPDATE if contact_import.update_existing else _SKIP
    cursor.execute(_MERGE.format(on_conflict=on_conflict), names)
    created, updated = cursor.fetchone()
    if contact_import.contact_list_id:
        cursor.execute(_JOIN_LIST, names)
    return created, updated


def _names(contact_import: ContactImport) -> dict[str, Any]:
    return {
        "business": contact_import.business_id,
        "list": contact_import.contact_list_id,
        "reference": str(contact_import.pk),
        "source": Consent.Source.IMPORT.value,
        "granted": Consent.Kind.GRANTED.value,
        "withdrawn": Consent.Kind.WITHDRAWN.value,
    }


def _record_errors(contact_import: ContactImport, errors: Sequence[RowError]) -> None:
    ContactImportError.objects.bulk_create(
        ContactImportError(
            contact_import=contact_import,
            line=error.line,
            column=error.column[:MAX_ERROR_COLUMN],
            code=error.code,
            reason=error.reason[:MAX_ERROR_REASON],
        )
        for error in sorted(errors)
    )
