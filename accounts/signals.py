"""What accounts tells, inside the transaction that caused it.

businesses_changed: `business_ids`, a set: changed by a statement that sends no post_save.
"""

from django.dispatch import Signal

businesses_changed = Signal()
