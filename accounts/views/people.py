"""Profile, business, members and invitations."""

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from accounts import cache, selectors, serializers
from accounts.cached_answers import X_CACHE, answer, render, wants_fresh
from accounts.idempotency import idempotent
from accounts.models import Invitation, Membership, User
from accounts.pagination import Pages
from accounts.permissions import IsManager, IsMember, IsOwner
from accounts.services import businesses, logos, passwords, people
from accounts.views.auth import access_answer, validated
from accounts.viewsets import BusinessMixin, BusinessViewSet, StrictQueryMixin


class MeView(StrictQueryMixin):
    permission_classes = (IsAuthenticated,)

    @extend_schema(responses=serializers.UserSerializer)
    def get(self, request: Request) -> Response:
        """The profile, with the businesses and the role in each."""
        assert isinstance(request.user, User)
        return Response(serializers.UserSerializer(request.user).data)

    @extend_schema(request=serializers.UserSerializer, responses=serializers.UserSerializer)
    def patch(self, request: Request) -> Response:
        assert isinstance(request.user, User)
        serializer = serializers.UserSerializer(request.user, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        people.update_profile(user=request.user, **serializer.validated_data)
        return Response(serializer.data)


class ChangePasswordView(StrictQueryMixin):
    permission_classes = (IsAuthenticated,)

    @extend_schema(
        request=serializers.ChangePasswordSerializer, responses=serializers.AccessSerializer
    )
    def post(self, request: Request) -> Response:
        """Change the password; every other session ends, this one gets new tokens."""
        assert isinstance(request.user, User)
        data = validated(serializers.ChangePasswordSerializer, request)
        pair = passwords.change_password(
            user=request.user, current=data["current_password"], new=data["new_password"]
        )
        return access_answer(pair, return_refresh=data["return_refresh"])


class BusinessView(BusinessMixin):
    def get_permissions(self) -> list[BasePermission]:
        return [IsMember() if self.request.method in {"GET", "HEAD"} else IsManager()]

    @extend_schema(responses=serializers.BusinessSerializer, parameters=[X_CACHE])
    def get(self, request: Request) -> HttpResponse:
        cached = cache.get_profile(
            business_id=self.business.pk,
            compute=self._render_profile,
            fresh=wants_fresh(request),
        )
        return answer(cached.body, cached.state)

    @extend_schema(request=serializers.BusinessSerializer, responses=serializers.BusinessSerializer)
    def patch(self, request: Request) -> Response:
        serializer = serializers.BusinessSerializer(self.business, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        businesses.update_business(business=self.business, **serializer.validated_data)
        return Response(serializer.data)

    def _render_profile(self) -> bytes:
        business = selectors.get_business(self.business.pk)
        return render(serializers.BusinessSerializer(business).data)


class BusinessLogoView(BusinessMixin):
    """Its picture on public pages, at /brand/{business}/{first 16 characters of sha256}."""

    parser_classes = (MultiPartParser,)

    def get_permissions(self) -> list[BasePermission]:
        return [IsMember() if self.request.method in {"GET", "HEAD"} else IsManager()]

    @extend_schema(responses=serializers.LogoSerializer)
    def get(self, request: Request) -> Response:
        logo = selectors.get_logo(self.business)
        if logo is None:
            raise logos.LogoNotFound
        return Response(serializers.LogoSerializer(logo).data)

    @extend_schema(
        request={"multipart/form-data": serializers.LogoUploadSerializer},
        responses=serializers.LogoSerializer,
    )
    def put(self, request: Request) -> Response:
        """Set or replace the logo."""
        data = validated(serializers.LogoUploadSerializer, request)
        logo = logos.set_logo(business=self.business, file=data["file"])
        return Response(serializers.LogoSerializer(logo).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request) -> Response:
        logos.remove_logo(business=self.business)
        return Response(status=204)


class MemberViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    BusinessViewSet[Membership],
):
    """People and their roles. Only owners see and change them."""

    queryset = Membership.objects.select_related("user").order_by("id")
    serializer_class = serializers.MemberSerializer
    permission_classes = (IsOwner,)
    pagination_class = Pages
    http_method_names = ["get", "head", "options", "post", "patch", "delete"]

    @extend_schema(
        request=serializers.InvitationSerializer,
        responses={201: serializers.InvitationSerializer},
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """Invite somebody by e-mail."""
        data = validated(serializers.InvitationSerializer, request)
        assert isinstance(request.user, User)
        invitation = people.invite_member(business=self.business, invited_by=request.user, **data)
        return Response(serializers.InvitationSerializer(invitation).data, status=201)

    def perform_update(self, serializer: BaseSerializer[Membership]) -> None:
        assert serializer.instance is not None
        role = serializer.validated_data.get("role", serializer.instance.role)
        people.change_role(membership=serializer.instance, role=role)

    def perform_destroy(self, instance: Membership) -> None:
        people.remove_member(membership=instance)


class InvitationViewSet(
    mixins.ListModelMixin, mixins.DestroyModelMixin, BusinessViewSet[Invitation]
):
    """Invitations that nobody has accepted yet; deleting one takes it back."""

    queryset = Invitation.objects.filter(accepted_at__isnull=True).order_by("id")
    serializer_class = serializers.InvitationSerializer
    permission_classes = (IsOwner,)
    pagination_class = Pages
