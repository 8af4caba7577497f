"""The public pages: server-rendered, without scripts, for the oldest of phones."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from messaging.models import Message
from rediskit.client_address import client_address, client_ip
from rediskit.ratelimits import Limit, RateLimited, check
from tracking import limits, qr, selectors, services
from tracking.bots import is_automatic
from tracking.pages import page, refuse_large_body

_REDIRECT: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}
_PICTURE: Final = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'",
    "X-Content-Type-Options": "nosniff",
}


@require_safe
def offer(request: HttpRequest, tracking_id: str) -> HttpResponse:
    """What the message offers, and its code for the till."""
    message = selectors.find_offer(tracking_id)
    if refusal := _refusal_of_visit(request, tracking_id, is_known=message is not None):
        return refusal
    if message is None:
        return page(request, "tracking/offer.html", {"state": "unknown"}, status=404)
    if not is_automatic(request):
        services.record_view(message=message)
    business = message.broadcast.business
    return page(request, "tracking/offer.html", _offer_context(message), business=business)


@require_safe
def short_link(request: HttpRequest, code: str) -> HttpResponse:
    """To the stored target, never to an address that the request names."""
    found = selectors.find_link(code)
    tracking_id = found[0].public_id if found else code
    if refusal := _refusal_of_visit(request, tracking_id, is_known=found is not None):
        return refusal
    if found is None:
        return page(request, "tracking/offer.html", {"state": "unknown"}, status=404)
    message, link = found
    if not is_automatic(request):
        services.record_click(message=message, link=link)
    return HttpResponseRedirect(link.target, headers=_REDIRECT)


# The token in the address is what proves the right to act: a cookie would only break old phones.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows and POST acts, for scanners and previews follow every link."""
    refuse_large_body(request)
    message = services.find_message(token)
    if message is None:
        return _refusal_of_token(request, token)
    if request.method != "POST":
        state = "done" if services.may_undo_opt_out(message=message) else "ask"
    elif request.POST.get("action") == "undo":
        state = _undo(request, message)
    else:
        services.opt_out(message=message, **_person(request))
        state = "done"
    can_undo = state == "done" and services.may_undo_opt_out(message=message)
    return page(
        request,
        "tracking/unsubscribe.html",
        {"state": state, "can_undo": can_undo},
        business=message.broadcast.business,
    )


@require_safe
def logo(request: HttpRequest, business_id: str, version: str) -> HttpResponse:  # noqa: ARG001
    """A business's picture. Another one has another address, so it may be kept for ever."""
    found = selectors.find_logo(business_id=int(business_id), version=version)
    if found is None:
        return HttpResponse(status=404)
    return HttpResponse(found.image, content_type=found.content_type, headers=_PICTURE)


def _offer_context(message: Message) -> dict[str, Any]:
    broadcast = message.broadcast
    redemption = selectors.redemption_of(message)
    state = "open"
    if redemption is not None:
        state = "redeemed"
    elif broadcast.offer.is_expired(timezone.now()):
        state = "expired"
    return {
        "state": state,
        "offer": broadcast.offer,
        "redeemed_at": redemption.redeemed_at if redemption else None,
        "code": message.public_id,
        "qr": qr.svg(f"{broadcast.links_begin}/o/{message.public_id}") if state == "open" else "",
        "zone": broadcast.business.zone,
    }


def _undo(request: HttpRequest, message: Message) -> str:
    if services.undo_opt_out(message=message, **_person(request)):
        return "undone"
    return "done" if services.is_opted_out(message=message) else "ask"


def _person(request: HttpRequest) -> services.Person:
    return {"ip": client_ip(request), "user_agent": request.headers.get("User-Agent", "")}


def _refusal_of_visit(
    request: HttpRequest, tracking_id: str, *, is_known: bool
) -> HttpResponse | None:
    try:
        limits.check_visit(request, tracking_id, is_known=is_known)
    except RateLimited as refusal:
        context = {"state": "limited"}
        return page(request, "tracking/offer.html", context, status=429, headers=refusal.headers)
    return None


def _refusal_of_token(request: HttpRequest, token: str) -> HttpResponse:
    """Only tokens that are none count: carriers put thousands of phones behind one address."""
    try:
        by_token = Limit("unsubscribe:token", lambda _: token)
        check(request, Limit("unsubscribe:ip", client_address), by_token)
    except RateLimited as refusal:
        return page(
            request,
            "tracking/unsubscribe.html",
            {"state": "limited"},
            status=429,
            headers=refusal.headers,
        )
    return page(request, "tracking/unsubscribe.html", {"state": "unknown"}, status=404)
