"""templates/"""

from dataclasses import asdict
from functools import partial

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from accounts.cached_answers import X_CACHE, answer, wants_fresh
from accounts.idempotency import idempotent
from accounts.pagination import Pages
from accounts.viewsets import BusinessViewSet
from campaigns import cache, selectors, services
from campaigns.filters import TemplateFilter
from campaigns.models import Template
from campaigns.serializers import (
    PreviewInputSerializer,
    PreviewSerializer,
    TemplateSerializer,
)
from messaging.rendering import Values


class TemplateViewSet(
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    BusinessViewSet[Template],
):
    """The business's own templates, and those of the system, which are read-only."""

    queryset = Template.objects.all()
    serializer_class = TemplateSerializer
    filterset_class = TemplateFilter
    pagination_class = Pages
    lookup_value_regex = "[0-9]{1,19}"

    def get_queryset(self) -> QuerySet[Template]:
        if getattr(self, "swagger_fake_view", False):
            return Template.objects.none()
        return selectors.templates_of(self.business)

    @extend_schema(responses=TemplateSerializer(many=True), parameters=[X_CACHE])
    def list(self, request: Request) -> HttpResponse:
        pages = Pages()
        page, page_size = pages.get_place(request)
        cached = cache.get_template_list(
            business_id=self.business.pk,
            page=page,
            page_size=page_size,
            search=request.query_params.get("q", "").strip(),
            compute=partial(self._render_page, pages),
            fresh=wants_fresh(request),
        )
        return answer(pages.add_links(cached.body, request), cached.state)

    @idempotent
    def create(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        template = services.create_template(business=self.business, **serializer.validated_data)
        location = self.reverse_action("detail", args=[template.pk])
        return Response(
            self.get_serializer(template).data,
            status=status.HTTP_201_CREATED,
            headers={"Location": location},
        )

    def perform_update(self, serializer: BaseSerializer[Template]) -> None:
        assert serializer.instance is not None
        services.update_template(template=serializer.instance, **serializer.validated_data)

    def perform_destroy(self, instance: Template) -> None:
        services.delete_template(template=instance)

    def _render_page(self, pages: Pages) -> bytes:
        templates = self.filter_queryset(self.get_queryset())
        page = pages.paginate_queryset(templates, self.request, view=self)
        return pages.render_page(self.get_serializer(page, many=True).data)

    @extend_schema(request=PreviewInputSerializer, responses=PreviewSerializer)
    @action(detail=False, methods=["post"], serializer_class=PreviewInputSerializer)
    def preview(self, request: Request) -> Response:
        """The text as a contact would get it, and what it costs; without one, with the defaults."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        contact = serializer.validated_data.get("contact")
        values = selectors.values_of(contact) if contact else Values()
        shown = selectors.preview_of(serializer.validated_data["text"], self.business, values)
        return Response(asdict(shown))
