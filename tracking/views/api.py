"""The till, and the figures of lists."""

from dataclasses import asdict

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.idempotency import idempotent
from accounts.models import User
from accounts.permissions import IsMember
from accounts.viewsets import BusinessMixin
from contacts.models import ContactList
from rediskit.client_address import client_ip
from rediskit.ratelimits import limited
from tracking import limits, selectors, serializers, services
from tracking.models import Redemption


class RedeemView(BusinessMixin):
    permission_classes = (IsMember,)

    @extend_schema(
        request=serializers.TrackingIdSerializer, responses=serializers.RedeemedSerializer
    )
    @limited(limits.REDEEM)
    @idempotent
    def post(self, request: Request) -> Response:
        """Redeem an offer: once, whoever else tries at the same time."""
        assert isinstance(request.user, User)
        evidence = services.Evidence(
            channel=Redemption.Channel.API,
            ip=client_ip(request),
            user_agent=request.headers.get("User-Agent", ""),
        )
        redeemed = services.redeem(
            business_id=self.business.pk,
            code=_code(request),
            user=request.user,
            evidence=evidence,
        )
        return Response(serializers.RedeemedSerializer(asdict(redeemed)).data)


class UndoView(BusinessMixin):
    permission_classes = (IsMember,)

    @extend_schema(request=serializers.TrackingIdSerializer, responses=serializers.UndoneSerializer)
    @limited(limits.REDEEM)
    @idempotent
    def post(self, request: Request) -> Response:
        """Take a redemption back, within some minutes of it."""
        assert isinstance(request.user, User)
        undone = services.undo_redemption(
            business_id=self.business.pk, code=_code(request), user=request.user
        )
        return Response(serializers.UndoneSerializer(asdict(undone)).data)


class ListStatisticsView(BusinessMixin):
    @extend_schema(responses=serializers.EngagementSerializer)
    def get(self, request: Request, pk: str) -> Response:
        """What came of all messages that were sent to the list."""
        lists = ContactList.objects.filter(business=self.business, pk=int(pk))
        if not lists.exists():
            raise Http404
        (engagement,) = selectors.list_engagement([int(pk)]).values()
        return Response(serializers.EngagementSerializer(engagement).data)


def _code(request: Request) -> str:
    serializer = serializers.TrackingIdSerializer(data=request.data)
    serializer.is_valid(raise_exception=True)
    return str(serializer.validated_data["tracking_id"])
