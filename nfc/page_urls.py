"""What the public opens: outside of /api/, for chips and messages have no room for more."""

from django.urls import path

from nfc import pages
from nfc.views.public import ConfigView, SubmitView, VisitView

urlpatterns = [
    path("nfc/<str:public_id>/", pages.show_tag, name="tag-page"),
    path("nfc/<str:public_id>/config/", ConfigView.as_view(), name="tag-config"),
    path("nfc/<str:public_id>/submit/", SubmitView.as_view(), name="tag-submit"),
    path("nfc/<str:public_id>/visit/", VisitView.as_view(), name="tag-visit"),
    path("c/<str:token>", pages.confirm_sign_up, name="confirm-sign-up"),
]
