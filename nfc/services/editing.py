"""Tags and forms as their owner writes them."""

from typing import Any, ClassVar, TypedDict, Unpack

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from accounts.models import Business
from accounts.problems import Problem
from campaigns.models import Campaign
from contacts.models import ContactList
from nfc.models import OptInForm, Scan, Tag

# What a person agrees to, and what the person is asked for it.
_AGREED = ("fields", "language", "consent_text")


class FormExists(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "FORM_EXISTS"
    title: ClassVar[str] = "You have a form of this name already"


class FormInUse(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "FORM_IN_USE"
    title: ClassVar[str] = "Tags use this form"


class FormGone(Problem):
    status: ClassVar[int] = 404
    code: ClassVar[str] = "NOT_FOUND"
    title: ClassVar[str] = "The form has just been deleted"


class TagGone(Problem):
    status: ClassVar[int] = 404
    code: ClassVar[str] = "NOT_FOUND"
    title: ClassVar[str] = "The tag has just been deleted"


class TagInUse(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "TAG_IN_USE"
    title: ClassVar[str] = "People have used this tag: make it inactive instead"


class FormFields(TypedDict, total=False):
    """What can be said of a form; see the model for the shapes."""

    name: str
    fields: dict[str, Any]
    language: str
    consent_text: str
    thank_you_text: str
    offer_text: str
    translations: dict[str, dict[str, str]]
    double_opt_in: bool


class TagFields(TypedDict, total=False):
    """What can be said of a tag; form, campaign and list are the tag's business's."""

    label: str
    type: str
    status: str
    form: OptInForm | None
    campaign: Campaign | None
    contact_list: ContactList | None


def create_form(*, business: Business, **fields: Unpack[FormFields]) -> OptInForm:
    """Raises FormExists."""
    form = OptInForm(business=business, **fields)
    _save_form(form)
    return form


@transaction.atomic
def update_form(*, form: OptInForm, **changes: Unpack[FormFields]) -> OptInForm:
    """Change what is named; a change of what people agree to makes another version.

    Raises FormExists, FormGone.
    """
    current = OptInForm.objects.select_for_update(no_key=True).filter(pk=form.pk).first()
    if current is None:
        raise FormGone
    before = _agreed(current)
    for name, value in changes.items():
        setattr(current, name, value)
    current.version += _agreed(current) != before
    _save_form(current, update_fields=[*changes, "version", "updated_at"])
    return current


def delete_form(*, form: OptInForm) -> None:
    """Raises FormInUse. What people agreed to stands in their consents."""
    try:
        with transaction.atomic():
            form.delete()
    except (ProtectedError, IntegrityError) as error:
        raise FormInUse from error


def create_tag(*, business: Business, **fields: Unpack[TagFields]) -> Tag:
    return Tag.objects.create(business=business, **fields)


@transaction.atomic
def update_tag(*, tag: Tag, **changes: Unpack[TagFields]) -> Tag:
    """Change what is named. Raises TagGone."""
    current = Tag.objects.select_for_update(no_key=True).filter(pk=tag.pk).first()
    if current is None:
        raise TagGone
    for name, value in changes.items():
        setattr(current, name, value)
    current.save(update_fields=[*changes, "updated_at"])
    return current


def delete_tag(*, tag: Tag) -> None:
    """Only as long as nobody but testers has used it. Raises TagInUse."""
    try:
        with transaction.atomic():
            Scan.objects.filter(tag=tag, is_test=True).delete()
            tag.delete()
    except (ProtectedError, IntegrityError) as error:
        raise TagInUse from error


def _agreed(form: OptInForm) -> list[Any]:
    consents = {code: texts["consent_text"] for code, texts in form.translations.items()}
    return [*(getattr(form, name) for name in _AGREED), consents]


def _save_form(form: OptInForm, update_fields: list[str] | None = None) -> None:
    try:
        with transaction.atomic():
            form.save(update_fields=update_fields)
    except IntegrityError as error:
        if "opt_in_form_name_once" not in str(error):
            raise
        raise FormExists(f"You have a form named “{form.name}” already.") from error
