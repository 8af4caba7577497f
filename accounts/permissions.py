"""Who may do what in a business. Views name one; the default is IsManager."""

from typing import Any, ClassVar

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.models import Role


class _HasRole(BasePermission):
    """Asks the membership that BusinessMixin found; a view without one is closed."""

    roles: ClassVar[frozenset[str]]

    def has_permission(self, request: Request, view: Any) -> bool:
        membership = getattr(view, "membership", None)
        return membership is not None and membership.role in self.roles


class IsOwner(_HasRole):
    roles = frozenset({Role.OWNER})


class IsManager(_HasRole):
    roles = frozenset({Role.OWNER, Role.MANAGER})


class IsMember(_HasRole):
    roles = frozenset(Role)
