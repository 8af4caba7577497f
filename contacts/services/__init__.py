"""Writes of contacts: every view, task, command and admin action comes through here."""

from contacts.services.contacts import (
    ConsentWithdrawn,
    ContactExists,
    ContactFields,
    ContactGone,
    create_contact,
    update_contact,
)
from contacts.services.imports import FileTooLarge, ImportOver, cancel_import, create_import
from contacts.services.subscriptions import unsubscribe

__all__ = [
    "ConsentWithdrawn",
    "ContactExists",
    "ContactFields",
    "ContactGone",
    "FileTooLarge",
    "ImportOver",
    "cancel_import",
    "create_contact",
    "create_import",
    "unsubscribe",
    "update_contact",
]
