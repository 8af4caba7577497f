"""Who opens a link without being its reader: previews, scanners, prefetching, programs.

They are answered as anybody else, and counted nowhere. Where nobody can tell, a person is assumed.
"""

import re
from typing import Final

from django.http import HttpRequest

# Programs name themselves at the beginning, as browsers do not.
_PROGRAMS: Final = (
    "apache-httpclient", "axios", "curl", "dart", "go-http-client", "got", "http", "insomnia",
    "java", "libwww", "lwp", "node", "okhttp", "perl", "php", "postman", "python", "ruby", "rust",
    "scrapy", "undici", "viber", "wget", "whatsapp", "winhttp", "zgrab",
)  # fmt: skip
# Words anywhere. "bot" as a word or its end, but not in the phones called Cubot.
_WORDS: Final = (
    r"(?<!cu)bot\b", r"bot[/;_ -]", "crawl", "spider", "slurp", "preview", "prerender", "headless",
    "phantomjs", "puppeteer", "playwright", "lighthouse", "pagespeed", "facebookexternalhit",
    "facebot", "meta-externalagent", "embedly", "iframely", "skypeuripreview", "vkshare",
    "google-read-aloud", "google-safety", "googleother", "google-inspectiontool", "mediapartners",
    "bitlybot", "barracuda", "mimecast", "proofpoint", "safelinks", "symantec", "trendmicro",
    "urlscan", "virustotal", "zscaler", "netcraft", "censys", "nmap", "nikto", "sqlmap", "monitor",
    "uptime", "pingdom", "validator", "scanner", "archiver", "cfnetwork", "dataprovider",
    "feedfetcher", "link ?check", "url ?check",
)  # fmt: skip
_BOT: Final = re.compile(rf"^(?:{'|'.join(_PROGRAMS)})\b|{'|'.join(_WORDS)}", re.IGNORECASE)
# A Cubot is matched by the second word about bots: `CUBOT_NOTE`.
_CUBOT: Final = re.compile(r"cubot", re.IGNORECASE)
# What browsers say when they load a page that nobody has asked for yet.
_PURPOSES: Final = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
_AHEAD: Final = re.compile(r"prefetch|prerender|preview", re.IGNORECASE)


def is_automatic(request: HttpRequest) -> bool:
    """Whether this is no person with a browser who wants to read."""
    if request.method != "GET" or any(
        _AHEAD.search(request.headers.get(name, "")) for name in _PURPOSES
    ):
        return True
    agent = _CUBOT.sub("", request.headers.get("User-Agent", "")).strip()
    return not agent or _BOT.search(agent) is not None
