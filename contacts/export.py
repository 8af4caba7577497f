"""Contacts as CSV, in the columns that the import takes back."""

from collections.abc import Iterator
from typing import Final

from django.db.models import Func, QuerySet

from contacts.csv_export import lines
from contacts.models import Contact

_COLUMNS: Final = (
    "phone", "email", "first_name", "last_name", "gender", "birthday", "is_subscribed",
)  # fmt: skip
_CHUNK: Final = 2000


def stream_contacts(contacts: QuerySet[Contact]) -> Iterator[str]:
    """In order of id and bounded memory; each chunk is a query of its own."""
    return lines(_rows(contacts.order_by("pk")))


def _rows(contacts: QuerySet[Contact]) -> Iterator[tuple[object, ...]]:
    attributes = _attribute_names(contacts)
    yield (*_COLUMNS, *(f"attributes.{name}" for name in attributes))
    last = 0
    while chunk := list(contacts.filter(pk__gt=last)[:_CHUNK]):
        for contact in chunk:
            yield (
                *(_cell(getattr(contact, column)) for column in _COLUMNS),
                *(_cell(contact.attributes.get(name)) for name in attributes),
            )
        last = chunk[-1].pk


def _attribute_names(contacts: QuerySet[Contact]) -> list[str]:
    names = contacts.order_by().annotate(name=Func("attributes", function="jsonb_object_keys"))
    return sorted(set(names.values_list("name", flat=True).distinct()))


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else value
