"""What a visitor's request comes to, whether it came from the page or as JSON."""

from typing import Any

from django.http import HttpRequest

from contacts.services import Evidence
from messaging import tasks
from nfc import limits, services
from nfc.models import Tag
from nfc.public_forms import SignUpForm, VisitForm
from nfc.texts import FormTexts
from rediskit.client_address import client_ip
from rediskit.doorbell import ring_on_commit
from rediskit.ratelimits import RateLimited, check
from tracking.bots import is_automatic

_MAX_USER_AGENT = 400


def count_tap(request: Any, tag: Tag) -> None:
    """By people only, and no more of them than the limit: the page itself is never refused."""
    if "lang" not in request.GET and not is_automatic(request):
        services.record_tap(tag=tag)


def is_within(request: HttpRequest) -> bool:
    """Whether the address has not yet looked at more than the limit."""
    try:
        check(request, limits.CONFIG)
    except RateLimited:
        return False
    return True


def sign_up(
    request: Any, tag: Tag, form: SignUpForm, *, agreed: FormTexts, language: str, page: str
) -> None:
    """A form without errors. agreed: the words that were ticked. Raises RateLimited."""
    assert tag.form is not None
    phone = _counted_phone(request, form)
    limits.check_prefix(request, phone)
    services.sign_up(
        tag=tag,
        phone=phone,
        fields=form.contact_fields(),
        evidence=Evidence(
            text=agreed.consent_text,
            language=agreed.language,
            version=tag.form.version,
            reference=f"form {tag.form.pk}",
            tag=tag.public_id,
            page=page,
            ip=client_ip(request),
            user_agent=user_agent_of(request),
        ),
        language=language,
    )
    # Whatever came of it: the time that an answer takes tells no more than its words.
    ring_on_commit(tasks.send_next)


def visit(request: Any, tag: Tag, form: VisitForm) -> None:
    """A form without errors. Raises RateLimited."""
    services.confirm_visit(tag=tag, phone=_counted_phone(request, form))


def user_agent_of(request: Any) -> str:
    agent: str = request.headers.get("User-Agent", "")
    return agent[:_MAX_USER_AGENT]


def _counted_phone(request: Any, form: SignUpForm | VisitForm) -> str:
    phone: str = form.cleaned_data["phone"]
    limits.check_phone(request, phone)
    return phone
