"""templates/"""

from dataclasses import asdict

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from accounts.idempotency import idempotent
from accounts.pagination import Pages
from accounts.viewsets import BusinessViewSet
from campaigns import selectors, services
from campaigns.filters import TemplateFilter
from campaigns.models import Template
from campaigns.serializers import (
    PreviewInputSerializer,
    PreviewSerializer,
    TemplateSerializer,
)
from messaging.rendering import Values
from messaging.texts import preview


class TemplateViewSet(
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    mixins.ListModelMixin,
    BusinessViewSet[Template],
):
    """The business's own templates, and those of the system, which are read-only."""

    queryset = Template.objects.all()
    serializer_class = TemplateSerializer
    filterset_class = TemplateFilter
    pagination_class = Pages
    lookup_value_regex = "[0-9]+"

    def get_queryset(self) -> QuerySet[Template]:
        if getattr(self, "swagger_fake_view", False):
            return Template.objects.none()
        return selectors.templates_of(self.business)

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

    @extend_schema(request=PreviewInputSerializer, responses=PreviewSerializer)
    @action(detail=False, methods=["post"], serializer_class=PreviewInputSerializer)
    def preview(self, request: Request) -> Response:
        """The text as a contact would get it, and what it costs; without one, with the defaults."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        contact = serializer.validated_data.get("contact")
        values = selectors.values_of(contact) if contact else Values()
        return Response(asdict(preview(serializer.validated_data["text"], values)))
