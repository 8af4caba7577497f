from django.urls import path, re_path

from tracking.views import api

urlpatterns = [
    path("tracking/redeem/", api.RedeemView.as_view(), name="redeem"),
    path("tracking/redeem/undo/", api.UndoView.as_view(), name="redeem-undo"),
    re_path(
        r"^lists/(?P<pk>[0-9]{1,18})/stats/$", api.ListStatisticsView.as_view(), name="list-stats"
    ),
]
