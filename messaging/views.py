"""Messages over HTTP: those of campaigns to read, single ones to send."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.idempotency import idempotent
from accounts.pagination import NewestFirst
from accounts.viewsets import BusinessViewSet
from messaging import services, tasks
from messaging.filters import MessageFilter
from messaging.models import Message
from messaging.serializers import MessageSerializer, SendMessageSerializer
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
