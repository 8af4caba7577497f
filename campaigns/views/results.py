"""campaigns/{id}/: whom it reaches, and what came of it."""

from dataclasses import asdict
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.cached_answers import X_CACHE, answer, render, wants_fresh
from accounts.pagination import Pages
from accounts.viewsets import BusinessViewSet
from campaigns import cache, selectors
from campaigns.models import Campaign
from campaigns.pagination import ByPhone
from campaigns.reports import stream_report
from campaigns.serializers import (
    AudienceSerializer,
    EmptySerializer,
    IdsSerializer,
    MessageStatusSerializer,
    RunSerializer,
    SamplesSerializer,
    StatisticsSerializer,
)
from campaigns.statistics import campaign_statistics
from messaging.models import Message
from messaging.selectors import messages_of
from messaging.serializers import MessageSerializer
from rediskit.versioned_cache import CachedMany

_PLAIN: dict[str, Any] = {"filterset_class": None, "pagination_class": None}
_BY_CAMPAIGN = {
    "type": "object",
    "additionalProperties": {"$ref": "#/components/schemas/Statistics"},
}


class ResultsMixin(BusinessViewSet[Campaign]):
    """The reading actions of a campaign."""

    @extend_schema(responses=AudienceSerializer)
    @action(detail=True, **_PLAIN)
    def audience(self, request: Request, pk: str) -> Response:
        """Who would get the campaign if it went out now, who is left out, and what it costs."""
        summary = selectors.summarise_audience(self.get_object())
        return Response(AudienceSerializer(summary).data)

    @extend_schema(request=EmptySerializer, responses=SamplesSerializer)
    @action(detail=True, methods=["post"], serializer_class=EmptySerializer)
    def preview(self, request: Request, pk: str) -> Response:
        """The texts of the first ten contacts of the audience."""
        campaign = self.get_object()
        self.get_serializer(data=request.data).is_valid(raise_exception=True)
        samples = [
            {"contact": contact.pk, "phone": contact.phone, **asdict(text)}
            for contact, text in selectors.rendered_samples(campaign)
        ]
        return Response({"samples": samples})

    @extend_schema(responses=StatisticsSerializer, parameters=[X_CACHE])
    @action(detail=True, **_PLAIN)
    def stats(self, request: Request, pk: str) -> HttpResponse:
        """A draft answers with zeros."""
        found = self._statistics([int(pk)])
        return answer(found.bodies[int(pk)], found.state)

    @extend_schema(
        parameters=[
            OpenApiParameter("ids", str, required=True, description="Such as 1,2"),
            X_CACHE,
        ],
        operation_id="campaigns_stats_list",
        responses={(200, "application/json"): _BY_CAMPAIGN},
    )
    @action(detail=False, url_path="stats", extra_query_params=("ids",), **_PLAIN)
    def stats_of_many(self, request: Request) -> HttpResponse:
        """By campaign, up to 100; 404 if one of them does not exist."""
        serializer = IdsSerializer(data=request.query_params)
        serializer.is_valid(raise_exception=True)
        found = self._statistics(sorted(set(serializer.validated_data["ids"])))
        bodies = (b'"%d":%s' % each for each in sorted(found.bodies.items()))
        return answer(b"{%s}" % b",".join(bodies), found.state)

    @extend_schema(responses=RunSerializer(many=True))
    @action(
        detail=True, filterset_class=None, pagination_class=Pages, serializer_class=RunSerializer
    )
    def runs(self, request: Request, pk: str) -> Response:
        """Newest first: what went out each time, and what of a recurring campaign was left out."""
        pages = Pages()
        page = pages.paginate_queryset(selectors.history_of(self.get_object()), request, view=self)
        rows = list(page or [])
        statistics = campaign_statistics({row["ran"]: [row["ran"]] for row in rows if row["ran"]})
        shown = [row | {"stats": statistics.get(row["ran"])} for row in rows]
        return pages.get_paginated_response(RunSerializer(shown, many=True).data)

    @extend_schema(
        parameters=[OpenApiParameter("status", enum=Message.Status.values)],
        responses=MessageSerializer(many=True),
    )
    @action(
        detail=True,
        extra_query_params=("status",),
        filterset_class=None,
        pagination_class=ByPhone,
        serializer_class=MessageSerializer,
    )
    def messages(self, request: Request, pk: str) -> Response:
        """In order of phone; `status` as in the statistics, messages in flight being `queued`."""
        campaign = self.get_object()
        wanted = {name: request.query_params[name] for name in {"status"} & {*request.query_params}}
        serializer = MessageStatusSerializer(data=wanted)
        serializer.is_valid(raise_exception=True)
        messages = messages_of(selectors.broadcasts_of(campaign), **serializer.validated_data)
        pages = ByPhone()
        page = pages.paginate_queryset(messages, request, view=self)
        return pages.get_paginated_response(MessageSerializer(page, many=True).data)

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR})
    @action(detail=True, **_PLAIN)
    def report(self, request: Request, pk: str) -> StreamingHttpResponse:
        """Every message, as CSV."""
        campaign = self.get_object()
        return StreamingHttpResponse(
            stream_report(selectors.broadcasts_of(campaign)),
            content_type="text/csv; charset=utf-8",
            headers={
                "Content-Disposition": f'attachment; filename="campaign-{campaign.pk}.csv"',
                "Cache-Control": "private, no-store",
            },
        )

    def _statistics(self, ids: list[int]) -> CachedMany[int]:
        found = cache.get_statistics(
            business_id=self.business.pk,
            campaign_ids=ids,
            compute=self._render_statistics,
            fresh=wants_fresh(self.request),
        )
        if missing := set(ids) - found.bodies.keys():
            raise NotFound(f"There is no campaign {min(missing)}.")
        return found

    def _render_statistics(self, ids: list[int]) -> dict[int, bytes]:
        campaigns = selectors.with_broadcasts(self.get_queryset().filter(pk__in=ids))
        runs = {campaign.pk: campaign.broadcast_ids for campaign in campaigns}
        statistics = campaign_statistics(runs)
        return {pk: render(StatisticsSerializer(each).data) for pk, each in statistics.items()}
