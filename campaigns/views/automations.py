"""automations/"""

from functools import partial

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from accounts.cached_answers import X_CACHE, answer, render, wants_fresh
from accounts.idempotency import idempotent
from accounts.pagination import Pages
from accounts.viewsets import BusinessViewSet
from campaigns import cache, services
from campaigns.models import Automation
from campaigns.selectors import broadcasts_of_automation
from campaigns.serializers import AutomationSerializer, StatisticsSerializer
from campaigns.statistics import statistics_of_all


class AutomationViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    BusinessViewSet[Automation],
):
    """Messages that go out by themselves, one automation of each kind.

    `welcome` goes to people when they sign up themselves (not by import, API or admin): once per
    phone, whatever is changed, stopped or signed up again later. `birthday` goes to every
    subscribed contact on their birthday (that of 29 February is the 28th in common years), once per
    phone and year, from the next `send_time` on; what six hours later has not gone out never does.
    One that has sent something is switched off, not deleted.
    """

    queryset = Automation.objects.order_by("kind")
    serializer_class = AutomationSerializer
    pagination_class = Pages
    lookup_value_regex = "[0-9]{1,19}"

    @idempotent
    def create(self, request: Request) -> Response:
        """At work at once, unless `is_active` is false."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        automation = services.create_automation(business=self.business, **serializer.validated_data)
        return Response(
            self.get_serializer(automation).data,
            status=status.HTTP_201_CREATED,
            headers={"Location": self.reverse_action("detail", args=[automation.pk])},
        )

    def perform_update(self, serializer: BaseSerializer[Automation]) -> None:
        assert serializer.instance is not None
        services.update_automation(automation=serializer.instance, **serializer.validated_data)

    def perform_destroy(self, instance: Automation) -> None:
        services.delete_automation(automation=instance)

    @extend_schema(responses=StatisticsSerializer, parameters=[X_CACHE])
    @action(detail=True, pagination_class=None)
    def stats(self, request: Request, pk: str) -> HttpResponse:
        """All its messages together, as of a campaign."""
        automation = self.get_object()
        cached = cache.get_automation_statistics(
            business_id=self.business.pk,
            automation_id=automation.pk,
            compute=partial(_render_statistics, automation),
            fresh=wants_fresh(request),
        )
        return answer(cached.body, cached.state)


def _render_statistics(automation: Automation) -> bytes:
    statistics = statistics_of_all(broadcasts_of_automation(automation))
    return render(StatisticsSerializer(statistics).data)
