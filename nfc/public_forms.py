"""What visitors fill in, on the page and in its JSON twin."""

import re
from datetime import date
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from contacts.models import Gender
from contacts.phone import InvalidPhone, Reason, country_of, normalise
from contacts.services import ContactFields
from nfc.models import OPTIONAL_FIELDS, Tag

EARLIEST_BIRTHDAY: Final = date(1900, 1, 1)
TRAP: Final = "website"

_PHONE_ERRORS: Final[dict[Reason, "str | Promise"]] = {
    "EMPTY": _("Please give your mobile number."),
    "NOT_A_NUMBER": _("This is not a phone number: please use digits only."),
    "TOO_SHORT": _("This phone number is too short."),
    "TOO_LONG": _("This phone number is too long."),
    "NOT_IN_USE": _("There is no such phone number: please check its digits."),
}
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def _printable(text: str) -> None:
    if _LONE_SURROGATE.search(text):
        raise ValidationError(_("Some of these characters cannot be read."), code="invalid")


def _text(label: Any, *, max_length: int = 100, **attrs: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=max_length,
        validators=[_printable],
        widget=forms.TextInput(attrs=attrs),
        error_messages={"required": _("Please fill this in."), "max_length": _("This is too long.")},
    )
