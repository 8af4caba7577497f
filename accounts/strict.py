"""Serializers that refuse body fields they do not know; read-only ones may be sent back."""

from collections.abc import Mapping
from typing import Any, TypeVar

from django.db.models import Model
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

M = TypeVar("M", bound=Model)


class StrictMixin(serializers.Serializer[Any]):
    def to_internal_value(self, data: Any) -> Any:
        unknown = set(data) - set(self.fields) if isinstance(data, Mapping) else set()
        if unknown:
            message = ErrorDetail("There is no such field.", code="UNKNOWN_FIELD")
            raise ValidationError({name: [message] for name in sorted(unknown)})
        return super().to_internal_value(data)


class StrictSerializer(StrictMixin):
    """A serializer of plain input."""


class StrictModelSerializer(StrictMixin, serializers.ModelSerializer[M]):
    """A serializer of a model."""
