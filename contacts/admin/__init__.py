"""Contacts as staff see them."""

from contacts.admin.consents import ConsentAdmin
from contacts.admin.contacts import ContactAdmin, SuppressionAdmin
from contacts.admin.imports import ContactImportAdmin
from contacts.admin.lists import ContactListAdmin, ListMembershipAdmin

__all__ = [
    "ConsentAdmin",
    "ContactAdmin",
    "ContactImportAdmin",
    "ContactListAdmin",
    "ListMembershipAdmin",
    "SuppressionAdmin",
]
