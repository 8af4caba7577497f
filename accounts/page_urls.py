from django.urls import path

from accounts import pages

urlpatterns = [
    path("reset/<str:token>/", pages.reset_password, name="reset-password-page"),
    path("invitation/<str:token>/", pages.accept_invitation, name="invitation-page"),
]
