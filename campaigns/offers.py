"""Where a text leads: to its offer, and to pages whose addresses become short links."""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils import timezone

from accounts.problems import Problem
from campaigns.models import Automation, WithOffer
from messaging.texts import check_text
from tracking.models.targets import MAX_LINKS
from tracking.services import OfferFields, prepare_links


class OfferEnded(Problem):
    status = 409
    code = "OFFER_ENDED"
    title = "The offer ends before anybody could get it"


class TooManyLinks(Problem):
    code = "TOO_MANY_LINKS"
    title = f"A text can have {MAX_LINKS} different links at most"


class Prepared(NamedTuple):
    """A text as the broadcast keeps it, and the targets of its short links, the first of them 1."""

    text: str
    targets: list[str]


def prepare(text: str, *, track_links: bool) -> Prepared:
    """Raises TooManyLinks."""
    if not track_links:
        return Prepared(text, [])
    prepared = Prepared(*prepare_links(text=text))
    if len(prepared.targets) == MAX_LINKS and prepare_links(text=prepared.text)[1]:
        raise TooManyLinks
    return prepared


def check_leads(text: str, *, has_offer: bool, track_links: bool) -> None:
    """Raise rendering.TemplateError or TooManyLinks unless the text may be saved and sent."""
    check_text(text, has_offer=has_offer)
    prepare(text, track_links=track_links)


def offer_of(row: WithOffer) -> OfferFields | None:
    """The offer of a message that goes out now."""
    if not row.offer_title:
        return None
    days = row.offer_valid_days if isinstance(row, Automation) else None
    counted = timezone.now() + timedelta(days=days) if days else None
    end = min(filter(None, (row.offer_valid_until, counted)), default=None)
    return OfferFields(title=row.offer_title, text=row.offer_text, valid_until=end)


def is_over(row: WithOffer, at: datetime | None = None) -> bool:
    """Whether the offer has ended by then; by now, if not said otherwise."""
    end = row.offer_valid_until
    return end is not None and end <= (at or timezone.now())
