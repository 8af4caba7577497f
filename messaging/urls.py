from rest_framework.routers import SimpleRouter

from messaging.views import AutoReplyViewSet, InboxViewSet, MessageViewSet

router = SimpleRouter()
router.register("messages", MessageViewSet, basename="message")
router.register("inbox", InboxViewSet, basename="inbox")
router.register("auto-replies", AutoReplyViewSet, basename="auto-reply")

urlpatterns = router.urls
