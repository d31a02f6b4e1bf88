"""From a vendor's word about who somebody is to a user, a tenant and a connection: found, or made.

The vendor's ids decide. An e-mail address never does: whoever sets theirs at a vendor could be anybody here.
"""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from integration.connectors.base import Identity
from integration.engine import health, tokens
from integration.models import Connection, Health
from tenants.access import ROLE_RANK
from tenants.models import Member, Role, Tenant, VendorIdentity

ATTEMPTS = 3
NAMESPACE = uuid.UUID("5b0d0a4e-6d0f-4f0b-9f58-0f8f2f1f7c11")


class NotAllowed(Exception):
    """This sign-in ends here; the text tells the person why."""


@dataclass(frozen=True)
class Wish:
    """Who asks for what: `installs` may connect again what was disconnected, `tenant` names who wants the account."""

    vendor: str
    user: User | None = None  # signed in already
    tenant: Tenant | None = None
    installs: bool = True


@dataclass(frozen=True)
class Arrival:
    """Where somebody has arrived. `joined` when they became a member just now, `connected` when tokens were kept."""

    user: User
    tenant: Tenant
    joined: bool
    connected: bool


def arrive(wish: Wish, identity: Identity, token: Any) -> Arrival:
    """Find or make user, tenant and connection, all or nothing. Raises NotAllowed."""
    _renew(wish.vendor, identity, token)
    for attempt in range(ATTEMPTS):
        try:
            with transaction.atomic():
                arrival, connection = _arrive(wish, identity, token)
            break
        except IntegrityError:  # somebody else was first with one of the rows: read again and use theirs
            if attempt == ATTEMPTS - 1:
                raise
    if arrival.connected:
        health.check(connection)
    return arrival


def _renew(vendor: str, identity: Identity, token: Any) -> None:
    """A new consent may end this vendor user's earlier tokens: what lives on them goes on, whatever comes of this."""
    rows = Connection.objects.filter(
        vendor=vendor, auth_kind="oauth", external_account_id=identity.account.external_id,
        account_details__user_id=identity.user_id,
    ).exclude(health=Health.DISCONNECTED)  # fmt: skip
    for row in rows:
        tokens.store(row, token)
        if row.health != Health.OK:
            health.check(row)


def _arrive(wish: Wish, identity: Identity, token: Any) -> tuple[Arrival, Connection]:
    known = VendorIdentity.objects.select_related("user").filter(**_key(wish, identity)).first()
    user = _user(wish, identity, known)
    connection, made = _connection(wish, identity, user)
    tenant = Tenant.objects.select_for_update().get(pk=connection.tenant_id)
    if not tenant.is_active:
        raise NotAllowed(f"{tenant.name} is switched off at the moment. Ask your contact at Lockstep.")
    if user.pk is None:
        user.save()
    member, joined = _member(tenant, user, known is not None)
    if known is None:
        VendorIdentity.objects.create(**_key(wish, identity), user=user)
    connected = made or _may_store(wish, connection, identity, member)
    if connected:
        _store(connection, identity, token)
    return Arrival(user, tenant, joined, connected), connection


def _key(wish: Wish, identity: Identity) -> dict[str, str]:
    return {
        "vendor": wish.vendor, "account_id": identity.account.external_id, "vendor_user_id": identity.user_id,
    }  # fmt: skip


def _user(wish: Wish, identity: Identity, known: VendorIdentity | None) -> User:
    """The user of this identity, the one signed in, or a new one (not saved yet)."""
    if known is not None and wish.user is not None and known.user_id != wish.user.pk:
        raise NotAllowed("You are signed in as somebody else. Sign out first, then sign in with this account.")
    user = known.user if known is not None else wish.user
    if user is None:
        user = User(username=f"{wish.vendor}-{identity.user_id}-{secrets.token_hex(4)}", email=identity.email[:254])
        user.first_name = identity.user_name[:150]
        user.set_unusable_password()
    if user.is_staff or user.is_superuser:
        raise NotAllowed("Operators sign in with their password only. Sign out first to use an account at a vendor.")
    if not user.is_active:
        raise NotAllowed("This user is switched off. Ask the owner of your team or your contact at Lockstep.")
    return user


def _connection(wish: Wish, identity: Identity, user: User) -> tuple[Connection, bool]:
    """The connection of this account, or a new one (not saved yet) with its tenant, and which of the two."""
    account = identity.account
    rows = Connection.objects.select_related("tenant").filter(
        vendor=wish.vendor, external_account_id=account.external_id
    )
    mine = set(Member.objects.filter(user=user).values_list("tenant_id", flat=True)) if user.pk else set()
    found = sorted(
        rows, key=lambda row: (row.health == Health.DISCONNECTED, row.tenant_id not in mine, row.created_at)
    )  # where several tenants hold the account: one that lives, then one of one's own, then the oldest
    if wish.tenant is not None:
        elsewhere = [row for row in found if row.tenant_id != wish.tenant.pk and row.health != Health.DISCONNECTED]
        if elsewhere:
            raise NotAllowed(
                f"The account {account.name} is connected to another customer already, and stays there. "
                "Nothing was changed. It must be uninstalled there first."
            )
        found = [row for row in found if row.tenant_id == wish.tenant.pk]
    if found:
        return found[0], False
    tenant = wish.tenant or _tenant_of(wish.vendor, identity)
    return Connection(tenant=tenant, vendor=wish.vendor), True


def _tenant_of(vendor: str, identity: Identity) -> Tenant:
    """One tenant per vendor account: its id follows from the account's, so that two installs at once make only one."""
    key = uuid.uuid5(NAMESPACE, f"{vendor}:{identity.account.external_id}")
    name = identity.account.name[:200] or identity.account.external_id
    return Tenant.objects.get_or_create(pk=key, defaults={"name": name})[0]


def _member(tenant: Tenant, user: User, was_here: bool) -> tuple[Member, bool]:
    """The first of a tenant owns it, later ones look. Somebody who was removed does not come back by signing in."""
    member = Member.objects.filter(tenant=tenant, user=user).first()
    if member is not None:
        return member, False
    first = not Member.objects.filter(tenant=tenant).exists()
    if was_here and not first:
        raise NotAllowed(f"You are not a member of {tenant.name} any more. Ask its owner to invite you.")
    return Member.objects.create(tenant=tenant, user=user, role=Role.OWNER if first else Role.VIEWER), True


def _may_store(wish: Wish, connection: Connection, identity: Identity, member: Member) -> bool:
    """Whether these tokens replace the stored ones. A colleague who just looks in never changes what the sync uses."""
    if wish.tenant is not None:
        return True  # its owner asked for just this
    if connection.health == Health.DISCONNECTED:
        return wish.installs
    broken = connection.health == Health.NEEDS_YOU
    return broken and wish.installs and ROLE_RANK[Role(member.role)] >= ROLE_RANK[Role.EDITOR]


def _store(connection: Connection, identity: Identity, token: Any) -> None:
    account = identity.account
    connection.auth_kind, connection.base_url = "oauth", token.api_domain
    connection.external_account_id, connection.account_name = account.external_id, account.name[:200]
    connection.account_details = dict(account.details)
    connection.credentials = {}
    adding = connection._state.adding
    tokens.store(connection, token)
    if not adding:
        connection.save(
            update_fields=["auth_kind", "base_url", "external_account_id", "account_name", "account_details"]
        )
    if connection.health != Health.OK:
        health.mark(connection, Health.UNCHECKED)
