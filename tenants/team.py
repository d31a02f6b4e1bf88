"""Change and remove members. A tenant never loses its last owner."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from tenants import audit
from tenants.invitations import open_ones
from tenants.models import Member, Role, Tenant


class LastOwner(Exception):
    """Without this member nobody could manage the team."""


@transaction.atomic
def change_role(member: Member, role: str) -> None:
    """Give a member another role. Raises LastOwner."""
    if Role(role) != Role.OWNER:
        _not_the_last_owner(member)
    before = member.role
    Member.objects.filter(pk=member.pk).update(role=Role(role))
    member.role = Role(role)
    if before != member.role:
        changes: dict[str, audit.Change] = {"role": (before, str(member.role))}
        audit.record(f"Changed the role of user {member.user_id}", member, changes=changes)


@transaction.atomic
def remove(member: Member) -> None:
    """End a membership; the person stays a user. Raises LastOwner."""
    _not_the_last_owner(member)
    audit.record(f"Removed user {member.user_id}", member, changes={"role": (member.role, None)})
    member.delete()


def _not_the_last_owner(member: Member) -> None:
    """Also withdraws the open invitations of an owner who is about to be one no more."""
    Tenant.objects.select_for_update().get(pk=member.tenant_id)  # two owners cannot remove each other at once
    owners = Member.objects.filter(tenant_id=member.tenant_id, role=Role.OWNER)
    if not owners.filter(pk=member.pk).exists():
        return
    if not owners.exclude(pk=member.pk).filter(user__is_active=True).exists():
        raise LastOwner(gettext("A team needs an owner. Make somebody else an owner first."))
    open_ones(member.tenant).filter(invited_by_id=member.user_id).update(revoked_at=timezone.now())
