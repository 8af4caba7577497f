"""The rule of a recurring campaign as JSON."""

from typing import Any, Final

from django.core.validators import MaxValueValidator, MinValueValidator
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from accounts.strict import StrictSerializer
from campaigns.recurrence import EVERY, MAX_COUNT, WEEKDAYS
from campaigns.schedule import EARLIEST, LATEST

# What a rule needs besides; nothing else is allowed with it.
_NEEDS: Final = {"day": None, "week": "weekdays", "month": "day"}


class RecurrenceSerializer(StrictSerializer):
    """When the campaign comes again, always at the time of its first run.

    The wall time in the business's time zone stays the same when the clocks change. The series ends
    after `until`, or after `count` runs, or when somebody cancels it. Whoever gives one replaces it
    whole.
    """

    every = serializers.ChoiceField(EVERY)
    weekdays = serializers.ListField(
        child=serializers.ChoiceField(WEEKDAYS),
        required=False,
        allow_null=True,
        allow_empty=False,
        help_text="Of `week`, which needs them.",
    )
    day = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=31,
        help_text="Of `month`, which needs it; a shorter month's last day, so that 31 is the last "
        "day of every month.",
    )
    until = serializers.DateField(
        required=False,
        allow_null=True,
        validators=[MinValueValidator(EARLIEST), MaxValueValidator(LATEST)],
        help_text="The last day on which it may go out.",
    )
    count = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=MAX_COUNT,
        help_text="How often it goes out at most; runs that were left out do not count.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        # A partial change of the campaign is no partial rule.
        given = {name: value for name, value in attrs.items() if value is not None}
        needed = _NEEDS.get(given.get("every", ""), "every")
        if needed and needed not in given:
            required = str(self.fields["every"].error_messages["required"])
            raise serializers.ValidationError({needed: [ErrorDetail(required, "required")]})
        if unwanted := {"weekdays", "day"} & given.keys() - {needed}:
            detail = ErrorDetail("This rule has none.", "NOT_OF_THIS_RULE")
            raise serializers.ValidationError({name: [detail] for name in sorted(unwanted)})
        if "weekdays" in given:
            given["weekdays"] = [name for name in WEEKDAYS if name in given["weekdays"]]
        if "until" in given:
            given["until"] = given["until"].isoformat()
        return given
