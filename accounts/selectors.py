"""Reads about people and businesses."""

from django.db.models import QuerySet

from accounts.models import Business, BusinessLogo, Membership, Role, User
from accounts.problems import Problem


class BusinessRequired(Problem):
    code = "BUSINESS_REQUIRED"
    title = "You belong to several businesses: name one by the X-Business header."


class BusinessNotFound(Problem):
    status = 404
    code = "BUSINESS_NOT_FOUND"
    title = "You belong to no such business."


class NoBusiness(Problem):
    status = 403
    code = "NO_BUSINESS"
    title = "You belong to no business."


def get_membership(*, user: User, business_id: str | None) -> Membership:
    """The membership named by the request, or the only one."""
    memberships = memberships_of(user)
    if business_id is not None:
        return _named(list(memberships), business_id)
    found = list(memberships[:2])
    if not found:
        raise NoBusiness
    if len(found) > 1:
        raise BusinessRequired
    return found[0]


def _named(memberships: list[Membership], business_id: str) -> Membership:
    for membership in memberships:
        if str(membership.business_id) == business_id.strip():
            return membership
    raise BusinessNotFound


def get_business(business_id: int) -> Business:
    """As it is now: the one that a request has found may have changed since."""
    business = Business.objects.filter(pk=business_id).first()
    if business is None:
        raise BusinessNotFound
    return business


def get_logo(business: Business) -> BusinessLogo | None:
    """What is known of the logo, without the picture."""
    return BusinessLogo.objects.defer("image").filter(business=business).first()


def memberships_of(user: User) -> QuerySet[Membership]:
    return Membership.objects.filter(user=user).select_related("business").order_by("id")


def managed_business_ids(user: User) -> list[int]:
    """The businesses that staff who are not superusers see in the admin."""
    managed = Membership.objects.filter(user=user, role__in=[Role.OWNER, Role.MANAGER])
    return list(managed.values_list("business_id", flat=True))


def member_business_ids(user: User) -> list[int]:
    """Those and the ones at whose till they stand."""
    return list(Membership.objects.filter(user=user).values_list("business_id", flat=True))
