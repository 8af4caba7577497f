"""`Authorization: Bearer <access token>`: the only way into the API, so CSRF has no hold on it."""

from django.contrib.auth import get_user_model
from django.db.models import Exists
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import tokens
from accounts.models import RefreshSession, User


class AccessTokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[User, tokens.Claims] | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if not scheme:
            return None
        if scheme.lower() != "bearer":
            raise AuthenticationFailed("Use the Bearer scheme.", code="INVALID_TOKEN")
        try:
            claims = tokens.read_access(token.strip())
        except tokens.TokenExpired as error:
            raise AuthenticationFailed(
                "The access token has expired: refresh it.", code="TOKEN_EXPIRED"
            ) from error
        except tokens.TokenInvalid as error:
            raise _refused() from error
        return _find_user(claims), claims

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def _find_user(claims: tokens.Claims) -> User:
    # One query: a log-out or a password change ends the access tokens too, at once.
    revoked = RefreshSession.objects.filter(family=claims.family, revoked_at__isnull=False)
    user = (
        get_user_model().objects.filter(~Exists(revoked), pk=claims.user_id, is_active=True).first()
    )
    if user is None:
        raise _refused()
    return user


def _refused() -> AuthenticationFailed:
    return AuthenticationFailed("The access token is not valid: log in.", code="INVALID_TOKEN")
