"""Messages and replies over HTTP: those of campaigns to read, single ones to send, the inbox."""

from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from accounts.idempotency import idempotent
from accounts.models import User
from accounts.pagination import NewestFirst
from accounts.viewsets import BusinessViewSet
from messaging import services, tasks
from messaging.correspondence import auto_replies_of, auto_reply_of
from messaging.filters import InboxFilter, MessageFilter
from messaging.models import AutoReply, InboundMessage, Message
from messaging.serializers import (
    AutoReplySerializer,
    InboundMessageSerializer,
    MessageSerializer,
    SendMessageSerializer,
)
from rediskit.doorbell import ring_on_commit


class MessageViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, BusinessViewSet[Message]):
    """All messages of the business, newest first; POST sends one transactional message."""

    queryset = Message.objects.all()
    serializer_class = MessageSerializer
    pagination_class = NewestFirst
    filterset_class = MessageFilter
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    lookup_value_regex = "[A-Za-z0-9_-]{12}"

    @extend_schema(request=SendMessageSerializer, responses={202: MessageSerializer})
    @idempotent
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        body = SendMessageSerializer(data=request.data, context={"business": self.business})
        body.is_valid(raise_exception=True)
        contact = body.validated_data.get("contact")
        message = services.send_message(
            business=self.business,
            phone=contact.phone if contact else body.validated_data["phone"],
            text=body.validated_data["text"],
            sender=body.validated_data.get("sender") or self.business.sender_name,
            contact=contact,
        )
        ring_on_commit(tasks.send_next)
        return Response(
            MessageSerializer(message).data,
            status=status.HTTP_202_ACCEPTED,
            headers={"Location": request.build_absolute_uri(f"{request.path}{message.public_id}/")},
        )


class InboxViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    BusinessViewSet[InboundMessage],
):
    """What people wrote back to the business, newest first; PATCH marks one as handled."""

    queryset = InboundMessage.objects.select_related("message")
    serializer_class = InboundMessageSerializer
    pagination_class = NewestFirst
    filterset_class = InboxFilter
    lookup_value_regex = "[0-9]{1,18}"
    http_method_names = ["get", "patch", "head", "options"]

    def perform_update(self, serializer: BaseSerializer[InboundMessage]) -> None:
        assert serializer.instance is not None
        assert isinstance(self.request.user, User)
        is_handled = serializer.validated_data.get("is_handled")
        if is_handled is not None:
            services.mark_handled(
                inbound=serializer.instance, by=self.request.user, is_handled=is_handled
            )


class AutoReplyViewSet(BusinessViewSet[AutoReply]):
    """What the business answers by itself: help, stop, start and other. At first only help is."""

    queryset = AutoReply.objects.all()
    serializer_class = AutoReplySerializer
    pagination_class = None
    lookup_field = "kind"
    lookup_value_regex = "[a-z]{1,10}"
    http_method_names = ["get", "patch", "head", "options"]

    @extend_schema(responses=AutoReplySerializer(many=True))
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(AutoReplySerializer(auto_replies_of(self.business), many=True).data)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(AutoReplySerializer(self.get_object()).data)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        reply = self.get_object()
        body = AutoReplySerializer(reply, data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        services.save_auto_reply(business=self.business, kind=reply.kind, **body.validated_data)
        return Response(AutoReplySerializer(self.get_object()).data)

    def get_object(self) -> AutoReply:
        """As it is, saved or not."""
        kind = self.kwargs["kind"]
        if kind not in AutoReply.Kind:
            raise Http404
        return auto_reply_of(self.business, kind)
