"""What campaigns tells, inside the transaction that caused it.

campaigns_changed: `business_ids`, a set: whose campaigns were changed by a statement that sends
no post_save.
"""

from django.dispatch import Signal

campaigns_changed = Signal()
