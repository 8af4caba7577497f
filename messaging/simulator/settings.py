"""What the simulator can be told, by environment at its start and by `POST /settings` later."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Final, Self
from urllib.parse import urlsplit

MAX_MS: Final = 3_600_000

_SECRETS: Final = frozenset({"SIM_API_KEY", "SIM_REPORT_SECRET", "SIM_REPORT_HMAC_SECRET"})


class SettingsError(ValueError):
    """Names the setting and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Settings:
    latency_ms: float = 20  # per call
    lost_reply_rate: float = 0  # per call: accepted, then the connection is closed
    error_rate: float = 0  # per call: 503, nothing accepted
    refuse_rate: float = 0  # per message
    undelivered_rate: float = 0  # per message accepted
    report_delay_ms: float = 0  # after the reply
    report_url: str = ""  # while empty, reports wait
    inbound_url: str = ""  # where POST /inbound hands over what people write
    report_secret: str = ""  # sent as X-Webhook-Secret, to both
    report_hmac_secret: str = ""  # if set, signs what is posted
    api_key: str = ""  # if set, X-Mitto-API-Key must equal it
    seed: int = -1  # of the dice; negative: different each time

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        named = {name: environment[name] for name in _NAMES if environment.get(name)}
        return cls().changed({name: _from_text(name, value) for name, value in named.items()})

    def changed(self, values: Mapping[str, object]) -> Self:
        """All of the values or, raising SettingsError, none."""
        for name, value in values.items():
            _check(name, value)
        return replace(self, **{_NAMES[name]: value for name, value in values.items()})  # type: ignore[arg-type]

    def as_json(self) -> dict[str, object]:
        """Secrets can be set, not read."""
        return {
            name: getattr(self, attribute)
            for name, attribute in _NAMES.items()
            if name not in _SECRETS
        }


_NAMES: Final = {f"SIM_{field.name.upper()}": field.name for field in fields(Settings)}


def _from_text(name: str, text: str) -> object:
    kind = type(getattr(Settings(), _NAMES[name]))
    if kind is str:
        return text
    try:
        return int(text) if name == "SIM_SEED" else float(text)
    except ValueError:
        raise SettingsError(f"{name} is no number: {text!r}") from None


def _check(name: str, value: object) -> None:
    if name not in _NAMES:
        raise SettingsError(f"{name} is unknown; known: {', '.join(_NAMES)}")
    if name == "SIM_SEED":
        valid, wanted = type(value) is int, "a whole number"
    elif name.endswith("_RATE"):
        valid, wanted = _is_number_up_to(1, value), "a number from 0 to 1"
    elif name.endswith("_MS"):
        valid, wanted = _is_number_up_to(MAX_MS, value), f"milliseconds, at most {MAX_MS}"
    elif name in {"SIM_REPORT_URL", "SIM_INBOUND_URL"}:
        valid, wanted = value == "" or _is_http_url(value), "an http or https address"
    else:
        valid, wanted = _is_header_value(value), "printable ASCII"
    if not valid:
        raise SettingsError(f"{name} must be {wanted}")


def _is_number_up_to(most: float, value: object) -> bool:
    # JSON's true is an int to Python; NaN fails the comparison.
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most


def _is_http_url(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_header_value(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable()
