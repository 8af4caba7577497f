"""Checking that consents are as they were written: docs/adr/0008-consent-chain.md."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django.db import connection, transaction

# One statement, so one moment. Only what is wrong leaves the database, and the summary at the end.
# A row behind a gap cannot be checked: it was chained to the one that is missing.
_VERIFY: Final = """
WITH walked AS (
    SELECT link.number, link.consent_id, lag(link.number, 1, 0::bigint) OVER chain AS before,
        consent.id IS NOT NULL AS is_there,
        link.hash = consent_hash(
            lag(link.hash, 1, '') OVER chain, link.number, consent.id, consent.business_id,
            consent.kind, consent.source, consent.reference, consent.created_at, words.sha256,
            words.language, consent.version, consent.tag, consent.page, consent.person_hash
        ) AS is_right,
        consent.person_hash <> '' AND person.consent_id IS NULL AS is_erased,
        person.consent_id IS NOT NULL AND consent.person_hash <> consent_person_hash(
            person.salt, person.phone, person.ip, person.user_agent
        ) AS is_another
    FROM contacts_consentlink AS link
    LEFT JOIN contacts_consent AS consent ON consent.id = link.consent_id
    LEFT JOIN contacts_consenttext AS words ON words.id = consent.text_id
    LEFT JOIN contacts_consentperson AS person ON person.consent_id = link.consent_id
    WHERE link.business_id = %(business)s
    WINDOW chain AS (ORDER BY link.number)
), tail AS (
    SELECT coalesce(last.number, 0) AS number, coalesce(last.hash, '') AS hash
    FROM (VALUES (true)) AS always LEFT JOIN LATERAL (
        SELECT number, hash FROM contacts_consentlink WHERE business_id = %(business)s
        ORDER BY number DESC LIMIT 1
    ) AS last ON true
), head AS (
    SELECT count, last_hash FROM contacts_consenthead WHERE business_id = %(business)s
)
SELECT fault, consent_id, before + 1, number - (fault = 'gap')::integer, '' FROM walked, LATERAL (
    VALUES ('gap', number > before + 1), ('removed', NOT is_there),
        ('changed', is_there AND number = before + 1 AND NOT is_right), ('person', is_another)
) AS found (fault, is_so) WHERE is_so
UNION ALL
SELECT 'unchained', id, NULL, NULL, '' FROM contacts_consent WHERE business_id = %(business)s
    AND NOT EXISTS (SELECT FROM contacts_consentlink AS link WHERE link.consent_id = id)
UNION ALL
SELECT 'text', id, NULL, NULL, '' FROM contacts_consenttext WHERE business_id = %(business)s
    AND sha256 <> encode(sha256(convert_to(text, 'UTF8')), 'hex')
UNION ALL
SELECT CASE WHEN count > number THEN 'end' ELSE 'head' END, NULL, number + 1, coalesce(count, 0), ''
FROM tail LEFT JOIN head ON true
WHERE (number, hash) IS DISTINCT FROM (coalesce(count, 0), coalesce(last_hash, ''))
UNION ALL
SELECT 'chain', NULL, (SELECT count(*) FROM walked WHERE is_erased), count, last_hash FROM head
"""

_WORDS: Final = {
    "gap": "numbers {first} to {last} of the chain were removed",
    "removed": "consent {row} (number {last}) was removed",
    "changed": "consent {row} (number {last}) was changed",
    "person": "consent {row} (number {last}): its personal data was changed",
    "unchained": "consent {row} was put in beside the chain",
    "text": "text {row} was changed",
    "end": "numbers {first} to {last}, the end of the chain, were removed",
    "head": "the head of the chain was changed or removed: it says {last} consents",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, in words that name the row."""

    business_id: int
    words: str

    def __str__(self) -> str:
        return f"Business {self.business_id}: {self.words}."


@dataclass(frozen=True, slots=True)
class Chain:
    """What the head says. erased: consents whose personal data has been erased since.

    Somebody who keeps count and last_hash elsewhere would notice even if all had been rewritten.
    """

    business_id: int
    count: int
    last_hash: str
    erased: int

    def __str__(self) -> str:
        erased = f", {self.erased} erased" if self.erased else ""
        return f"Business {self.business_id}: {self.count} consents{erased}, head {self.last_hash}"


def verify_chain(*, business_id: int) -> Iterator[Fault | Chain]:
    """All that is wrong, then what the chain is, if there is one. In flat memory."""
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(_VERIFY, {"business": business_id})
        for kind, row, first, last, last_hash in cursor:
            if kind == "chain":
                yield Chain(business_id, count=last, last_hash=last_hash, erased=first)
            else:
                yield Fault(business_id, _WORDS[kind].format(row=row, first=first, last=last))
