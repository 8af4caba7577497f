"""The part of the admin's form of a campaign that says how often it goes out."""

from typing import Any, Final

from django import forms
from rest_framework.exceptions import ErrorDetail

from campaigns.recurrence import MAX_COUNT, WEEKDAYS
from campaigns.serializers import RecurrenceSerializer

_NAMES: Final = (
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
)  # fmt: skip
# Fields of the form by the parts of the rule, in the order of the page.
_FIELDS: Final = {
    "every": "repeat",
    "weekdays": "repeat_weekdays",
    "day": "repeat_day",
    "until": "repeat_until",
    "count": "repeat_count",
}
REPEAT_FIELDS: Final = tuple(_FIELDS.values())


class RecurrenceForm(forms.ModelForm):  # type: ignore[type-arg]
    """For models with a `recurrence`: fields that become it, or None if it goes out once."""

    repeat = forms.ChoiceField(
        label="Goes out",
        required=False,
        choices=[
            ("", "Once"), ("day", "Every day"), ("week", "Every week"), ("month", "Every month"),
        ],
        help_text="Again and again at the time above, from the first day that fits.",
    )  # fmt: skip
    repeat_weekdays = forms.MultipleChoiceField(
        label="On",
        required=False,
        choices=list(zip(WEEKDAYS, _NAMES, strict=True)),
        widget=forms.CheckboxSelectMultiple,
        help_text="Every week.",
    )
    repeat_day = forms.IntegerField(
        label="On day",
        required=False,
        min_value=1,
        max_value=31,
        help_text="Every month; 31 for its last day.",
    )
    repeat_until = forms.DateField(
        label="Until",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="The last day. Empty: until you cancel it.",
    )
    repeat_count = forms.IntegerField(
        label="Times",
        required=False,
        min_value=1,
        max_value=MAX_COUNT,
        help_text="At most so often. Empty: without a limit.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for part, value in (self.instance.recurrence or {}).items():
            self.initial.setdefault(_FIELDS[part], value)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        cleaned["recurrence"] = None
        wrong = self.errors.keys() & _FIELDS.values()
        if cleaned.get("repeat") and not wrong:
            cleaned["recurrence"] = self._read_rule()
        return cleaned

    def _read_rule(self) -> dict[str, Any] | None:
        """What belongs to another kind of rule is passed over: it may be left from a change."""
        rule = {part: self.cleaned_data.get(field) or None for part, field in _FIELDS.items()}
        for part, every in (("weekdays", "week"), ("day", "month")):
            if rule["every"] != every:
                rule[part] = None
        serializer = RecurrenceSerializer(data=rule)
        if serializer.is_valid():
            return dict(serializer.validated_data)
        errors: dict[str, list[ErrorDetail]] = serializer.errors
        for part, reasons in errors.items():
            self.add_error(_FIELDS.get(part, "repeat"), [str(reason) for reason in reasons])
        return None
