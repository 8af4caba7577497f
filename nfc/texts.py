"""Which of a form's words a reader gets."""

from dataclasses import dataclass

from nfc.models import OptInForm


@dataclass(frozen=True, slots=True)
class FormTexts:
    """The words of a form in one language."""

    language: str
    consent_text: str
    thank_you_text: str
    offer_text: str


def texts_in(form: OptInForm, language: str) -> FormTexts:
    """Those in the language if there are any, else those in the form's own."""
    own = {
        "consent_text": form.consent_text,
        "thank_you_text": form.thank_you_text,
        "offer_text": form.offer_text,
    }
    translated = form.translations.get(language)
    if language == form.language or translated is None:
        return FormTexts(form.language, **own)
    return FormTexts(language, **{**own, "offer_text": "", **translated})
