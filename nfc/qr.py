"""The link of a tag as a code to be printed."""

from io import BytesIO
from typing import Final

import segno

from nfc.models import Tag

_ERROR_LEVEL: Final = "m"  # reads with a seventh of it dirty or torn
_QUIET_ZONE: Final = 4  # modules of white around it, as the standard asks for


def link_of(tag: Tag) -> str:
    return f"{tag.business.link_base}{tag.path}"


def as_svg(tag: Tag) -> bytes:
    """A file of its own."""
    out = BytesIO()
    segno.make(link_of(tag), error=_ERROR_LEVEL, micro=False).save(
        out, kind="svg", border=_QUIET_ZONE, scale=8, light="#fff", title=None
    )
    return out.getvalue()


def as_inline_svg(tag: Tag, *, scale: int = 4) -> str:
    """An element of a page: paths only, none of anybody's text."""
    code = segno.make(link_of(tag), error=_ERROR_LEVEL, micro=False)
    inline: str = code.svg_inline(border=_QUIET_ZONE, scale=scale, light="#fff")
    return inline
