"""Logging in and out, and the rotation of refresh tokens."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth import authenticate
from django.db import transaction
from django.utils import timezone

from accounts import tokens
from accounts.models import RefreshSession, User
from accounts.problems import Problem

# Of two tabs that refresh at once the slower one is no thief: it waits and uses the new token.
CONFLICT_WINDOW = timedelta(seconds=10)


class InvalidCredentials(Problem):
    status = 401
    code = "INVALID_CREDENTIALS"
    title = "The e-mail address or the password is wrong."


class RefreshInvalid(Problem):
    status = 401
    code = "REFRESH_INVALID"
    title = "The refresh token is missing, unknown or expired: log in."


class RefreshReused(Problem):
    status = 401
    code = "REFRESH_REUSED"
    title = "This refresh token was used before: its session has been closed. Log in."


class RefreshConflict(Problem):
    status = 409
    code = "REFRESH_CONFLICT"
    title = "Another request has just refreshed this session: use its answer."


@dataclass(frozen=True)
class SessionTokens:
    access: str
    refresh: str


def log_in(*, email: str, password: str) -> tuple[User, SessionTokens]:
    """The same answer, after the same hashing, for unknown, inactive and mistaken."""
    user = authenticate(username=email, password=password)
    if not isinstance(user, User):
        raise InvalidCredentials
    return user, open_session(user=user)


def open_session(*, user: User) -> SessionTokens:
    """A new family. Refused if the password has been changed since the user was read."""
    now = timezone.now()
    with transaction.atomic():
        same = User.objects.filter(pk=user.pk, is_active=True, password=user.password)
        if not same.update(last_login=now):
            raise InvalidCredentials
        return _issue(user_id=user.pk, family=uuid.uuid4(), now=now)


def refresh_session(*, refresh: str) -> SessionTokens:
    """Exchange a refresh token; of concurrent uses exactly one commits and gets the new pair."""
    now = timezone.now()
    live = RefreshSession.objects.filter(
        token_hash=tokens.hash_secret(refresh),
        used_at__isnull=True,
        revoked_at__isnull=True,
        expires_at__gt=now,
    )
    with transaction.atomic():
        if live.update(used_at=now):
            return _rotate(refresh, now)
    raise _refusal(refresh, now)


def log_out(*, refresh: str) -> None:
    """Close the token's session, its access tokens included; an unknown token has none."""
    session = RefreshSession.objects.filter(token_hash=tokens.hash_secret(refresh)).first()
    if session is not None:
        _revoke_family(session.family, timezone.now())


def revoke_sessions(*, user_id: int) -> None:
    sessions = RefreshSession.objects.filter(user_id=user_id, revoked_at__isnull=True)
    sessions.update(revoked_at=timezone.now())


def _rotate(refresh: str, now: datetime) -> SessionTokens:
    session = RefreshSession.objects.select_related("user").get(
        token_hash=tokens.hash_secret(refresh)
    )
    revoked = RefreshSession.objects.filter(family=session.family, revoked_at__isnull=False)
    if not session.user.is_active or revoked.exists():
        raise RefreshInvalid
    return _issue(user_id=session.user_id, family=session.family, now=now)


def _refusal(refresh: str, now: datetime) -> Problem:
    session = RefreshSession.objects.filter(token_hash=tokens.hash_secret(refresh)).first()
    if session is None:
        return RefreshInvalid()
    if session.used_at and now - session.used_at > CONFLICT_WINDOW:
        _revoke_family(session.family, now)
        return RefreshReused()
    if session.revoked_at or not session.used_at:
        return RefreshInvalid()
    return RefreshConflict()


def _issue(*, user_id: int, family: uuid.UUID, now: datetime) -> SessionTokens:
    refresh = tokens.new_secret()
    RefreshSession.objects.create(
        user_id=user_id,
        family=family,
        token_hash=tokens.hash_secret(refresh),
        expires_at=now + timedelta(days=settings.REFRESH_TOKEN_DAYS),
    )
    access = tokens.sign_access(user_id=user_id, family=family, now=now)
    return SessionTokens(access=access, refresh=refresh)


def _revoke_family(family: uuid.UUID, now: datetime) -> None:
    sessions = RefreshSession.objects.filter(family=family, revoked_at__isnull=True)
    sessions.update(revoked_at=now)
