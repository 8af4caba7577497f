"""What messaging tells the apps above it, inside the transaction that caused it, so that a crash
cannot separate cause and effect.

broadcast_finished: `broadcast_id`, `status`: completed, cancelled or failed.
broadcast_paused: `broadcast_id`, `reason`: paused by the engine, which needs a person's help.
messages_changed: `business_ids`, a set: whose statistics have moved. Statuses are written by bulk
statements, which send no post_save.
"""

from django.dispatch import Signal

broadcast_finished = Signal()
broadcast_paused = Signal()
messages_changed = Signal()
