"""What all public pages share: language, the business's look, and headers.

They are rendered here without scripts, for the oldest of phones. A business's colour comes as one
line of style whose hash the policy names: nothing else that anybody writes into a page is styled
or run.
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language_info, override
from django.utils.translation.trans_real import parse_accept_lang_header

from accounts.models import Business
from tracking import colours, selectors

DEFAULT_COLOUR = "#1a4f8a"
# Of what strangers may send: many times what any form of ours comes to.
MAX_BODY = 128 * 1024
# Nothing of these pages is stored, indexed, framed or told to another site.
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
    "Referrer-Policy": "no-referrer",
}
_POLICY = (
    "default-src 'none'; style-src 'self' '{style_hash}'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_LANGUAGES = dict(settings.LANGUAGES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """Whose page it is. `fill` and `text` are for buttons; style and hash belong together."""

    name: str
    fill: str
    text: str
    logo_url: str | None
    style: SafeString
    style_hash: str


@dataclass(frozen=True, slots=True)
class Switch:
    """A link to the same page in another language, named in that language."""

    code: str
    name: str
    url: str


def page(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any],
    *,
    business: Business | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """A public page in the reader's language and the business's look.

    Texts that come in by the context are lazy ones, for the language is chosen in here.
    """
    language = choose_language(request, business)
    brand = make_brand(business)
    shared = {"language": language, "languages": _switches(request, language), "brand": brand}
    with override(language):
        html = render_to_string(template, {**context, **shared}, request=request)
    response = HttpResponse(html, status=status)
    policy = _POLICY.format(style_hash=brand.style_hash)
    own = {"Content-Language": language, "Content-Security-Policy": policy}
    for name, value in {**_HEADERS, **own, **(headers or {})}.items():
        response[name] = value
    patch_vary_headers(response, ["Accept-Language"])
    return response


def refuse_large_body(request: HttpRequest) -> None:
    """Raise RequestDataTooBig before anything of it is read: files have no limit of Django's."""
    length = str(request.META.get("CONTENT_LENGTH") or "")
    if length.isdecimal() and int(length) > MAX_BODY:
        raise RequestDataTooBig


def choose_language(request: HttpRequest, business: Business | None = None) -> str:
    """`?lang=`, else what the browser prefers, else the language of the business's country."""
    asked = request.GET.get("lang", "")
    if asked in _LANGUAGES:
        return asked
    for preferred, _ in parse_accept_lang_header(request.headers.get("Accept-Language", "")):
        code = preferred.partition("-")[0]
        if code in _LANGUAGES:
            return code
    return "el" if business is not None and business.country == "GR" else "en"


def make_brand(business: Business | None) -> Brand:
    """Without a business, as on an unknown link, the page is in nobody's name."""
    colour = business.colour if business else DEFAULT_COLOUR
    fill = colour if re.fullmatch(r"#[0-9a-f]{6}", colour) else DEFAULT_COLOUR
    style = _style(fill)
    return Brand(
        name=business.name if business else "",
        fill=fill,
        text=colours.text_on(fill),
        logo_url=selectors.logo_url(business) if business else None,
        style=style,
        style_hash=f"sha256-{b64encode(sha256(style.encode()).digest()).decode()}",
    )


@lru_cache(maxsize=1024)
def _style(fill: str) -> SafeString:
    """Digits of colours only: nothing in it is anybody's text."""
    on_light = colours.legible(fill, colours.LIGHT_SURFACES)
    on_dark = colours.legible(fill, colours.DARK_SURFACES)
    return mark_safe(  # noqa: S308 - see above
        f":root{{--fill:{fill};--on-fill:{colours.text_on(fill)};--accent:{on_light}}}"
        f"@media (prefers-color-scheme:dark){{:root{{--accent:{on_dark}}}}}"
    )


def _switches(request: HttpRequest, current: str) -> list[Switch]:
    """None after a POST: following a link there would lose what has been typed."""
    if request.method == "POST":
        return []
    others = (code for code in _LANGUAGES if code != current)
    return [Switch(code, _own_name(code), _with_language(request, code)) for code in others]


def _own_name(code: str) -> str:
    return str(get_language_info(code)["name_local"]).capitalize()


def _with_language(request: HttpRequest, code: str) -> str:
    query = request.GET.copy()
    query["lang"] = code
    return f"?{query.urlencode()}"
