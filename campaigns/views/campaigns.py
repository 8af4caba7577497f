"""campaigns/"""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.http import HttpResponse
from django.utils.http import parse_etags
from django_filters.utils import translate_validation
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from accounts.cached_answers import X_CACHE, answer, wants_fresh
from accounts.idempotency import idempotent
from accounts.models import User
from accounts.pagination import Pages
from accounts.viewsets import BusinessViewSet
from campaigns import cache, selectors, services, tasks
from campaigns.filters import CampaignFilter
from campaigns.models import Campaign
from campaigns.schedule import from_instant, from_wall_time
from campaigns.serializers import (
    CampaignListSerializer,
    CampaignSerializer,
    CampaignTestSerializer,
    EmptySerializer,
    RetrySerializer,
    ScheduleSerializer,
    TestMessagesSerializer,
)
from campaigns.statistics import campaign_statistics
from campaigns.views.results import ResultsMixin
from messaging.selectors import messages_of
from messaging.tasks import expand, send_next, settle
from rediskit.doorbell import ring_on_commit, ring_senders_on_commit

IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag that was read: 412 if the campaign has changed since.",
)


class CampaignViewSet(ResultsMixin, BusinessViewSet[Campaign]):
    """Campaigns. Answers about a single one carry its ETag, which `If-Match` takes."""

    queryset = Campaign.objects.select_related("business", "template").order_by(
        "-created_at", "-pk"
    )
    serializer_class = CampaignSerializer
    filterset_class = CampaignFilter
    pagination_class = Pages
    lookup_value_regex = "[0-9]{1,19}"

    @extend_schema(responses=CampaignListSerializer(many=True), parameters=[X_CACHE])
    def list(self, request: Request) -> HttpResponse:
        pages = Pages()
        filters = CampaignFilter(request.query_params, self.get_queryset(), request=request)
        if not filters.is_valid():
            raise translate_validation(filters.errors)
        cached = cache.get_campaign_list(
            business_id=self.business.pk,
            query=filters.list_query(*pages.get_place(request)),
            compute=partial(self._render_page, pages, filters),
            fresh=wants_fresh(request),
        )
        return answer(pages.add_links(cached.body, request), cached.state)

    @idempotent
    def create(self, request: Request) -> Response:
        """A draft; with `scheduled_at`, scheduled at once."""
        fields = self._fields(self._validated(request))
        campaign = services.create_campaign(
            business=self.business, created_by=self.author, **fields
        )
        return self._answer(campaign, status.HTTP_201_CREATED)

    def retrieve(self, request: Request, pk: str) -> Response:
        return self._answer(self.get_object())

    @extend_schema(parameters=[IF_MATCH])
    def update(self, request: Request, pk: str, *, partial: bool = False) -> Response:
        """Drafts and scheduled campaigns can be changed."""
        campaign = self.get_object()
        changes = self._fields(self._validated(request, campaign, partial=partial))
        campaign = services.update_campaign(
            campaign=campaign, versions=_versions(request), **changes
        )
        return self._answer(campaign)

    @extend_schema(parameters=[IF_MATCH])
    def partial_update(self, request: Request, pk: str) -> Response:
        """Drafts and scheduled campaigns can be changed."""
        return self.update(request, pk, partial=True)

    @extend_schema(parameters=[IF_MATCH])
    def destroy(self, request: Request, pk: str) -> Response:
        """Drafts and scheduled campaigns can be deleted, unless they have sent something."""
        services.delete_campaign(campaign=self.get_object(), versions=_versions(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=EmptySerializer, responses={202: CampaignSerializer})
    @action(detail=True, methods=["post"], serializer_class=EmptySerializer)
    @idempotent
    def send(self, request: Request, pk: str) -> Response:
        """Send now, which is: scheduled for now."""
        campaign = self._act(request, services.send_campaign)
        ring_on_commit(tasks.launch_due)
        return self._answer(campaign, status.HTTP_202_ACCEPTED)

    @extend_schema(request=ScheduleSerializer, responses=CampaignSerializer)
    @action(detail=True, methods=["post"], serializer_class=ScheduleSerializer)
    @idempotent
    def schedule(self, request: Request, pk: str) -> Response:
        """Set the time, or another one.

        A wall time that the clocks skip shifts forward; of one that comes twice, the first counts.
        A recurring campaign goes out for the first time on the first day of its rule from then on.
        """
        campaign = self.get_object()
        chosen = self._validated(request).validated_data
        zone = self.business.zone
        wanted = (
            from_instant(chosen["scheduled_at"], zone)
            if "scheduled_at" in chosen
            else from_wall_time(chosen["date"], chosen["time"], zone)
        )
        return self._answer(services.schedule_campaign(campaign=campaign, schedule=wanted))

    @extend_schema(request=EmptySerializer, responses=CampaignSerializer)
    @action(detail=True, methods=["post"], serializer_class=EmptySerializer)
    @idempotent
    def unschedule(self, request: Request, pk: str) -> Response:
        """Back to a draft."""
        return self._answer(self._act(request, services.unschedule_campaign))

    @extend_schema(request=EmptySerializer, responses=CampaignSerializer)
    @action(detail=True, methods=["post"], serializer_class=EmptySerializer)
    @idempotent
    def cancel(self, request: Request, pk: str) -> Response:
        """End it, the whole series, too; what the gateway has been given cannot be taken back."""
        campaign = self._act(request, services.cancel_campaign)
        for broadcast_id in selectors.cancelled_broadcasts_of(campaign):
            ring_on_commit(settle, broadcast_id)
        return self._answer(campaign)

    @extend_schema(request=EmptySerializer, responses=CampaignSerializer)
    @action(detail=True, methods=["post"], serializer_class=EmptySerializer)
    @idempotent
    def pause(self, request: Request, pk: str) -> Response:
        """Hold what the gateway has not been given yet."""
        return self._answer(self._act(request, services.pause_campaign))

    @extend_schema(request=EmptySerializer, responses=CampaignSerializer)
    @action(detail=True, methods=["post"], serializer_class=EmptySerializer)
    @idempotent
    def resume(self, request: Request, pk: str) -> Response:
        """Go on where it was held."""
        campaign = self._act(request, services.resume_campaign)
        ring_senders_on_commit(send_next)
        return self._answer(campaign)

    @extend_schema(request=RetrySerializer, responses={202: CampaignSerializer})
    @action(
        detail=True, methods=["post"], url_path="retry-failed", serializer_class=RetrySerializer
    )
    @idempotent
    def retry_failed(self, request: Request, pk: str) -> Response:
        """Send again what failed for a reason that may pass, to whoever is still subscribed.

        What is `unconfirmed` may have arrived: it is sent again only if `include` names it.
        """
        campaign = self.get_object()
        chosen = self._validated(request).validated_data
        campaign = services.retry_failed(campaign=campaign, include=chosen["include"])
        ring_on_commit(expand, selectors.broadcasts_of(campaign)[-1])
        return self._answer(campaign, status.HTTP_202_ACCEPTED)

    @extend_schema(request=CampaignTestSerializer, responses={202: TestMessagesSerializer})
    @action(detail=True, methods=["post"], serializer_class=CampaignTestSerializer)
    @idempotent
    def test(self, request: Request, pk: str) -> Response:
        """Send the text, as it would go out now, to up to five phones; no part of the results."""
        campaign = self.get_object()
        phones = self._validated(request).validated_data["phones"]
        broadcast = services.send_test(campaign=campaign, phones=phones)
        ring_senders_on_commit(send_next)
        sent = TestMessagesSerializer({"messages": messages_of([broadcast.pk])})
        return Response(sent.data, status.HTTP_202_ACCEPTED)

    @extend_schema(request=EmptySerializer, responses={201: CampaignSerializer})
    @action(detail=True, methods=["post"], serializer_class=EmptySerializer)
    @idempotent
    def duplicate(self, request: Request, pk: str) -> Response:
        """A draft with the same text for the same audience, as often."""
        campaign = self.get_object()
        self._validated(request)
        copy = services.duplicate_campaign(campaign=campaign, created_by=self.author)
        return self._answer(copy, status.HTTP_201_CREATED)

    def _render_page(self, pages: Pages, filters: CampaignFilter) -> bytes:
        page: list[Campaign] = pages.paginate_queryset(filters.qs, self.request, view=self) or []
        context = dict(self.get_serializer_context())
        runs = {each.pk: each.broadcast_ids for each in page if hasattr(each, "broadcast_ids")}
        if runs:  # with_stats
            context["statistics"] = campaign_statistics(runs)
        return pages.render_page(CampaignListSerializer(page, many=True, context=context).data)

    def _fields(self, serializer: BaseSerializer[Any]) -> dict[str, Any]:
        fields: dict[str, Any] = serializer.validated_data
        if "scheduled_at" in fields:
            instant = fields.pop("scheduled_at")
            fields["schedule"] = from_instant(instant, self.business.zone) if instant else None
        return fields

    @property
    def author(self) -> User:
        assert isinstance(self.request.user, User)
        return self.request.user

    def _act(self, request: Request, service: Callable[..., Campaign]) -> Campaign:
        campaign = self.get_object()
        self._validated(request)
        return service(campaign=campaign)

    def _validated(
        self, request: Request, *instance: Campaign, **kwargs: Any
    ) -> BaseSerializer[Any]:
        serializer = self.get_serializer(*instance, data=request.data, **kwargs)
        serializer.is_valid(raise_exception=True)
        return serializer

    def _answer(self, campaign: Campaign, status_code: int = status.HTTP_200_OK) -> Response:
        serializer = CampaignSerializer(campaign, context=self.get_serializer_context())
        headers = {"ETag": f'"{campaign.version}"'}
        if status_code != status.HTTP_200_OK:
            headers["Location"] = self.reverse_action("detail", args=[campaign.pk])
        return Response(serializer.data, status=status_code, headers=headers)


def _versions(request: Request) -> set[str] | None:
    """What If-Match names; None if any will do. A weak tag never matches (RFC 9110)."""
    header = request.headers.get("If-Match")
    if header is None or header.strip() == "*":
        return None
    return {tag.strip('"') for tag in parse_etags(header) if not tag.startswith("W/")}
