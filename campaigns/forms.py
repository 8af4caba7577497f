"""The admin's forms of templates, campaigns and automations."""

import re
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import Model
from django.utils import timezone

from accounts.models import Business
from accounts.problems import Problem
from campaigns import selectors, services
from campaigns.models import Automation, Campaign, Template
from campaigns.offers import TooManyLinks, check_leads
from campaigns.recurrence_form import RecurrenceForm
from campaigns.schedule import EARLIEST, LATEST, Schedule, from_wall_time
from contacts.forms import AudienceFilterForm
from contacts.phone import InvalidPhone, normalise
from messaging.rendering import TemplateError
from messaging.texts import PLACEHOLDERS, check_text

GOES_OUT_AS: Final = (
    "A line with a link to opt out is added to every message. “Save and continue editing” shows "
    "how it goes out, and in how many SMS."
)
TEXT_HELP: Final = (
    PLACEHOLDERS + " {{offer_link}} leads to the offer below, once that has a title. " + GOES_OUT_AS
)
TEMPLATE_HELP: Final = (
    PLACEHOLDERS
    + " {{offer_link}} leads to the offer of the campaign, which has to have one. "
    + GOES_OUT_AS
)
SENDER_HELP = "Who the message comes from; empty for the business's own."


class TemplateForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Template
        fields = ("business", "name", "text")
        help_texts = {"text": TEMPLATE_HELP}

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"]
        _check(text)
        return text


class OfferForm(forms.ModelForm):  # type: ignore[type-arg]
    """For models with an offer, whose end is chosen by its last day."""

    offer_last_day = forms.DateField(
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="In the business's time zone. Empty: the offer does not end.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.offer_valid_until:
            last_day = _last_day(self.instance.offer_valid_until, self.instance.business.zone)
            self.initial.setdefault("offer_last_day", last_day)

    def clean_leads(self, business: Business | None, text: str) -> None:
        """text: the one that will go out. Leaves `offer_valid_until` in the cleaned data."""
        cleaned = self.cleaned_data
        self._clean_end(business)
        if not cleaned.get("offer_title") and any(map(cleaned.get, self.offer_details)):
            self.add_error("offer_title", "Give the offer a title, or leave all of it empty.")
        try:
            check_leads(
                text,
                has_offer=bool(cleaned.get("offer_title")),
                track_links=cleaned["track_links"],
            )
        except (TemplateError, Problem) as error:
            # What else is wrong with the text is said beside it already.
            if error.code in {"NO_OFFER", TooManyLinks.code}:
                field = "offer_title" if error.code == "NO_OFFER" else "text"
                self.add_error(field, error.detail)

    @property
    def offer_details(self) -> set[str]:
        return OFFER_DETAILS & self.fields.keys()

    def _clean_end(self, business: Business | None) -> None:
        day: date | None = self.cleaned_data.get("offer_last_day")
        self.cleaned_data["offer_valid_until"] = None
        if day is None or business is None:
            return
        if day == self.initial.get("offer_last_day"):
            # Another client may have chosen an hour of the day.
            self.cleaned_data["offer_valid_until"] = self.instance.offer_valid_until
            return
        if not EARLIEST <= day <= LATEST:
            self.add_error("offer_last_day", "Choose another day.")
            return
        end = from_wall_time(day + timedelta(days=1), time.min, business.zone).instant
        self.cleaned_data["offer_valid_until"] = end
        if end <= timezone.now():
            self.add_error("offer_last_day", "This day has passed.")


OFFER_DETAILS: Final = {"offer_text", "offer_last_day", "offer_valid_days"}
OFFER_FIELDS: Final = ("offer_title", "offer_text", "track_links")
OFFER_HELP: Final = {
    "offer_title": "On the page behind {{offer_link}}, which has a code for the till.",
    "track_links": "Web addresses in the text become short links that count who follows them.",
}


class CampaignForm(OfferForm, AudienceFilterForm, RecurrenceForm):
    """`schedule` is left in the cleaned data: what the service takes, None for a draft."""

    send_date = forms.DateField(
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="In the business's time zone. Without date and time the campaign is a draft.",
    )
    send_time = forms.TimeField(required=False, widget=forms.TimeInput(attrs={"type": "time"}))

    class Meta:
        model = Campaign
        fields = ("business", "name", "template", "text", "contact_list", "sender", *OFFER_FIELDS)
        labels = {"contact_list": "List"}
        help_texts = {
            "name": "For yourself; nobody gets to read it.",
            "template": "Choose a template or write a text below, not both.",
            "text": TEXT_HELP,
            "contact_list": "Empty for all contacts. Who has unsubscribed gets nothing.",
            "sender": SENDER_HELP,
            **OFFER_HELP,
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
        template = cleaned.get("template")
        self.clean_leads(business, template.text if template else cleaned.get("text", ""))
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
            self.add_error("send_date", f"{problem.title}.")  # the detail tells it in UTC


class AutomationForm(OfferForm):
    class Meta:
        model = Automation
        fields = (
            "business", "kind", "is_active", "send_time", "text", "sender", *OFFER_FIELDS,
            "offer_valid_days",
        )  # fmt: skip
        widgets = {"send_time": forms.TimeInput(attrs={"type": "time"})}
        error_messages = {
            NON_FIELD_ERRORS: {
                "unique_together": "There is an automation of this kind already: change that one."
            }
        }
        help_texts = {
            "send_time": "Of birthday messages, in the business's time zone.",
            "text": TEXT_HELP,
            "sender": SENDER_HELP,
            "offer_valid_days": "So many days from the message; of both ends the first counts.",
            **OFFER_HELP,
        }

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"]
        _check(text)
        return text

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        business = cleaned.get("business") or getattr(self.instance, "business", None)
        self.clean_leads(business, cleaned.get("text", ""))
        is_birthday = cleaned.get("kind", self.instance.kind) == Automation.Kind.BIRTHDAY
        if is_birthday and not cleaned.get("send_time"):
            self.add_error("send_time", "Birthday messages need a time of the day.")
        if not is_birthday:
            cleaned["send_time"] = None
        return cleaned


class PhonesForm(forms.Form):
    """`phones` is left in the cleaned data as E.164; country: of numbers that name none."""

    phones = forms.CharField(
        widget=forms.Textarea(attrs={"rows": services.MAX_PHONES}),
        help_text=f"Up to {services.MAX_PHONES}, one a line.",
    )

    def __init__(self, country: str, data: Any = None) -> None:
        super().__init__(data)
        self._country = country

    def clean_phones(self) -> list[str]:
        lines = re.split(r"[\n,;]", self.cleaned_data["phones"])
        try:
            found = {normalise(line, self._country): None for line in lines if line.strip()}
        except InvalidPhone as error:
            raise ValidationError(str(error)) from error
        if len(found) > services.MAX_PHONES:
            raise ValidationError(f"At most {services.MAX_PHONES} phones.")
        return list(found)


def _last_day(end: datetime, zone: ZoneInfo) -> date:
    """Midnight is the end of the day before it."""
    return (end - timedelta(microseconds=1)).astimezone(zone).date()


def _check(text: str) -> None:
    try:
        check_text(text)
    except TemplateError as error:
        raise ValidationError(error.detail, code=error.code) from error
