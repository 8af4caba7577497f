"""What the cache must not forget."""

from django.db import models
from django.db.models.functions import Now


class Invalidation(models.Model):
    """A generation key that is to be deleted from Redis, whichever process dies.

    Written in the transaction that makes the values stale, deleted once the key is gone.
    """

    generation = models.CharField(max_length=200)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.generation
