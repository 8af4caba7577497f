"""People a business may text, what they agreed to, and how they come in."""

from contacts.models.consents import (
    Consent,
    ConsentHead,
    ConsentLink,
    ConsentPerson,
    ConsentText,
)
from contacts.models.contacts import (
    E164,
    Contact,
    ContactList,
    Gender,
    ListMembership,
    Suppression,
)
from contacts.models.imports import (
    MAX_ERROR_COLUMN,
    MAX_ERROR_REASON,
    ContactImport,
    ContactImportError,
    ImportedPhone,
)
from contacts.models.opt_in import DailySignups, OptInRequest

__all__ = [
    "E164",
    "MAX_ERROR_COLUMN",
    "MAX_ERROR_REASON",
    "Consent",
    "ConsentHead",
    "ConsentLink",
    "ConsentPerson",
    "ConsentText",
    "Contact",
    "ContactImport",
    "ContactImportError",
    "ContactList",
    "DailySignups",
    "Gender",
    "ImportedPhone",
    "ListMembership",
    "OptInRequest",
    "Suppression",
]
