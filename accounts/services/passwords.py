"""Changing a password, and setting a forgotten one by e-mail."""

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from accounts.models import User
from accounts.problems import Problem
from accounts.services.sessions import SessionTokens, open_session, revoke_sessions


def check_strength(password: str, *, user: User, field: str = "password") -> None:
    """Raise Django's ValidationError, with the validators' messages, under the field's name."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise ValidationError({field: error.error_list}) from error


class ResetTokenInvalid(Problem):
    code = "RESET_TOKEN_INVALID"
    title = "The link has expired or was used: ask for a new one."


class WrongPassword(Problem):
    code = "WRONG_PASSWORD"
    title = "The current password is wrong."


def send_password_reset(*, email: str) -> bool:
    """Mail a link to the account with this address; False if there is none."""
    user = User.objects.filter(email=email.strip().lower(), is_active=True).first()
    if user is None:
        return False
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    token = f"{uid}.{default_token_generator.make_token(user)}"
    link = f"{settings.PUBLIC_BASE_URL}/accounts/reset/{token}/"
    text = render_to_string("accounts/reset_mail.txt", {"link": link})
    send_mail("Set a new password", text, None, [user.email])
    return True


def find_reset_user(*, token: str) -> User:
    """The user whom a reset token was mailed to, while it is good."""
    uid, _, rest = token.partition(".")
    try:
        pk = int(urlsafe_base64_decode(uid))
    except ValueError as error:
        raise ResetTokenInvalid from error
    user = User.objects.filter(pk=pk, is_active=True).first()
    if user is None or not default_token_generator.check_token(user, rest):
        raise ResetTokenInvalid
    return user


def reset_password(*, token: str, password: str) -> User:
    """Set the password and end every session; the token dies with the old password."""
    user = find_reset_user(token=token)
    check_strength(password, user=user)
    if not _replace_password(user, password):
        raise ResetTokenInvalid
    return user


def change_password(*, user: User, current: str, new: str) -> SessionTokens:
    """Set the password, end every session, and open a new one for who asked."""
    if not user.check_password(current):
        raise WrongPassword(pointer="/current_password")
    check_strength(new, user=user, field="new_password")
    with transaction.atomic():
        if not _replace_password(user, new):
            raise WrongPassword(pointer="/current_password")
        return open_session(user=user)


def _replace_password(user: User, password: str) -> bool:
    """False if somebody else has changed the password since the user was read."""
    encoded = make_password(password)
    with transaction.atomic():
        if not User.objects.filter(pk=user.pk, password=user.password).update(password=encoded):
            return False
        revoke_sessions(user_id=user.pk)
    user.password = encoded
    return True
