"""The public pages: server-rendered, without scripts, for the oldest of phones."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from rediskit.client_address import client_address
from rediskit.ratelimits import Limit, RateLimited, check
from tracking import services
from tracking.pages import page


# The token in the address is what proves the right to act: a cookie would only break old phones.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows and POST acts, for scanners and previews follow every link."""
    message = services.find_message(token)
    if message is None:
        return _refusal(request, token)
    business = message.broadcast.business
    if request.method != "POST":
        return page(request, "tracking/unsubscribe.html", {"state": "ask"}, business=business)
    services.opt_out(message=message)
    return page(request, "tracking/unsubscribe.html", {"state": "done"}, business=business)


def _refusal(request: HttpRequest, token: str) -> HttpResponse:
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
