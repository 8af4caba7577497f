"""Lists over HTTP."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from accounts.idempotency import idempotent
from accounts.pagination import Pages
from accounts.viewsets import BusinessViewSet
from contacts import selectors, services
from contacts.models import ContactList
from contacts.serializers import (
    ContactListSerializer,
    MembershipChangeSerializer,
    MembersSerializer,
)
from contacts.views.limits import LimitedWrites


class ContactListViewSet(
    LimitedWrites,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    mixins.ListModelMixin,
    BusinessViewSet[ContactList],
):
    """Static lists hold members; dynamic ones have a filter and hold whoever it finds."""

    queryset = ContactList.objects.order_by("name", "id")
    serializer_class = ContactListSerializer
    pagination_class = Pages
    lookup_value_regex = "[0-9]{1,18}"
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.get_queryset()) or []
        # All counts of the page at once.
        counts = selectors.list_counts(page, on=selectors.today_in(self.business))
        context = {**self.get_serializer_context(), "counts": counts}
        serializer = ContactListSerializer(page, many=True, context=context)
        return self.get_paginated_response(serializer.data)

    @idempotent
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        serializer.instance = services.create_list(
            business_id=self.business.pk, **serializer.validated_data
        )
        return Response(serializer.data, status=status.HTTP_201_CREATED)

    def perform_update(self, serializer: BaseSerializer[ContactList]) -> None:
        assert serializer.instance is not None
        serializer.instance = services.update_list(
            contact_list=serializer.instance, **serializer.validated_data
        )

    def perform_destroy(self, instance: ContactList) -> None:
        services.delete_list(contact_list=instance)

    @extend_schema(request=MembersSerializer, responses=MembershipChangeSerializer)
    @action(detail=True, methods=["post"], url_path="contacts")
    @idempotent
    def members(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Put contacts on a static list, all or none."""
        return self._change(request, services.add_members)

    @extend_schema(request=MembersSerializer, responses=MembershipChangeSerializer)
    @members.mapping.delete
    def remove_members(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Take contacts off a static list, all or none."""
        return self._change(request, services.remove_members)

    def _change(self, request: Request, change: Callable[..., int]) -> Response:
        contact_list = self.get_object()
        serializer = MembersSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        changed = change(
            contact_list=contact_list, contact_ids=serializer.validated_data["contacts"]
        )
        return Response(MembershipChangeSerializer({"changed": changed}).data)
