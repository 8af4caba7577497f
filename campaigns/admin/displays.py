"""What staff read on a page of the admin: a text as it goes out, a campaign in figures."""

from typing import Final
from zoneinfo import ZoneInfo

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from campaigns.statistics import CampaignStatistics
from messaging.rendering import TemplateError, Values
from messaging.texts import preview

# In the order of a message's life; beside each status what it means to a shop.
STATUSES: Final = (
    ("delivered", "Delivered", "the phone has it"),
    ("sent", "Sent", "on its way, not reported yet"),
    ("queued", "Waiting", "not handed over yet"),
    ("submitting", "Being handed over", "right now"),
    ("undelivered", "Not delivered", "the phone could not be reached"),
    ("failed", "Failed", "refused before it was sent"),
    ("unknown", "Unknown", "may have been sent; never sent again by itself"),
    ("suppressed", "Left out", "unsubscribed before it was sent"),
    ("cancelled", "Cancelled", "not sent, since the campaign was cancelled"),
    ("expired", "Expired", "not sent, since it was too late"),
)


def as_sent(text: str) -> SafeString:
    """The text as it goes to somebody of whom nothing is known, and its size."""
    try:
        shown = preview(text, Values())
    except TemplateError as error:
        return format_html("{}", error.detail)
    size = f"SMS segments: {shown.segments}; characters: {shown.characters} ({shown.encoding})."
    if shown.unicode_characters:
        size += f" A segment holds fewer characters because of: {shown.unicode_characters}"
    return format_html('<div style="white-space: pre-wrap">{}</div><p>{}</p>', shown.text, size)


def figures(statistics: CampaignStatistics, zone: ZoneInfo) -> SafeString:
    """All statuses, their shares of the whole, and the rates."""
    rows = [
        (label, _number(getattr(statistics, name)), _share(statistics, name), meaning)
        for name, label, meaning in STATUSES
    ]
    rows.append(("All messages", _number(statistics.total), "", _billed(statistics)))
    cells = "<tr><th>{}</th><td>{}</td><td>{}</td><td>{}</td></tr>"
    return format_html(
        "<table>{}</table><p>Delivered {}, failed or not delivered {}.{}</p>",
        format_html_join("", cells, rows),
        _percent(statistics.delivery_rate),
        _percent(statistics.failure_rate),
        f" As of {statistics.updated_at.astimezone(zone):%d %b %Y, %H:%M:%S %Z}."
        if statistics.updated_at
        else "",
    )


def _billed(statistics: CampaignStatistics) -> str:
    return f"SMS segments accepted by the gateway: {_number(statistics.segments)}"


def _share(statistics: CampaignStatistics, name: str) -> str:
    count: int = getattr(statistics, name)
    return _percent(count / statistics.total) if count else ""


def _percent(rate: float) -> str:
    return f"{100 * rate:.1f} %"


def _number(count: int) -> str:
    return f"{count:,}"
