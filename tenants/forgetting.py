"""Forget an address where people sign in: invitations of one tenant, failed sign-ins, and sessions that are over."""

from __future__ import annotations

from dataclasses import dataclass

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone

from tenants.models import Invitation, Session, Tenant


@dataclass(frozen=True)
class Forgotten:
    """How many rows went, and whether the address is that of a user, whose account is not the tenant's to erase."""

    invitations: int
    sign_ins: int
    is_member: bool


def forget_address(tenant: Tenant, email: str) -> Forgotten:
    """Delete what the sign-in keeps on an address. Failed sign-ins of a user stay: they protect that account."""
    users = User.objects.filter(Q(username__iexact=email) | Q(email__iexact=email))
    sign_ins = 0
    if not users.exists():
        for table in (AccessAttempt, AccessLog, AccessFailureLog):
            sign_ins += table.objects.filter(username__iexact=email).delete()[0]
    Session.objects.filter(expire_date__lt=timezone.now()).delete()
    invitations = Invitation.objects.filter(tenant=tenant, email__iexact=email).delete()[0]
    return Forgotten(invitations, sign_ins, users.filter(memberships__tenant=tenant).exists())
