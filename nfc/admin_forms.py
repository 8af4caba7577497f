"""The admin's forms of tags and of the forms behind them."""

from typing import Any, ClassVar, Final

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Model

from nfc.form_rules import InvalidForm, check_translations
from nfc.models import OPTIONAL_FIELDS, PHONE, OptInForm, Tag

ASKS: Final = tuple(f"ask_{name}" for name in OPTIONAL_FIELDS)
TEXTS: Final = ("consent_text", "thank_you_text", "offer_text")
OTHER_TEXTS: Final = tuple(f"other_{name}" for name in TEXTS)
_ANSWERS: Final = [("", "not asked for"), ("optional", "optional"), ("required", "required")]


class TagForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Tag
        fields = ("business", "label", "type", "status", "form", "campaign", "contact_list")
        labels: ClassVar = {"contact_list": "List"}
        help_texts: ClassVar = {
            "label": "For yourself, such as “Counter” or “Table 4”; printed beside the code.",
            "status": "A test tag works, says that it is one, and counts nowhere.",
            "form": "What sign-ups are asked and told. Tags for visits may do without.",
            "contact_list": "Whoever signs up is put on it.",
        }

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        business_id = data["business"].pk if data.get("business") else self.instance.business_id
        for name in ("form", "campaign", "contact_list"):
            row: Model | None = data.get(name)
            if row is not None and getattr(row, "business_id", None) != business_id:
                self.add_error(name, "This belongs to another business.")
        if data.get("type") == Tag.Type.OPT_IN and data.get("form") is None:
            self.add_error("form", "A tag that people sign up by needs a form.")
        if data.get("contact_list") and data["contact_list"].filter is not None:
            self.add_error("contact_list", "The members of this list are chosen by its filter.")
        return data


class FormForm(forms.ModelForm):  # type: ignore[type-arg]
    """`fields` and `translations` are left in the cleaned data, as the service takes them."""

    ask_first_name = forms.ChoiceField(label="First name", choices=_ANSWERS, required=False)
    ask_last_name = forms.ChoiceField(label="Last name", choices=_ANSWERS, required=False)
    ask_email = forms.ChoiceField(label="E-mail", choices=_ANSWERS, required=False)
    ask_birthday = forms.ChoiceField(label="Birthday", choices=_ANSWERS, required=False)
    ask_gender = forms.ChoiceField(label="Gender", choices=_ANSWERS, required=False)
    other_consent_text = forms.CharField(
        label="Consent text", widget=forms.Textarea, required=False
    )
    other_thank_you_text = forms.CharField(
        label="Thank-you text", widget=forms.Textarea, required=False
    )
    other_offer_text = forms.CharField(label="Offer text", widget=forms.Textarea, required=False)

    class Meta:
        model = OptInForm
        fields = ("business", "name", "language", *TEXTS, "double_opt_in")
        labels: ClassVar = {"language": "Language of the texts", "double_opt_in": "Ask twice"}
        help_texts: ClassVar = {
            "name": "For yourself.",
            "consent_text": "What a person agrees to by ticking it: who will text, what, how "
            "often, and how to stop. Kept word for word with every consent.",
            "thank_you_text": "Shown after the sign-up.",
            "offer_text": "Shown after the sign-up, below the thanks; empty for none.",
            "double_opt_in": "New numbers get an SMS and are in once they open its link.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in OPTIONAL_FIELDS:
            rule = self.instance.fields.get(name)
            answer = ("required" if rule["required"] else "optional") if rule else ""
            self.initial.setdefault(f"ask_{name}", answer)
        translated = self.instance.translations.get(_other_than(self.instance.language), {})
        for name in TEXTS:
            self.initial.setdefault(f"other_{name}", translated.get(name, ""))

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        asked = {name: data.get(f"ask_{name}") for name in OPTIONAL_FIELDS}
        data["fields"] = {
            PHONE: {"required": True},
            **{name: {"required": it == "required"} for name, it in asked.items() if it},
        }
        data["translations"] = self._clean_translations(data)
        self._refuse_taken_name(data)
        return data

    def _clean_translations(self, data: dict[str, Any]) -> dict[str, Any]:
        """Those of the other language; empty ones take it away."""
        other = _other_than(data.get("language", ""))
        texts = {name: data.get(f"other_{name}", "") for name in TEXTS}
        kept = {code: each for code, each in self.instance.translations.items() if code != other}
        if not any(texts.values()):
            return kept
        try:
            return kept | check_translations({other: texts})
        except InvalidForm as error:
            self.add_error("other_consent_text", str(error))
            return kept

    def _refuse_taken_name(self, data: dict[str, Any]) -> None:
        business_id = data["business"].pk if data.get("business") else self.instance.business_id
        others = OptInForm.objects.filter(business_id=business_id, name=data.get("name"))
        if others.exclude(pk=self.instance.pk).exists():
            raise ValidationError({"name": "Another form has this name."})


def _other_than(language: str) -> str:
    """The pages speak two languages."""
    return next(code for code, _ in settings.LANGUAGES if code != language)
