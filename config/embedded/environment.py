"""The environment of a stack's programs: what the caller set, and sound values for the rest."""

import ipaddress
import os
import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

from config.embedded import servers
from config.embedded.console import Failure
from config.embedded.layout import DataFolder, read_json, write_private_json

ADMIN_EMAIL = "admin@example.com"
# A business of the demo may send at once; at a real gateway staff approve it first.
DEMO_DAILY_CAP = 1_000_000
# Whoever serves the public names these: a generated secret is nobody's decision.
REQUIRED_IN_PUBLIC = (
    "PUBLIC_BASE_URL",
    "SECRET_KEY",
    "MITTO_API_BASE",
    "MITTO_API_KEY",
    "MITTO_TRAFFIC_ACCOUNT_ID",
    "MITTO_WEBHOOK_SECRET",
)


def is_public(host: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether anybody but this machine is meant to reach the stack."""
    public_host = urlsplit(environment.get("PUBLIC_BASE_URL", "")).hostname
    return not (_is_loopback(host) and _is_loopback(public_host or "localhost"))


def refuse_demo_secrets(environment: Mapping[str, str] = os.environ) -> None:
    missing = [name for name in REQUIRED_IN_PUBLIC if not environment.get(name)]
    if missing:
        raise Failure(
            "This would serve the public with the demo's secrets and its simulated gateway. Set"
            f" {', '.join(missing)} (docs/going-live.md), or serve this machine only.",
            exit_code=2,
        )


def build(data: DataFolder, *, url: str, gateway_url: str, public: bool = False) -> dict[str, str]:
    """The whole environment of the programs. `url` is where the web server listens."""
    given = {name: value for name, value in os.environ.items() if value}
    if servers.needs_postgres(given):
        # libpq's own variables (PGPORT, PGSERVICE) would lead it away from our socket.
        given = {name: value for name, value in given.items() if not name.startswith("PG")}
    required = {"DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONUNBUFFERED": "1"}
    defaults = {
        **servers.addresses(data, given),
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "MEDIA_ROOT": str(data.path / "media"),
    }
    if public:
        public_host = urlsplit(given["PUBLIC_BASE_URL"]).hostname
        defaults["ALLOWED_HOSTS"] += f",{public_host}"
    else:
        defaults |= _demo_defaults(data, url=url, gateway_url=gateway_url)
    return {**defaults, **given, **required}


def _demo_defaults(data: DataFolder, *, url: str, gateway_url: str) -> dict[str, str]:
    kept = demo_secrets(data)
    return {
        "PUBLIC_BASE_URL": url,
        "SECRET_KEY": kept["secret_key"],
        "REGISTRATION": "open",
        "DEFAULT_DAILY_CAP": str(DEMO_DAILY_CAP),
        "MITTO_API_BASE": gateway_url,
        "MITTO_API_KEY": kept["mitto_api_key"],
        "MITTO_TRAFFIC_ACCOUNT_ID": "demo",
        "MITTO_WEBHOOK_SECRET": kept["mitto_webhook_secret"],
        "DEMO_ADMIN_EMAIL": ADMIN_EMAIL,
        "DEMO_ADMIN_PASSWORD": kept["admin_password"],
    }


def demo_secrets(data: DataFolder) -> dict[str, str]:
    """This folder's own, made at its first start."""
    kept: dict[str, str] = read_json(data.secrets)
    if not kept:
        kept = {
            "secret_key": secrets.token_urlsafe(48),
            "mitto_api_key": secrets.token_urlsafe(24),
            "mitto_webhook_secret": secrets.token_urlsafe(24),
            "admin_password": secrets.token_urlsafe(12),
        }
        write_private_json(data.secrets, kept)
    return kept


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
