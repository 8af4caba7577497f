"""What can be done with tags, and what customers do by them."""

from nfc.services.counting import (
    credit_redemption,
    credit_unsubscribe,
    record_scan,
    record_tap,
    take_back_redemption,
    take_back_unsubscribe,
)
from nfc.services.editing import (
    FormExists,
    FormFields,
    FormGone,
    FormInUse,
    TagFields,
    TagGone,
    TagInUse,
    create_form,
    create_tag,
    delete_form,
    delete_tag,
    update_form,
    update_tag,
)
from nfc.services.signing_up import confirm, sign_up
from nfc.services.visiting import confirm_visit

__all__ = [
    "FormExists",
    "FormFields",
    "FormGone",
    "FormInUse",
    "TagFields",
    "TagGone",
    "TagInUse",
    "confirm",
    "confirm_visit",
    "create_form",
    "create_tag",
    "credit_redemption",
    "credit_unsubscribe",
    "delete_form",
    "delete_tag",
    "record_scan",
    "record_tap",
    "sign_up",
    "take_back_redemption",
    "take_back_unsubscribe",
    "update_form",
    "update_tag",
]
