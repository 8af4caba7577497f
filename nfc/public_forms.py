"""What visitors fill in, on the page and in its JSON twin."""

import re
from datetime import date
from typing import Any, Final, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from contacts.models import Gender
from contacts.phone import InvalidPhone, Reason, country_of, normalise
from contacts.services import ContactFields
from nfc.models import OPTIONAL_FIELDS, Tag

EARLIEST_BIRTHDAY: Final = date(1900, 1, 1)
TRAP: Final = "website"

_PHONE_ERRORS: Final[dict[Reason, Any]] = {
    "EMPTY": _("Please give your mobile number."),
    "NOT_A_NUMBER": _("This is not a phone number: please use digits only."),
    "TOO_SHORT": _("This phone number is too short."),
    "TOO_LONG": _("This phone number is too long."),
    "NOT_IN_USE": _("There is no such phone number: please check its digits."),
}
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
# What phones make links of. Dots as phones read them: also those of Chinese and full-width ones.
_ADDRESS = re.compile(r"://|@|[\w-][.\u3002\uff0e\uff61][^\W\d_]{2}|(?:\d\W{0,2}){5}")


def _printable(text: str) -> None:
    if _LONE_SURROGATE.search(text):
        raise ValidationError(_("Some of these characters cannot be read."), code="invalid")


def _no_address(text: str) -> None:
    """Names go into messages: anybody could have the shop text a link of theirs to any phone."""
    if _ADDRESS.search(text):
        raise ValidationError(_("Please give a name only: no address and no number."), "invalid")


def _name(label: Any, *, max_length: int = 100, **attrs: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=max_length,
        validators=[_printable, _no_address],
        widget=forms.TextInput(attrs=attrs),
        error_messages={
            "required": _("Please fill this in."),
            "max_length": _("This is too long."),
        },
    )


class PhoneField(forms.CharField):
    """A mobile number in any spelling, of a country that the business takes: E.164 comes out."""

    def __init__(self, business: Business) -> None:
        self.business = business
        super().__init__(
            label=_("Mobile number"),
            widget=forms.TextInput(
                attrs={"type": "tel", "inputmode": "tel", "autocomplete": "tel"}
            ),
            error_messages={"required": _PHONE_ERRORS["EMPTY"]},
        )

    def clean(self, value: Any) -> str:
        raw: str = super().clean(value)
        try:
            phone = normalise(raw, self.business.country)
        except InvalidPhone as error:
            raise ValidationError(_PHONE_ERRORS[error.reason], code="INVALID_PHONE") from error
        if country_of(phone) not in (self.business.signup_countries or [self.business.country]):
            raise ValidationError(
                _("Numbers of this country cannot be signed up here."), code="COUNTRY_NOT_ALLOWED"
            )
        return phone


class _PublicForm(forms.Form):
    """The phone, and a field that only programs fill in."""

    def __init__(self, data: Any = None, *, tag: Tag) -> None:
        super().__init__(data, auto_id="%s")
        self.fields["phone"] = PhoneField(tag.business)
        self.fields[TRAP] = forms.CharField(label=_("Leave this empty"), required=False)

    @property
    def wrong(self) -> list[str]:
        """The fields with errors beside them."""
        return [name for name in self.fields if name in self.errors]

    @property
    def is_trapped(self) -> bool:
        return bool(self.data.get(TRAP))


class VisitForm(_PublicForm):
    pass


class SignUpForm(_PublicForm):
    """The fields that the tag's form asks for, and the consent."""

    def __init__(self, data: Any = None, *, tag: Tag) -> None:
        super().__init__(data, tag=tag)
        assert tag.form is not None
        for name in OPTIONAL_FIELDS:
            if name in tag.form.fields:
                self.fields[name] = _MAKERS[name]()
                self.fields[name].required = tag.form.fields[name]["required"]
        self.fields["consent"] = forms.BooleanField(
            error_messages={"required": _("Please tick this, or we may not text you.")}
        )

    @property
    def asked(self) -> list[forms.BoundField]:
        """What is to be filled in, in the order of the page."""
        return [self[name] for name in ("phone", *OPTIONAL_FIELDS) if name in self.fields]

    def contact_fields(self) -> ContactFields:
        given = {name: self.cleaned_data.get(name) for name in OPTIONAL_FIELDS}
        return cast("ContactFields", {name: value for name, value in given.items() if value})


def _birthday() -> forms.DateField:
    field = forms.DateField(
        label=_("Birthday"),
        # Browsers that know no date field send what was typed.
        input_formats=["%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y"],
        widget=forms.DateInput(
            format="%Y-%m-%d",
            attrs={"type": "date", "autocomplete": "bday", "min": EARLIEST_BIRTHDAY.isoformat()},
        ),
        validators=[_past],
        error_messages={
            "required": _("Please fill this in."),
            "invalid": _("Please give the day as 31/12/1990."),
        },
    )
    field.localize = False
    return field


def _past(day: date) -> None:
    if not EARLIEST_BIRTHDAY <= day <= timezone.now().date():
        raise ValidationError(_("This cannot be a birthday."), code="invalid")


def _gender() -> forms.ChoiceField:
    return forms.ChoiceField(
        label=_("Gender"),
        choices=[
            ("", "–"),
            (Gender.FEMALE, _("Female")),
            (Gender.MALE, _("Male")),
            (Gender.OTHER, _("Other")),
        ],
        widget=forms.Select(attrs={"autocomplete": "sex"}),
        error_messages={
            "required": _("Please fill this in."),
            "invalid_choice": _("Please choose one of these."),
        },
    )


def _email() -> forms.EmailField:
    return forms.EmailField(
        label=_("E-mail"),
        max_length=254,
        validators=[_printable],
        widget=forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email"}),
        error_messages={
            "required": _("Please fill this in."),
            "invalid": _("Please give an e-mail address such as name@example.com."),
            "max_length": _("This is too long."),
        },
    )


_MAKERS: Final = {
    "first_name": lambda: _name(_("First name"), autocomplete="given-name"),
    "last_name": lambda: _name(_("Last name"), autocomplete="family-name"),
    "email": _email,
    "birthday": _birthday,
    "gender": _gender,
}
