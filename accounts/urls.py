from django.urls import path
from rest_framework.routers import SimpleRouter

from accounts.views import auth, people

router = SimpleRouter()
router.register("members", people.MemberViewSet, basename="member")
router.register("invitations", people.InvitationViewSet, basename="invitation")

urlpatterns = [
    path("auth/register/", auth.RegisterView.as_view(), name="register"),
    path("auth/login/", auth.LoginView.as_view(), name="login"),
    path("auth/refresh/", auth.RefreshView.as_view(), name="refresh"),
    path("auth/logout/", auth.LogoutView.as_view(), name="logout"),
    path("auth/password/reset/", auth.PasswordResetView.as_view(), name="password-reset"),
    path(
        "auth/password/reset/confirm/",
        auth.PasswordResetConfirmView.as_view(),
        name="password-reset-confirm",
    ),
    path(
        "auth/invitations/accept/",
        auth.AcceptInvitationView.as_view(),
        name="invitation-accept",
    ),
    path("me/", people.MeView.as_view(), name="me"),
    path("me/password/", people.ChangePasswordView.as_view(), name="change-password"),
    path("business/", people.BusinessView.as_view(), name="business"),
    path("business/logo/", people.BusinessLogoView.as_view(), name="business-logo"),
    *router.urls,
]
