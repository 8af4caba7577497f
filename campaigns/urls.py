from rest_framework.routers import SimpleRouter

from campaigns.views import CampaignViewSet, TemplateViewSet

router = SimpleRouter()
router.register("templates", TemplateViewSet, basename="template")
router.register("campaigns", CampaignViewSet, basename="campaign")

urlpatterns = router.urls
