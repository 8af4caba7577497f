"""The picture on a business's public pages."""

import hashlib
from typing import IO, Any, Final

from django.db import transaction

from accounts.models import Business, BusinessLogo
from accounts.problems import Problem
from accounts.signals import businesses_changed

ContentType = BusinessLogo.ContentType
# What a file is, by its first bytes: its name and what a browser says of it prove nothing. No SVG:
# it may hold scripts.
_BEGINNINGS: Final = (
    (b"\x89PNG\r\n\x1a\n", ContentType.PNG),
    (b"\xff\xd8\xff", ContentType.JPEG),
)


class LogoTooLarge(Problem):
    status = 413
    code = "LOGO_TOO_LARGE"
    title = f"A logo has at most {BusinessLogo.MAX_BYTES // 1024} KB: phones load it on each page."


class LogoNotReadable(Problem):
    code = "LOGO_NOT_READABLE"
    title = "A logo is a PNG, JPEG or WebP picture."


class LogoNotFound(Problem):
    status = 404
    code = "NOT_FOUND"
    title = "The business has no logo."


def read_logo(file: IO[Any]) -> tuple[bytes, ContentType]:
    """The picture and what it is. Raises LogoTooLarge, LogoNotReadable."""
    image = file.read(BusinessLogo.MAX_BYTES + 1)
    if len(image) > BusinessLogo.MAX_BYTES:
        raise LogoTooLarge(pointer="/file")
    for beginning, content_type in _BEGINNINGS:
        if image.startswith(beginning):
            return image, content_type
    if image.startswith(b"RIFF") and image[8:12] == b"WEBP":
        return image, ContentType.WEBP
    raise LogoNotReadable(pointer="/file")


@transaction.atomic
def set_logo(*, business: Business, file: IO[Any]) -> BusinessLogo:
    """Raises LogoTooLarge, LogoNotReadable."""
    image, content_type = read_logo(file)
    logo, _ = BusinessLogo.objects.update_or_create(
        business=business,
        defaults={
            "image": image,
            "content_type": content_type,
            "sha256": hashlib.sha256(image).hexdigest(),
        },
    )
    businesses_changed.send(BusinessLogo, business_ids={business.pk})
    return logo


@transaction.atomic
def remove_logo(*, business: Business) -> None:
    """Harmless if there is none."""
    BusinessLogo.objects.filter(business=business).delete()
    businesses_changed.send(BusinessLogo, business_ids={business.pk})
