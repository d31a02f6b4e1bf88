"""Invite somebody to a tenant, take it back, accept it. The link's token exists only in the link."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django import forms
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tenants import audit
from tenants.access import ROLE_RANK
from tenants.models import Invitation, Member, Role, Tenant

LIFETIME = timedelta(days=7)


class InviteForm(forms.Form):
    """Whom to invite, and as what."""

    email = forms.EmailField(label=_("Email address"))
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.VIEWER)


class InvitationClosed(Exception):
    """It was used, withdrawn or is too old; the text says which."""


@transaction.atomic
def invite(tenant: Tenant, email: str, role: str, by: User | None) -> tuple[Invitation, str]:
    """Make an invitation and its token. An open one to the same address is withdrawn, so that one link works."""
    open_ones(tenant).filter(email__iexact=email).update(revoked_at=timezone.now())
    token = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        tenant=tenant, email=email, role=Role(role), invited_by=by,
        token_hash=_hash(token), expires_at=timezone.now() + LIFETIME,
    )  # fmt: skip
    audit.record(f"Invited {invitation.role} number {invitation.pk}", tenant)
    return invitation, token


def link(token: str) -> str:
    """The full address of an invitation, to be sent to the person."""
    root: str = settings.PUBLIC_URL.rstrip("/")
    return root + reverse("portal:invitation", kwargs={"token": token})


def open_ones(tenant: Tenant) -> QuerySet[Invitation]:
    """The tenant's invitations that can still be accepted."""
    return Invitation.objects.filter(
        tenant=tenant, accepted_at=None, revoked_at=None, expires_at__gt=timezone.now()
    ).select_related("invited_by")


def revoke(invitation: Invitation) -> bool:
    """Withdraw an open invitation. Returns whether it was still open."""
    done = bool(open_ones(invitation.tenant).filter(pk=invitation.pk).update(revoked_at=timezone.now()))
    if done:
        audit.record(f"Withdrew invitation number {invitation.pk}", invitation.tenant)
    return done


def find(token: str) -> Invitation | None:
    """Return the invitation of a link, open or not."""
    return Invitation.objects.select_related("tenant").filter(token_hash=_hash(token)).first()


@transaction.atomic
def accept(invitation: Invitation, user: User) -> Member:
    """Make the user a member; somebody who is one keeps the stronger role. Raises InvitationClosed."""
    usable = open_ones(invitation.tenant).filter(pk=invitation.pk, tenant__is_active=True)
    if not usable.update(accepted_at=timezone.now(), accepted_by=user):  # one statement: two people cannot both win
        invitation.refresh_from_db()
        raise InvitationClosed(invitation.closed_because)
    member, created = Member.objects.get_or_create(
        tenant=invitation.tenant, user=user, defaults={"role": invitation.role}
    )
    before = None if created else member.role
    if not created and ROLE_RANK[Role(member.role)] < ROLE_RANK[Role(invitation.role)]:
        member.role = invitation.role
        member.save(update_fields=["role"])
    said = f"Invitation number {invitation.pk} accepted by user {user.pk}"
    audit.record(said, invitation.tenant, changes={"role": (before, member.role)})
    return member


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
