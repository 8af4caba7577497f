from django.urls import path

from messaging import webhooks

urlpatterns = [
    path("mitto/delivery/", webhooks.mitto_delivery, name="mitto-delivery"),
    path("mitto/inbound/", webhooks.mitto_inbound, name="mitto-inbound"),
]
