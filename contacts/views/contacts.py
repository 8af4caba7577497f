"""Contacts over HTTP."""

from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from accounts.idempotency import idempotent
from accounts.pagination import NewestFirst
from accounts.viewsets import BusinessViewSet
from contacts import services
from contacts.export import stream_contacts
from contacts.models import Consent, Contact
from contacts.query import ContactFilterSet
from contacts.serializers import ConsentSerializer, ContactSerializer
from contacts.views.limits import LimitedWrites


class ContactViewSet(
    LimitedWrites,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    mixins.ListModelMixin,
    BusinessViewSet[Contact],
):
    """The people of a business. Who has unsubscribed stays so, whatever is sent here."""

    queryset = Contact.objects.all()
    serializer_class = ContactSerializer
    filterset_class = ContactFilterSet
    pagination_class = NewestFirst
    lookup_value_regex = "[0-9]{1,18}"
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]

    @idempotent
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        serializer.instance = services.create_contact(
            business_id=self.business.pk, source=Consent.Source.API, **serializer.validated_data
        )
        return Response(serializer.data, status=status.HTTP_201_CREATED)

    def perform_update(self, serializer: BaseSerializer[Contact]) -> None:
        assert serializer.instance is not None
        serializer.instance = services.update_contact(
            contact=serializer.instance, source=Consent.Source.API, **serializer.validated_data
        )

    def perform_destroy(self, instance: Contact) -> None:
        services.delete_contact(contact=instance)

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.BINARY})
    @action(detail=False, pagination_class=None)
    def export(self, request: Request, *args: Any, **kwargs: Any) -> StreamingHttpResponse:
        """The contacts that the filters find, as CSV that the import takes back."""
        return StreamingHttpResponse(
            stream_contacts(self.filter_queryset(self.get_queryset())),
            content_type="text/csv; charset=utf-8",
            headers={
                "Content-Disposition": 'attachment; filename="contacts.csv"',
                "Cache-Control": "private, no-store",
            },
        )

    @extend_schema(request=None, responses=ContactSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def unsubscribe(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Withdraw the person's consent: no campaign reaches this phone again."""
        contact = services.update_contact(
            contact=self.get_object(), source=Consent.Source.API, is_subscribed=False
        )
        return Response(self.get_serializer(contact).data)

    @extend_schema(responses=ConsentSerializer(many=True), filters=False)
    @action(detail=True, filterset_class=None)
    def consents(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What the person agreed to or took back, newest first."""
        consents: Any = self.get_object().consents.select_related("text")
        page: Any = self.paginate_queryset(consents)
        return self.get_paginated_response(ConsentSerializer(page, many=True).data)
