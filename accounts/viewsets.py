"""The bases of every view of the API: one business per request, and no silent parameters."""

from typing import Any, ClassVar, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts import selectors
from accounts.models import Business, Membership, User

M = TypeVar("M", bound=Model)


class StrictQueryMixin(APIView):
    """Refuses query parameters that the view does not know; every GET knows `fresh`."""

    extra_query_params: ClassVar[tuple[str, ...]] = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        known = self.known_query_params(request)
        unknown = set(request.query_params) - known
        if unknown:
            others = f": there are {', '.join(sorted(known))}" if known else ""
            words = f"There is no such query parameter{others}."
            message = ErrorDetail(words, code="UNKNOWN_PARAMETER")
            raise ValidationError({name: [message] for name in sorted(unknown)})

    def known_query_params(self, request: Request) -> set[str]:
        known = set(self.extra_query_params)
        if request.method in {"GET", "HEAD"}:
            known.add("fresh")
        return known


class BusinessMixin(StrictQueryMixin):
    """Finds the business of the request: the only one of the user, or that of `X-Business`."""

    business: Business
    membership: Membership

    def perform_authentication(self, request: Request) -> None:
        # Between authentication and permissions: those ask for the membership's role.
        super().perform_authentication(request)
        if not isinstance(request.user, User):
            return
        self.membership = selectors.get_membership(
            user=request.user, business_id=request.headers.get("X-Business")
        )
        self.business = self.membership.business


class BusinessViewSet(BusinessMixin, GenericViewSet[M]):
    """A viewset whose objects are those of the business: others answer 404.

    business_lookup: the way from the model to its business.
    extra_query_params: parameters beyond those of the filter set and the pagination.
    ordering_fields: if set, `ordering` is known as well (rest_framework's OrderingFilter).
    """

    business_lookup: ClassVar[str] = "business"

    def get_queryset(self) -> QuerySet[M]:
        queryset = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return queryset.none()
        return queryset.filter(**{self.business_lookup: self.business})

    def known_query_params(self, request: Request) -> set[str]:
        known = super().known_query_params(request)
        if "fresh" not in known or self.action == "retrieve":
            return known
        filterset = getattr(self, "filterset_class", None)
        known.update(filterset.base_filters if filterset else ())
        pagination = self.pagination_class
        for name in ("page_query_param", "page_size_query_param", "cursor_query_param"):
            known.add(getattr(pagination, name, None) or "fresh")
        if hasattr(self, "ordering_fields"):
            known.add("ordering")
        return known
