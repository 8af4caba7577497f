"""What a business may choose for its public side."""

import re

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.http.request import validate_host

COLOUR = r"^#[0-9a-f]{6}$"
validate_colour = RegexValidator(
    COLOUR.replace("$", r"\Z"), "A colour is # and six hexadecimal digits.", code="INVALID_COLOUR"
)
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")


def validate_link_domain(value: str) -> None:
    """A host that this installation answers for: links anywhere else would be dead."""
    if not _HOST.fullmatch(value):
        raise ValidationError(
            "A domain is a host in lower case, such as go.example.com, without https://.",
            code="INVALID_LINK_DOMAIN",
        )
    if not validate_host(value.partition(":")[0], settings.ALLOWED_HOSTS):
        raise ValidationError(
            "This installation does not serve %(host)s: it has to be in ALLOWED_HOSTS first.",
            code="LINK_DOMAIN_NOT_SERVED",
            params={"host": value},
        )
