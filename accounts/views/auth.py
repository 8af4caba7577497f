"""Sessions: opening, refreshing and closing them, and the ways in by e-mail."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import devices, limits, selectors, serializers
from accounts.models import User
from accounts.services import businesses, passwords, people, sessions
from accounts.services.sessions import RefreshInvalid, SessionTokens
from accounts.tasks import send_password_reset
from accounts.viewsets import StrictQueryMixin
from rediskit.doorbell import ring
from rediskit.ratelimits import limited

COOKIE = "tapline_refresh"
COOKIE_PATH = "/api/v1/auth/"


class PublicView(StrictQueryMixin):
    authentication_classes = ()
    permission_classes = (AllowAny,)


class RegisterView(PublicView):
    @extend_schema(
        request=serializers.RegisterSerializer, responses={201: serializers.SessionSerializer}
    )
    @limited(*limits.REGISTER)
    def post(self, request: Request) -> Response:
        """Open an account and a business, where registration is open."""
        data = validated(serializers.RegisterSerializer, request)
        return_refresh = data.pop("return_refresh")
        user, pair = businesses.register(**data)
        return session_answer(request, user, pair, status=201, return_refresh=return_refresh)


class LoginView(PublicView):
    @extend_schema(request=serializers.LoginSerializer, responses=serializers.SessionSerializer)
    @limited(*limits.LOGIN, given_back_if=lambda answer: answer.status_code == 200)
    def post(self, request: Request) -> Response:
        data = validated(serializers.LoginSerializer, request)
        user, pair = sessions.log_in(email=data["email"], password=data["password"])
        return session_answer(request, user, pair, return_refresh=data["return_refresh"])


class RefreshView(PublicView):
    @extend_schema(request=serializers.RefreshSerializer, responses=serializers.AccessSerializer)
    @limited(limits.REFRESH)
    def post(self, request: Request) -> Response:
        """Exchange the refresh token, of the cookie or the body, for a new pair."""
        data = validated(serializers.RefreshSerializer, request)
        token = sent_refresh(request, data)
        if not token:
            raise RefreshInvalid
        pair = sessions.refresh_session(refresh=token)
        return access_answer(pair, return_refresh=data["return_refresh"])


class LogoutView(PublicView):
    @extend_schema(request=serializers.LogoutSerializer, responses={204: None})
    @limited(limits.LOGOUT)
    def post(self, request: Request) -> Response:
        """Close the session of the refresh token; its access tokens end at once."""
        data = validated(serializers.LogoutSerializer, request)
        token = sent_refresh(request, data)
        if token:
            sessions.log_out(refresh=token)
        response = Response(status=204)
        response.delete_cookie(COOKIE, path=COOKIE_PATH, samesite="Strict")
        return response


class PasswordResetView(PublicView):
    @extend_schema(request=serializers.ResetSerializer, responses={202: None})
    @limited(*limits.RESET)
    def post(self, request: Request) -> Response:
        """Mail a link to set a new password, if there is such an account."""
        email = validated(serializers.ResetSerializer, request)["email"]
        # In the background, so that the time taken does not tell whether the account exists.
        if not ring(send_password_reset, email):
            passwords.send_password_reset(email=email)
        return Response(status=202)


class PasswordResetConfirmView(PublicView):
    @extend_schema(request=serializers.ResetConfirmSerializer, responses={204: None})
    def post(self, request: Request) -> Response:
        """Set the password by the mailed token, and end every session."""
        passwords.reset_password(**validated(serializers.ResetConfirmSerializer, request))
        return Response(status=204)


class AcceptInvitationView(PublicView):
    @extend_schema(request=serializers.AcceptSerializer, responses=serializers.SessionSerializer)
    def post(self, request: Request) -> Response:
        """Join the business that invited, as a new user or with the password of the account."""
        data = validated(serializers.AcceptSerializer, request)
        return_refresh = data.pop("return_refresh")
        user, pair = people.accept_invitation(**data)
        return session_answer(request, user, pair, return_refresh=return_refresh)


def validated(serializer_class: Any, request: Request) -> dict[str, Any]:
    serializer = serializer_class(data=request.data)
    serializer.is_valid(raise_exception=True)
    data: dict[str, Any] = serializer.validated_data
    return data


def sent_refresh(request: Request, data: dict[str, Any]) -> str | None:
    """The refresh token of the body, else of the cookie."""
    if "refresh" in data:
        return str(data["refresh"])
    # Beside SameSite=Strict: an HTML form of another origin cannot say that it sends JSON.
    if request.content_type and not request.content_type.startswith("application/json"):
        raise UnsupportedMediaType(request.content_type)
    return request.COOKIES.get(COOKIE)


def session_answer(
    request: Request,
    user: User,
    pair: SessionTokens,
    *,
    return_refresh: bool,
    status: int = 200,
) -> Response:
    """`{access, user, business}`; the business is the user's first one."""
    first = selectors.memberships_of(user).first()
    response = access_answer(pair, return_refresh=return_refresh, status=status)
    response.data["user"] = serializers.UserSerializer(user).data
    response.data["business"] = first and serializers.BusinessSerializer(first.business).data
    devices.remember(request, response, user.email)
    return response


def access_answer(pair: SessionTokens, *, return_refresh: bool, status: int = 200) -> Response:
    data = {"access": pair.access}
    if return_refresh:
        data["refresh"] = pair.refresh
    response = Response(data, status=status, headers={"Cache-Control": "no-store"})
    response.set_cookie(
        COOKIE,
        pair.refresh,
        max_age=settings.REFRESH_TOKEN_DAYS * 24 * 3600,
        path=COOKIE_PATH,
        secure=settings.SECURE,
        httponly=True,
        samesite="Strict",
    )
    return response
