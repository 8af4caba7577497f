"""Who works for a business: invitations, roles, leaving."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.utils import timezone

from accounts import tokens
from accounts.models import Business, Invitation, Membership, Role, User
from accounts.problems import Problem
from accounts.services.businesses import create_user
from accounts.services.sessions import InvalidCredentials, SessionTokens, open_session

INVITATION_DAYS = 7


class AlreadyMember(Problem):
    status = 409
    code = "ALREADY_MEMBER"
    title = "This person works for the business already."


class LastOwner(Problem):
    status = 409
    code = "LAST_OWNER"
    title = "A business needs an owner: name another one first."


class MemberGone(Problem):
    status = 404
    code = "NOT_FOUND"
    title = "This person has just left the business."


class InvitationInvalid(Problem):
    code = "INVITATION_INVALID"
    title = "The invitation has expired or was used: ask for a new one."


def invite_member(*, business: Business, email: str, role: str, invited_by: User) -> Invitation:
    """Mail a single-use link after the commit; it replaces an earlier one to this address."""
    email = email.strip().lower()
    if is_member(business=business, email=email):
        raise AlreadyMember(pointer="/email")
    token = tokens.new_secret()
    with transaction.atomic():
        open_invitations(business=business).filter(email=email).delete()
        invitation = Invitation.objects.create(
            business=business,
            email=email,
            role=role,
            token_hash=tokens.hash_secret(token),
            invited_by=invited_by,
            expires_at=timezone.now() + timedelta(days=INVITATION_DAYS),
        )
        transaction.on_commit(lambda: _mail(invitation, token))
    return invitation


def is_member(*, business: Business | None, email: str) -> bool:
    members = Membership.objects.filter(business=business, user__email=email.strip().lower())
    return members.exists()


def open_invitations(*, business: Business) -> QuerySet[Invitation]:
    return Invitation.objects.filter(business=business, accepted_at__isnull=True)


def find_invitation(*, token: str) -> Invitation:
    invitation = (
        Invitation.objects.filter(
            token_hash=tokens.hash_secret(token),
            accepted_at__isnull=True,
            expires_at__gt=timezone.now(),
        )
        .select_related("business")
        .first()
    )
    if invitation is None:
        raise InvitationInvalid
    return invitation


def accept_invitation(
    *, token: str, password: str, full_name: str = ""
) -> tuple[User, SessionTokens]:
    """Join the business, as a new user, or as the known one by its own password."""
    invitation = find_invitation(token=token)
    with transaction.atomic():
        unused = Invitation.objects.filter(pk=invitation.pk, accepted_at__isnull=True)
        if not unused.update(accepted_at=timezone.now()):
            raise InvitationInvalid
        user = _user_of(invitation, password, full_name)
        Membership.objects.get_or_create(
            user=user, business=invitation.business, defaults={"role": invitation.role}
        )
        return user, open_session(user=user)


def update_profile(*, user: User, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(user, name, value)
    user.save(update_fields=list(fields))


def change_role(*, membership: Membership, role: str) -> Membership:
    with transaction.atomic():
        _keep_an_owner(membership, leaving=role != Role.OWNER)
        if not Membership.objects.filter(pk=membership.pk).update(role=role):
            raise MemberGone
    membership.role = role
    return membership


def remove_member(*, membership: Membership) -> None:
    with transaction.atomic():
        _keep_an_owner(membership, leaving=True)
        membership.delete()


def _keep_an_owner(membership: Membership, *, leaving: bool) -> None:
    # The lock on the business lines up two owners who leave at the same time.
    Business.objects.select_for_update(no_key=True).get(pk=membership.business_id)
    others = Membership.objects.filter(business=membership.business_id, role=Role.OWNER)
    if leaving and not others.exclude(pk=membership.pk).exists():
        raise LastOwner


def _user_of(invitation: Invitation, password: str, full_name: str) -> User:
    if not User.objects.filter(email=invitation.email).exists():
        return create_user(email=invitation.email, password=password, full_name=full_name)
    user = authenticate(username=invitation.email, password=password)
    if not isinstance(user, User):
        raise InvalidCredentials
    return user


def _mail(invitation: Invitation, token: str) -> None:
    link = f"{settings.PUBLIC_BASE_URL}/accounts/invitation/{token}/"
    context = {
        "business": invitation.business.name,
        "role": invitation.role,
        "link": link,
        "days": INVITATION_DAYS,
    }
    text = render_to_string("accounts/invitation_mail.txt", context)
    send_mail("An invitation", text, None, [invitation.email])
