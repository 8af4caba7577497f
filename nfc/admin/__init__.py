"""Tags, forms and scans as staff see them."""

from nfc.admin.forms import OptInFormAdmin
from nfc.admin.scans import ScanAdmin
from nfc.admin.tags import TagAdmin

__all__ = ["OptInFormAdmin", "ScanAdmin", "TagAdmin"]
