"""What a person does with a link that they were sent, and what the till does with an offer."""

from tracking.services.links import OfferFields, attach, attach_same, prepare_links
from tracking.services.opting_out import (
    Person,
    count_stop,
    find_message,
    is_opted_out,
    may_undo_opt_out,
    opt_out,
    undo_opt_out,
)
from tracking.services.redeeming import (
    Evidence,
    Redeemed,
    RedeemStatus,
    Undone,
    UndoStatus,
    redeem,
    undo_redemption,
)
from tracking.services.visits import record_click, record_view

__all__ = [
    "Evidence",
    "OfferFields",
    "Person",
    "RedeemStatus",
    "Redeemed",
    "UndoStatus",
    "Undone",
    "attach",
    "attach_same",
    "count_stop",
    "find_message",
    "is_opted_out",
    "may_undo_opt_out",
    "opt_out",
    "prepare_links",
    "record_click",
    "record_view",
    "redeem",
    "undo_opt_out",
    "undo_redemption",
]
