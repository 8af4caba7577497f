"""What contacts tells the apps above it, inside the transaction that caused it, so that a crash
cannot separate cause and effect.

contact_opted_in: `contact`, `consent`, `is_first`, `tag`: a person signed up by a public form, or
confirmed that they did. is_first: they were no contact before. tag: the public id, or "".
contact_opted_out: `business_id`, `phone`, `contact` (None for a stranger), `source`, `reference`:
a consent was withdrawn that stood until now.
contacts_changed: `business_ids`, a set: whose contacts were written by a statement that sends no
post_save.
"""

from django.dispatch import Signal

contact_opted_in = Signal()
contact_opted_out = Signal()
contacts_changed = Signal()
