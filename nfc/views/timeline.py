"""contacts/{id}/timeline/: here, because only this app knows all that a person can do."""

from typing import Any
from urllib.parse import urlencode

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.pagination import check_page_size
from accounts.viewsets import BusinessMixin
from contacts.models import Contact
from nfc.timeline import KINDS, timeline

PAGE_SIZE = 20
MAX_PAGE_SIZE = 100


class EntrySerializer(serializers.Serializer[Any]):
    """what: by kind: granted, withdrawn; a message's status; a reply's keyword; redeemed, undone;
    a scan's kind. text: the words; reference: the public id of the message that it is about."""

    at = serializers.DateTimeField()
    kind = serializers.ChoiceField(choices=KINDS)
    what = serializers.CharField()
    text = serializers.CharField()
    reference = serializers.CharField()
    origin = serializers.CharField(help_text="How a consent came: form, reply, import, ...")


PAGE = inline_serializer(
    "Timeline",
    {
        "next": serializers.URLField(allow_null=True),
        "results": EntrySerializer(many=True),
    },
)


class TimelineView(BusinessMixin):
    """What passed between the business and a contact's present phone, newest first."""

    extra_query_params = ("cursor", "page_size")

    @extend_schema(
        responses=PAGE,
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("page_size", int)],
    )
    def get(self, request: Request, pk: int) -> Response:
        contact = get_object_or_404(Contact, business=self.business, pk=pk)
        check_page_size(request)
        size = min(int(request.query_params.get("page_size", PAGE_SIZE)), MAX_PAGE_SIZE)
        try:
            page, cursor = timeline(
                contact, size=size, before=request.query_params.get("cursor", "")
            )
        except ValueError as error:
            raise NotFound("Invalid cursor") from error
        following = None
        if cursor:
            query = urlencode({"cursor": cursor, "page_size": size})
            following = request.build_absolute_uri(f"{request.path}?{query}")
        return Response({"next": following, "results": EntrySerializer(page, many=True).data})
