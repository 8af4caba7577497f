"""nfc/tags/"""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from accounts.idempotency import idempotent
from accounts.pagination import Pages
from accounts.viewsets import BusinessViewSet
from contacts.selectors import today_in
from nfc import selectors, services
from nfc.filters import TagFilter
from nfc.models import Tag
from nfc.qr import as_svg
from nfc.serializers import PeriodSerializer, TagSerializer, TagStatisticsSerializer


class SvgRenderer(BaseRenderer):
    """For clients that accept nothing but a picture."""

    media_type = "image/svg+xml"
    format = "svg"


class TagViewSet(
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    mixins.ListModelMixin,
    BusinessViewSet[Tag],
):
    """Chips and printed codes: people sign up by them, or confirm a visit."""

    queryset = Tag.objects.order_by("label", "id")
    serializer_class = TagSerializer
    filterset_class = TagFilter
    pagination_class = Pages
    lookup_value_regex = "[0-9]{1,18}"

    def get_queryset(self) -> QuerySet[Tag]:
        return super().get_queryset().select_related("business", "form")

    @idempotent
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        tag = services.create_tag(business=self.business, **serializer.validated_data)
        return Response(
            self.get_serializer(tag).data,
            status=status.HTTP_201_CREATED,
            headers={"Location": self.reverse_action("detail", args=[tag.pk])},
        )

    def perform_update(self, serializer: BaseSerializer[Tag]) -> None:
        assert serializer.instance is not None
        serializer.instance = services.update_tag(
            tag=serializer.instance, **serializer.validated_data
        )

    def perform_destroy(self, instance: Tag) -> None:
        services.delete_tag(tag=instance)

    @extend_schema(responses={(200, "image/svg+xml"): OpenApiTypes.STR})
    def qr(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """The tag's link as a QR code to be printed."""
        return HttpResponse(
            as_svg(self.get_object()),
            content_type="image/svg+xml",
            headers={"Content-Security-Policy": "default-src 'none'"},
        )

    @extend_schema(parameters=[PeriodSerializer], responses=TagStatisticsSerializer, filters=False)
    @action(
        detail=True,
        filterset_class=None,
        pagination_class=None,
        extra_query_params=("date_from", "date_to"),
    )
    def stats(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The funnel: taps, forms, opt-ins, visits, redemptions, unsubscribes; by day."""
        asked = {name: value for name, value in request.query_params.items() if name != "fresh"}
        period = PeriodSerializer(data=asked, context={"today": today_in(self.business)})
        period.is_valid(raise_exception=True)
        days = selectors.days_of(self.get_object(), **period.validated_data)
        sums = {name: sum(getattr(day, name) for day in days) for name in selectors.FIGURES}
        return Response(TagStatisticsSerializer({**sums, "days": days}).data)
