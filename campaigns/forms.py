"""The admin's forms of templates and campaigns."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model

from accounts.models import Business
from accounts.problems import Problem
from campaigns import selectors, services
from campaigns.models import Campaign, Template
from campaigns.schedule import EARLIEST, LATEST, Schedule, from_wall_time
from contacts.forms import AudienceFilterForm
from messaging.rendering import TemplateError
from messaging.texts import check_text

PLACEHOLDERS = (
    "It may say {{first_name}}, {{last_name}} and {{attributes.city}} or any other free field; "
    "{{first_name|there}} says “there” to whoever gave no name. "
    "A line with a link to opt out is added to every message."
)


class TemplateForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Template
        fields = ("business", "name", "text")
        help_texts = {"text": PLACEHOLDERS}

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"]
        _check(text)
        return text


class CampaignForm(AudienceFilterForm):
    """`schedule` is left in the cleaned data: what the service takes, None for a draft."""

    send_date = forms.DateField(
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="In the business's time zone. Without date and time the campaign is a draft.",
    )
    send_time = forms.TimeField(required=False, widget=forms.TimeInput(attrs={"type": "time"}))

    class Meta:
        model = Campaign
        fields = ("business", "name", "template", "text", "contact_list", "sender")
        labels = {"contact_list": "List"}
        help_texts = {
            "name": "For yourself; nobody gets to read it.",
            "template": "Choose a template or write a text below, not both.",
            "text": PLACEHOLDERS,
            "contact_list": "Empty for all contacts. Who has unsubscribed gets nothing.",
            "sender": "Who the message comes from; empty for the business's own.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.schedule_zone:
            self.initial.setdefault("send_date", self.instance.schedule_date)
            self.initial.setdefault("send_time", self.instance.schedule_time)
        if self.instance.pk:
            self._offer_own(self.instance.business)

    def _offer_own(self, business: Business) -> None:
        offered = {
            "template": selectors.templates_of(business),
            "contact_list": selectors.lists_of(business).order_by("name"),
        }
        for name in offered.keys() & self.fields.keys():
            self.fields[name].queryset = offered[name]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        business = cleaned.get("business") or getattr(self.instance, "business", None)
        if business is not None:
            self._refuse_foreign(business)
            self._clean_schedule(business)
        self._clean_text()
        return cleaned

    def _refuse_foreign(self, business: Business) -> None:
        for name in ("template", "contact_list"):
            row: Model | None = self.cleaned_data.get(name)
            if row is not None and getattr(row, "business_id", None) not in {None, business.pk}:
                self.add_error(name, "This belongs to another business.")

    def _clean_text(self) -> None:
        text = self.cleaned_data.get("text", "")
        if self.cleaned_data.get("template"):
            if text:
                self.add_error("text", "Give a template or a text, not both.")
            return
        try:
            _check(text)
        except ValidationError as error:
            self.add_error("text", error)

    def _clean_schedule(self, business: Business) -> None:
        day, at = self.cleaned_data.get("send_date"), self.cleaned_data.get("send_time")
        self.cleaned_data["schedule"] = None
        if (day is None) != (at is None):
            self.add_error("send_date", "Give both a date and a time, or neither.")
        if day is None or at is None:
            return
        if not EARLIEST <= day <= LATEST:
            self.add_error("send_date", "Choose another day.")
            return
        self.cleaned_data["schedule"] = schedule = from_wall_time(day, at, business.zone)
        self._refuse_impossible(schedule)

    def _refuse_impossible(self, schedule: Schedule) -> None:
        if schedule.instant == self.instance.scheduled_at:
            return
        try:
            services.refuse_impossible(schedule.instant)
        except Problem as problem:
            self.add_error("send_date", problem.detail)


def _check(text: str) -> None:
    try:
        check_text(text)
    except TemplateError as error:
        raise ValidationError(error.detail, code=error.code) from error
