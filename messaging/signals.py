"""What messaging tells the apps above it.

broadcast_finished: sent with `broadcast_id` inside the transaction that ends a broadcast
(completed, cancelled or failed), so that a crash cannot separate cause and effect.
"""

from django.dispatch import Signal

broadcast_finished = Signal()
