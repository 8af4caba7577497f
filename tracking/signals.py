"""What tracking tells the apps above it, inside the transaction that caused it.

engagement_changed: `business_ids`, a set: whose views, clicks, redemptions or opt-outs have moved.
offer_redeemed: `redemption`: has just been written.
redemption_undone: `redemption`: has just been taken back.
"""

from django.dispatch import Signal

engagement_changed = Signal()
offer_redeemed = Signal()
redemption_undone = Signal()
