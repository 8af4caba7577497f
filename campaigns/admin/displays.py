"""What staff read on a page of the admin: a text as it goes out, a campaign in figures."""

from collections.abc import Iterable, Mapping
from itertools import repeat
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.models import Business
from accounts.problems import Problem
from campaigns.models import Campaign, CampaignRun
from campaigns.selectors import preview_of, retry_outlook
from campaigns.statistics import CampaignStatistics
from messaging.models import Broadcast
from messaging.rendering import TemplateError, Values, compile_template
from messaging.segments import count_segments
from messaging.texts import compose

# In the order of a message's life; beside each status what it means to a shop.
STATUSES: Final = (
    ("delivered", "Delivered", "the phone has it"),
    ("sent", "Sent", "on its way, not reported yet"),
    ("queued", "Waiting", "not handed over yet"),
    ("submitting", "Being handed over", "right now"),
    ("undelivered", "Not delivered", "the phone could not be reached"),
    ("failed", "Failed", "refused before it was sent, or nothing was ever heard of it"),
    ("unknown", "Unknown", "may have been sent; never sent again by itself; settles within days"),
    (
        "suppressed",
        "Left out",
        "unsubscribed, deleted, of another number by then, or above the frequency cap",
    ),
    ("cancelled", "Cancelled", "not sent, since the campaign was cancelled"),
    ("expired", "Expired", "not sent, since it was too late"),
)
ACTIONS: Final = (
    ("views", "Offer looked at", "people who opened the offer, each once"),
    ("clicks", "Links followed", "each link of a message once"),
    ("redemptions", "Redeemed", "offers, at the till"),
    ("unsubscribes", "Unsubscribed", "by the link in the message, or by a reply"),
)
_SAMPLE_PUBLIC_ID: Final = "0" * 12


def as_sent(text: str, business: Business | None, *, track_links: bool = True) -> SafeString:
    """The text as it goes to somebody of whom nothing is known, and its size.

    business: None for a text of the system's, whose links are shown as the site's.
    """
    try:
        shown = preview_of(text, business, Values(), track_links=track_links)
    except (TemplateError, Problem) as error:
        return format_html("{}", error.detail)
    return _with_size(shown.text)


def as_launched(broadcast: Broadcast) -> SafeString:
    """The same of a text that has its links already."""
    values = Values(public_id=_SAMPLE_PUBLIC_ID, link_base=broadcast.links_begin)
    template = compile_template(broadcast.text)
    return _with_size(compose(template, values, is_marketing=broadcast.is_marketing))


def _with_size(text: str) -> SafeString:
    count = count_segments(text)
    size = f"SMS segments: {count.segments}; characters: {count.characters} ({count.encoding})."
    if count.unicode_characters:
        reasons = "".join(count.unicode_characters)
        size += f" A segment holds fewer characters because of: {reasons}"
    return format_html('<div style="white-space: pre-wrap">{}</div><p>{}</p>', text, size)


def figures(statistics: CampaignStatistics, zone: ZoneInfo) -> SafeString:
    """All statuses, their shares of the whole, and the rates."""
    rows = [
        (label, _number(getattr(statistics, name)), _share(statistics, name), meaning)
        for name, label, meaning in STATUSES
    ]
    rows.append(("All messages", _number(statistics.total), "", _billed(statistics)))
    rows += [
        (label, _number(getattr(statistics, name)), _reached(statistics, name), meaning)
        for name, label, meaning in ACTIONS
    ]
    cells = "<tr><th>{}</th><td>{}</td><td>{}</td><td>{}</td></tr>"
    return format_html(
        "<table>{}</table><p>Delivered {}, failed or not delivered {}, redeemed {}.{}</p>",
        format_html_join("", cells, rows),
        _percent(statistics.delivered, statistics.total),
        _percent(statistics.failed + statistics.undelivered, statistics.total),
        _percent(statistics.redemptions, statistics.delivered),
        f" As of {statistics.updated_at.astimezone(zone):%d %b %Y, %H:%M:%S %Z}."
        if statistics.updated_at
        else "",
    )


def run_table(rows: Iterable[Mapping[str, Any]], zone: ZoneInfo) -> SafeString:
    """rows: of `selectors.history_of`."""
    return format_html(
        "<table>{}</table>", format_html_join("", "{}", map(_run, rows, repeat(zone)))
    )


def _run(row: Mapping[str, Any], zone: ZoneInfo) -> tuple[SafeString]:
    at = f"{row['at'].astimezone(zone):%d %b %Y, %H:%M %Z}"
    if row["ran"] is None:
        times = f", {row['number']} times" if row["number"] > 1 else ""
        return (format_html("<tr><th>{}</th><td>left out{}: {}</td></tr>", at, times, row["why"]),)
    url = reverse("admin:messaging_message_changelist")
    link = '<tr><th>{}</th><td>{} {} (<a href="{}?broadcast__id__exact={}">{}</a>)</td></tr>'
    words = "Show the messages one by one"
    again = "failed ones again, " if row["what"] == CampaignRun.Kind.RETRY else ""
    state = f"{again}{row['state']}"
    return (format_html(link, at, state, row["why"], url, row["ran"], words),)


def retry_remark(campaign: Campaign, *, names_unconfirmed: bool) -> str:
    """What comes of a retry, and what of those that may have arrived."""
    if campaign.status != Campaign.Status.COMPLETED:
        return campaign.get_status_display()  # whoever insists hears why not
    outlook = retry_outlook(campaign)
    failed, unconfirmed, unknown = map(
        _number, (outlook.failed, outlook.unconfirmed, outlook.unknown)
    )
    if names_unconfirmed:
        again = _number(outlook.failed + outlook.unconfirmed)
        words = [f"{again} will be sent again, {unconfirmed} of them unconfirmed"]
    else:
        words = [f"{failed} will be sent again"]
        if outlook.unconfirmed:
            words.append(f"{unconfirmed} unconfirmed will not, which have an action of their own")
    if outlook.unknown:
        words.append(f"{unknown} unknown will not, whose fate may still be reported")
    return "; ".join(words)


def _billed(statistics: CampaignStatistics) -> str:
    return f"SMS segments accepted by the gateway: {_number(statistics.segments)}"


def _share(statistics: CampaignStatistics, name: str) -> str:
    count: int = getattr(statistics, name)
    return _percent(count, statistics.total) if count else ""


def _reached(statistics: CampaignStatistics, name: str) -> str:
    """The share of those who have the message."""
    count: int = getattr(statistics, name)
    return _percent(count, statistics.delivered) if count and statistics.delivered else ""


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole if whole else 0:.1f} %"


def _number(count: int) -> str:
    return f"{count:,}"
