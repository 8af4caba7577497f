"""Imports over HTTP."""

from collections.abc import Iterable
from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.idempotency import idempotent
from accounts.models import User
from accounts.pagination import NewestFirst
from accounts.viewsets import BusinessViewSet
from contacts import csv_export, selectors, services, tasks
from contacts.models import ContactImport
from contacts.serializers import ImportSerializer, ImportUploadSerializer
from contacts.views.limits import LimitedWrites
from rediskit.doorbell import ring_on_commit

_CSV = {(200, "text/csv"): OpenApiTypes.STR}
_TEMPLATE = (
    (
        "phone",
        "email",
        "first_name",
        "last_name",
        "gender",
        "birthday",
        "is_subscribed",
        "attributes.city",
    ),
    (
        "6940000001",
        "maria@example.com",
        "Μαρία",
        "Παπαδοπούλου",
        "female",
        "1990-12-31",
        "yes",
        "Αθήνα",
    ),
)


class ImportViewSet(
    LimitedWrites,
    mixins.RetrieveModelMixin,
    mixins.ListModelMixin,
    BusinessViewSet[ContactImport],
):
    """Files of contacts on their way in: pending, processing, then completed, failed or cancelled.

    docs/import.md tells what a file may look like.
    """

    queryset = ContactImport.objects.all()
    serializer_class = ImportSerializer
    pagination_class = NewestFirst
    lookup_value_regex = "[0-9]{1,18}"

    def get_parsers(self) -> list[Any]:
        return [MultiPartParser(), *super().get_parsers()]

    @extend_schema(
        request={"multipart/form-data": ImportUploadSerializer}, responses={202: ImportSerializer}
    )
    @idempotent
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Upload a CSV file. It is read in the background: poll the address in Location."""
        upload = ImportUploadSerializer(data=request.data, context=self.get_serializer_context())
        upload.is_valid(raise_exception=True)
        data = upload.validated_data
        assert isinstance(request.user, User)
        contact_import = services.create_import(
            business=self.business,
            created_by=request.user,
            file=data["file"],
            name=data["file"].name,
            contact_list=data.get("list"),
            dry_run=data["dry_run"],
            update_existing=data["update_existing"],
        )
        ring_on_commit(tasks.run_import, contact_import.pk)
        location = reverse("contact-import-detail", args=[contact_import.pk], request=request)
        return Response(
            self.get_serializer(contact_import).data,
            status=status.HTTP_202_ACCEPTED,
            headers={"Location": location},
        )

    @extend_schema(request=None, responses=ImportSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def cancel(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Stop the import; what is in stays in."""
        contact_import = self.get_object()
        services.cancel_import(contact_import=contact_import)
        contact_import.refresh_from_db()
        return Response(self.get_serializer(contact_import).data)

    @extend_schema(responses=_CSV, filters=False)
    @action(detail=True, pagination_class=None)
    def errors(self, request: Request, *args: Any, **kwargs: Any) -> StreamingHttpResponse:
        """The rows that were not taken: line, column, code, reason."""
        contact_import = self.get_object()
        rows = selectors.import_errors(contact_import)
        return _csv_answer(rows, f"import-{contact_import.pk}-errors.csv")

    @extend_schema(responses=_CSV, filters=False)
    @action(detail=False, pagination_class=None)
    def template(self, request: Request, *args: Any, **kwargs: Any) -> StreamingHttpResponse:
        """A file to fill in."""
        return _csv_answer(_TEMPLATE, "contacts.csv")


def _csv_answer(rows: Iterable[Iterable[object]], name: str) -> StreamingHttpResponse:
    return StreamingHttpResponse(
        csv_export.lines(rows),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
