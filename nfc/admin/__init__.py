"""Tags, forms and scans as staff see them, and the contact with its timeline."""

from nfc.admin.contacts import ContactWithTimeline
from nfc.admin.forms import OptInFormAdmin
from nfc.admin.scans import ScanAdmin
from nfc.admin.tags import TagAdmin

__all__ = ["ContactWithTimeline", "OptInFormAdmin", "ScanAdmin", "TagAdmin"]
