"""Writes of contacts: every view, task, command and admin action comes through here."""

from contacts.services.contacts import (
    ConsentWithdrawn,
    ContactExists,
    ContactFields,
    ContactGone,
    create_contact,
    delete_contact,
    update_contact,
)
from contacts.services.import_run import run_import
from contacts.services.imports import (
    FileTooLarge,
    ImportOver,
    cancel_import,
    check_size,
    create_import,
)
from contacts.services.lists import (
    MAX_MEMBERS_PER_CALL,
    ListExists,
    ListGone,
    ListInUse,
    ListIsDynamic,
    ListKindFixed,
    UnknownContacts,
    add_members,
    create_list,
    delete_list,
    remove_members,
    update_list,
)
from contacts.services.locks import hold_contact
from contacts.services.opt_in import (
    Evidence,
    OptIn,
    Outcome,
    confirm_by_reply,
    confirm_opt_in,
    find_request,
    forget_requests,
    opt_in,
)
from contacts.services.subscriptions import resubscribe, unsubscribe

__all__ = [
    "MAX_MEMBERS_PER_CALL",
    "ConsentWithdrawn",
    "ContactExists",
    "ContactFields",
    "ContactGone",
    "Evidence",
    "FileTooLarge",
    "ImportOver",
    "ListExists",
    "ListGone",
    "ListInUse",
    "ListIsDynamic",
    "ListKindFixed",
    "OptIn",
    "Outcome",
    "UnknownContacts",
    "add_members",
    "cancel_import",
    "check_size",
    "confirm_by_reply",
    "confirm_opt_in",
    "create_contact",
    "create_import",
    "create_list",
    "delete_contact",
    "delete_list",
    "find_request",
    "forget_requests",
    "hold_contact",
    "opt_in",
    "remove_members",
    "resubscribe",
    "run_import",
    "unsubscribe",
    "update_contact",
    "update_list",
]
