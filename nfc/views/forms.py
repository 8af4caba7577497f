"""nfc/forms/"""

from typing import Any

from rest_framework import mixins, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from accounts.idempotency import idempotent
from accounts.pagination import Pages
from accounts.viewsets import BusinessViewSet
from nfc import services
from nfc.models import OptInForm
from nfc.serializers import FormSerializer


class FormViewSet(
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    mixins.ListModelMixin,
    BusinessViewSet[OptInForm],
):
    """What people are asked and told when they sign up by a tag."""

    queryset = OptInForm.objects.order_by("name", "id")
    serializer_class = FormSerializer
    pagination_class = Pages
    lookup_value_regex = "[0-9]{1,18}"

    @idempotent
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        form = services.create_form(business=self.business, **serializer.validated_data)
        return Response(
            self.get_serializer(form).data,
            status=status.HTTP_201_CREATED,
            headers={"Location": self.reverse_action("detail", args=[form.pk])},
        )

    def perform_update(self, serializer: BaseSerializer[OptInForm]) -> None:
        assert serializer.instance is not None
        serializer.instance = services.update_form(
            form=serializer.instance, **serializer.validated_data
        )

    def perform_destroy(self, instance: OptInForm) -> None:
        services.delete_form(form=instance)
