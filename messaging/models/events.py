"""What gateways tell us, stored before it is understood."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class GatewayEvent(models.Model):
    """One webhook request, byte for byte.

    Ladder: pending -> applied | quarantined; quarantined -> pending (replay). Quarantined means
    that some element could not be read; those that could are applied all the same.
    Bytes, since jsonb refuses NUL and a gateway may send anything.
    """

    class State(models.TextChoices):
        PENDING = "pending"
        APPLIED = "applied"
        QUARANTINED = "quarantined"

    class Kind(models.TextChoices):
        DELIVERY = "delivery"
        INBOUND = "inbound"

    gateway = models.CharField(max_length=20)
    kind = models.CharField(max_length=10, choices=Kind)
    raw = models.BinaryField()
    state = models.CharField(max_length=12, choices=State, default=State.PENDING)
    problem = models.CharField(max_length=255, blank=True, default="")
    received_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            models.Index(fields=["id"], condition=Q(state="pending"), name="gateway_event_pending"),
            models.Index(
                fields=["id"], condition=Q(state="quarantined"), name="gateway_event_quarantined"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.gateway} {self.kind} {self.pk}"


class GatewayReference(models.Model):
    """Which message a gateway's id names. Append-only and apart from Message, whose updates must
    not touch an index."""

    gateway_message_id = models.CharField(max_length=100, primary_key=True, db_collation="C")
    message_id = models.BigIntegerField()

    def __str__(self) -> str:
        return self.gateway_message_id


class WaitingReport(models.Model):
    """A report whose message is not known yet: it overtook the result of its own sending.

    Or the result never came, for the reply to the call was lost: then the gateway is asked what
    the id stands for (messaging.services.settling), at look_up_at, and later each time.
    """

    gateway_message_id = models.CharField(max_length=100, db_collation="C")
    status = models.CharField(max_length=12)
    reason = models.CharField(max_length=40, blank=True)
    received_at = models.DateTimeField(db_default=Now())
    lookups = models.PositiveSmallIntegerField(db_default=0, default=0)
    look_up_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            models.Index(fields=["gateway_message_id"], name="waiting_report_message"),
            models.Index(fields=["look_up_at"], name="waiting_report_lookup"),
        ]

    def __str__(self) -> str:
        return f"{self.gateway_message_id}: {self.status}"
