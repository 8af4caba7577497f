"""dashboard/"""

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from accounts.cached_answers import X_CACHE, answer, render, wants_fresh
from accounts.viewsets import BusinessMixin
from campaigns import cache
from campaigns.dashboard import dashboard_of
from campaigns.serializers import DashboardSerializer


class DashboardView(BusinessMixin):
    """The business in figures."""

    @extend_schema(operation_id="dashboard", responses=DashboardSerializer, parameters=[X_CACHE])
    def get(self, request: Request) -> HttpResponse:
        """Contacts and campaigns as of now; messages of the last 30 days and what came of them."""
        cached = cache.get_dashboard(
            business_id=self.business.pk, compute=self._render, fresh=wants_fresh(request)
        )
        return answer(cached.body, cached.state)

    def _render(self) -> bytes:
        return render(DashboardSerializer(dashboard_of(self.business)).data)
