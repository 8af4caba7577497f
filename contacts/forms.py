"""Parts of the admin's forms: who is meant, and the free fields of a contact, without JSON."""

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from rest_framework.exceptions import ValidationError as FilterError

from contacts.attributes import InvalidAttributes, check_attributes
from contacts.filters import MAX_AGE, AudienceFilter, validate_audience_filter
from contacts.models import Gender

FILTER_FIELDS = ("gender", "age_min", "age_max")


class AudienceFilterForm(forms.ModelForm):  # type: ignore[type-arg]
    """For models with a `filter`: three fields that become it, or None when all are empty."""

    gender = forms.ChoiceField(choices=[("", "Any"), *Gender.choices], required=False)
    age_min = forms.IntegerField(label="Age from", min_value=0, max_value=MAX_AGE, required=False)
    age_max = forms.IntegerField(
        label="Age to",
        min_value=0,
        max_value=MAX_AGE,
        required=False,
        help_text="Both ends included. Contacts without a birthday are of no age.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, value in (self.instance.filter or {}).items():
            self.initial.setdefault(name, value)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        given = {name: data[name] for name in FILTER_FIELDS if data.get(name) not in {None, ""}}
        try:
            data["filter"] = dict(validate_audience_filter(given)) or None
        except FilterError as error:
            for name, reasons in dict(error.detail).items():  # type: ignore[arg-type]
                self.add_error(name, [str(reason) for reason in reasons])
        return data


def describe_filter(chosen: AudienceFilter | None) -> str:
    """Such as `female, from 18 to 30 years`; empty for everybody."""
    if not chosen:
        return ""
    words = [str(Gender(chosen["gender"]).label).lower()] if "gender" in chosen else []
    ages = [f"from {chosen['age_min']}"] if "age_min" in chosen else []
    ages += [f"to {chosen['age_max']}"] if "age_max" in chosen else []
    return ", ".join([*words, *([" ".join(ages) + " years"] if ages else [])])


class AttributesField(forms.CharField):
    """The free fields as lines, `city: Athens`. A text that reads as a number stands in quotes."""

    widget = forms.Textarea(attrs={"rows": 4})

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value  # what was typed, shown again beside its mistake
        return "\n".join(f"{name}: {_written(each)}" for name, each in sorted(value.items()))

    def to_python(self, value: Any) -> Any:
        lines = [line for line in (value or "").splitlines() if line.strip()]
        pairs = [line.partition(":") for line in lines]
        if wrong := next(
            (line for line, pair in zip(lines, pairs, strict=True) if not pair[1]), ""
        ):
            raise ValidationError(f"“{wrong}” is not of the form “name: value”.")
        attributes = {name.strip(): _read(text.strip()) for name, _, text in pairs}
        if len(attributes) < len(pairs):
            raise ValidationError("Each name may stand there once.")
        try:
            return dict(check_attributes(attributes))
        except InvalidAttributes as error:
            raise ValidationError(str(error)) from error

    def validate(self, value: Any) -> None:
        """Any that could be read will do; an empty one, too."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != (initial or {}))
        except ValidationError:
            return True


def _written(value: object) -> str:
    if isinstance(value, str) and _read(value.strip()) == value:
        return value
    return json.dumps(value, ensure_ascii=False)


def _read(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text
