"""What the public opens: the links in messages, and what their pages need."""

from django.urls import path, re_path

from tracking.views import pages, questions

urlpatterns = [
    path("u/<str:token>", pages.unsubscribe, name="unsubscribe"),
    path("o/<str:tracking_id>", pages.offer, name="offer"),
    path("s/<str:code>", pages.short_link, name="short-link"),
    re_path(
        r"^brand/(?P<business_id>[0-9]{1,18})/(?P<version>[0-9a-f]{16})$", pages.logo, name="brand"
    ),
    path(
        "tracking/offer/<str:tracking_id>/",
        questions.OfferView.as_view(),
        name="public-offer",
    ),
    path(
        "tracking/redeem/<str:tracking_id>/",
        questions.RedeemedView.as_view(),
        name="public-redeemed",
    ),
]
