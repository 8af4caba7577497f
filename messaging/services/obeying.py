"""What a keyword in a reply does: for the business that the reply is to, and for no other."""

from django.db.models import Q

from contacts.models import Consent, Suppression
from contacts.services import confirm_by_reply, resubscribe, unsubscribe
from messaging.keywords import Keyword
from messaging.models import InboundMessage, Message

Effect = InboundMessage.Effect

# The words that a later one outdoes. A bare yes is one only where there was something to say it to.
_RIVALS = Q(keyword__in=[Keyword.STOP, Keyword.START]) | Q(effect=Effect.CONFIRMED)


def obey(*, inbound: InboundMessage, answered: Message) -> str:
    """Do what the keyword says, and note what came of it: an InboundMessage.Effect, or nothing.

    Runs under lock_suppressions of the business. answered: whose business is meant.
    """
    effect = _obey(inbound, answered)
    if effect:
        inbound.effect = effect
        inbound.save(update_fields=["effect"])
    return effect


def _obey(inbound: InboundMessage, answered: Message) -> str:
    if inbound.keyword not in {Keyword.STOP, Keyword.START, Keyword.YES}:
        return ""
    if _is_outdated(inbound):
        return Effect.OUTDATED
    business_id, phone, reference = answered.business_id, inbound.phone, answered.public_id
    source = Consent.Source.REPLY
    if inbound.keyword == Keyword.STOP:
        is_new = unsubscribe(
            business_id=business_id, phone=phone, source=source, reference=reference
        )
        return Effect.UNSUBSCRIBED if is_new else ""
    if confirm_by_reply(business_id=business_id, phone=phone, asked_before=inbound.received_at):
        return Effect.CONFIRMED
    # A yes answers a question, whatever that was; only START asks for messages again.
    if inbound.keyword == Keyword.START and resubscribe(
        business_id=business_id, phone=phone, source=source, reference=reference
    ):
        return Effect.RESUBSCRIBED
    return ""


def _is_outdated(inbound: InboundMessage) -> bool:
    """Whether the person has said something later that arrived before, or opted out elsewhere."""
    same = {"business": inbound.business_id, "phone": inbound.phone}
    words = InboundMessage.objects.filter(_RIVALS, **same).exclude(pk=inbound.pk)
    if words.filter(occurred_at__gt=inbound.occurred_at).exists():
        return True
    if inbound.keyword == Keyword.STOP:
        return False
    elsewhere = Suppression.objects.filter(**same).exclude(source=Consent.Source.REPLY)
    return elsewhere.filter(created_at__gt=inbound.occurred_at).exists()
