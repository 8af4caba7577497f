"""jobs/health/"""

from dataclasses import asdict

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.viewsets import BusinessMixin
from config import selectors


class OldestWaitingSerializer(serializers.Serializer[selectors.OldestWaiting]):
    """Seconds that the oldest work of each kind has waited; null: none waits."""

    batch = serializers.FloatField(allow_null=True)
    gateway_event = serializers.FloatField(allow_null=True)
    contact_import = serializers.FloatField(allow_null=True)
    campaign = serializers.FloatField(allow_null=True)


class JobsHealthSerializer(serializers.Serializer[dict[str, object]]):
    queues = serializers.DictField(
        child=serializers.IntegerField(),
        allow_null=True,
        help_text="Tasks that wait in each queue; null: the broker is away.",
    )
    oldest_waiting = OldestWaitingSerializer()
    scheduler_heartbeat_age = serializers.FloatField(
        allow_null=True,
        help_text="Seconds since the scheduler's work was last done; null: more than a minute.",
    )


class JobsHealthView(BusinessMixin):
    """Whether the work behind the business's campaigns keeps up."""

    @extend_schema(operation_id="jobs_health", responses=JobsHealthSerializer)
    def get(self, request: Request) -> Response:
        """Queues, oldest waiting work, the scheduler's sign of life: always from the source."""
        return Response(asdict(selectors.background_work(business=self.business)))
