"""The public JSON twins of the offer page: for shops' own pages and tills. Nobody logs in."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.problems import Problem
from tracking import limits, selectors, serializers, services
from tracking.bots import is_automatic

_HEADERS = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow"}


class OfferNotFound(Problem):
    status = 404
    code = "OFFER_NOT_FOUND"
    title = "There is no such offer."


class _Public(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        limits.check_question(request, kwargs["tracking_id"])


class OfferView(_Public):
    @extend_schema(responses=serializers.PublicOfferSerializer)
    def get(self, request: Request, tracking_id: str) -> Response:
        """The offer of a message, which counts as a look at it."""
        message = selectors.find_offer(tracking_id)
        if message is None:
            raise OfferNotFound
        if not is_automatic(request):
            services.record_view(message=message)
        offer = message.broadcast.offer
        redemption = selectors.redemption_of(message)
        shown = {
            "business": message.broadcast.business.name,
            "title": offer.title,
            "text": offer.text,
            "valid_until": offer.valid_until,
            "is_expired": offer.is_expired(timezone.now()),
            "redeemed_at": redemption.redeemed_at if redemption else None,
        }
        return Response(serializers.PublicOfferSerializer(shown).data, headers=_HEADERS)


class RedeemedView(_Public):
    @extend_schema(responses=serializers.ExistsSerializer)
    def get(self, request: Request, tracking_id: str) -> Response:
        """Whether there is such an offer, and whether it has been redeemed. Redeems nothing."""
        message = selectors.find_offer(tracking_id)
        redemption = selectors.redemption_of(message) if message else None
        shown = {"exists": message is not None, "already_redeemed": redemption is not None}
        return Response(shown, headers=_HEADERS)
