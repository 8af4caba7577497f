"""The public pages: server-rendered, without scripts, for the oldest of phones."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from rediskit.client_address import client_address
from rediskit.ratelimits import Limit, RateLimited, check
from tracking import services

# Nothing of these pages is stored, indexed, framed or told to another site.
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
}


# The token in the address is what proves the right to act: a cookie would only break old phones.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows and POST acts, for scanners and previews follow every link."""
    message = services.find_message(token)
    if message is None:
        return _refusal(request, token)
    if request.method != "POST":
        return _page(request, {"state": "ask", "business": message.broadcast.business})
    return _page(request, {"state": "done", "business": services.opt_out(message=message)})


def _refusal(request: HttpRequest, token: str) -> HttpResponse:
    """Only tokens that are none count: carriers put thousands of phones behind one address."""
    try:
        by_token = Limit("unsubscribe:token", lambda _: token)
        check(request, Limit("unsubscribe:ip", client_address), by_token)
    except RateLimited as refusal:
        return _page(request, {"state": "limited"}, status=429, headers=refusal.headers)
    return _page(request, {"state": "unknown"}, status=404)


def _page(
    request: HttpRequest,
    context: dict[str, object],
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> HttpResponse:
    page = render(request, "tracking/unsubscribe.html", context, status=status)
    for name, value in {**_HEADERS, **(headers or {})}.items():
        page[name] = value
    return page
