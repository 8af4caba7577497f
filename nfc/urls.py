from django.urls import path
from rest_framework.renderers import JSONRenderer
from rest_framework.routers import SimpleRouter

from nfc.views import FormViewSet, ScanViewSet, TagViewSet
from nfc.views.tags import SvgRenderer
from nfc.views.timeline import TimelineView

router = SimpleRouter()
router.register("nfc/tags", TagViewSet, basename="tag")
router.register("nfc/forms", FormViewSet, basename="opt-in-form")
router.register("nfc/scans", ScanViewSet, basename="scan")

qr = TagViewSet.as_view(
    {"get": "qr"},
    renderer_classes=[JSONRenderer, SvgRenderer],
    filterset_class=None,
    pagination_class=None,
)
urlpatterns = [
    # A file's name, so without the slash that addresses end with.
    path("nfc/tags/<int:pk>/qr.svg", qr, name="tag-qr"),
    path("contacts/<int:pk>/timeline/", TimelineView.as_view(), name="contact-timeline"),
    *router.urls,
]
