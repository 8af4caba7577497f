"""Every mount point of the project."""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import RedirectView, TemplateView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from config import errors, health
from config.views import JobsHealthView

api: list[URLPattern | URLResolver] = [
    path("", include("accounts.urls")),
    path("", include("contacts.urls")),
    path("", include("messaging.urls")),
    path("", include("tracking.urls")),
    path("", include("campaigns.urls")),
    path("", include("nfc.urls")),
    path("jobs/health/", JobsHealthView.as_view(), name="jobs-health"),
]

urlpatterns = [
    path("", TemplateView.as_view(template_name="index.html", extra_context={"title": "Tapline"})),
    path("favicon.ico", RedirectView.as_view(url=static("tracking/icon.svg"))),
    path("admin/", admin.site.urls),
    path("accounts/", include("accounts.page_urls")),
    path("api/v1/", include(api)),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    path("webhooks/", include("messaging.webhook_urls")),
    path("livez", health.livez),
    path("readyz", health.readyz),
    path("", include("nfc.page_urls")),
    path("", include("tracking.page_urls")),
    re_path(r"^(?:api|webhooks|tracking)/", errors.unknown_endpoint),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error
