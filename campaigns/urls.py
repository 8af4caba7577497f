from django.urls import path
from rest_framework.routers import SimpleRouter

from campaigns.views import AutomationViewSet, CampaignViewSet, DashboardView, TemplateViewSet

router = SimpleRouter()
router.register("templates", TemplateViewSet, basename="template")
router.register("campaigns", CampaignViewSet, basename="campaign")
router.register("automations", AutomationViewSet, basename="automation")

urlpatterns = [*router.urls, path("dashboard/", DashboardView.as_view(), name="dashboard")]
