"""The API of tags and forms, and the JSON that visitors' pages may use."""

from nfc.views.forms import FormViewSet
from nfc.views.scans import ScanViewSet
from nfc.views.tags import TagViewSet

__all__ = ["FormViewSet", "ScanViewSet", "TagViewSet"]
