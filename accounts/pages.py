"""The two pages behind mailed links: a new password, and an invitation."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.problems import Problem
from accounts.serializers import MAX_PASSWORD
from accounts.services import passwords, people
from accounts.services.sessions import InvalidCredentials


class PasswordForm(forms.Form):
    password = forms.CharField(
        max_length=MAX_PASSWORD,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class InvitationForm(PasswordForm):
    full_name = forms.CharField(label="Your name", max_length=150, required=False)
    field_order = ("full_name", "password")


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def reset_password(request: HttpRequest, token: str) -> HttpResponse:
    try:
        user = passwords.find_reset_user(token=token)
    except Problem as problem:
        return _refusal(request, problem)
    form = PasswordForm(request.POST or None)
    page = {"title": "A new password", "text": f"For {user.email}.", "button": "Set password"}
    if not _act(form, lambda data: passwords.reset_password(token=token, **data)):
        return render(request, "accounts/form.html", page | {"form": form})
    done = {"title": "Done", "text": "Your new password is set. Log in with it."}
    return render(request, "accounts/page.html", done)


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def accept_invitation(request: HttpRequest, token: str) -> HttpResponse:
    try:
        invitation = people.find_invitation(token=token)
    except Problem as problem:
        return _refusal(request, problem)
    form = InvitationForm(request.POST or None)
    page = {
        "title": f"Join {invitation.business}",
        "text": f"{invitation.email}: choose a password, or give that of your account.",
        "button": "Join",
    }
    if not _act(form, lambda data: people.accept_invitation(token=token, **data)):
        return render(request, "accounts/form.html", page | {"form": form})
    done = {"title": "Welcome", "text": f"You now work for {invitation.business}. Log in."}
    return render(request, "accounts/page.html", done)


def _act(form: forms.Form, service: Callable[[dict[str, Any]], object]) -> bool:
    """Call the service with a valid form; what it refuses becomes an error of the form."""
    if not form.is_valid():
        return False
    try:
        service(form.cleaned_data)
    except ValidationError as error:
        form.add_error(None, error)
    except InvalidCredentials:
        form.add_error("password", "This is not the password of your account.")
    except Problem as problem:
        form.add_error(None, problem.detail)
    return not form.errors


def _refusal(request: HttpRequest, problem: Problem) -> HttpResponse:
    page = {"title": "This link does not work", "text": problem.detail}
    return render(request, "accounts/page.html", page, status=404)
