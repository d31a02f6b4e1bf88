"""From a vendor's word about who somebody is to a user, a tenant and a connection: found, or made.

The vendor's ids decide. An e-mail address never does: whoever sets theirs at a vendor could be anybody here.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext

from integration import retry
from integration.connectors.base import Identity, Tokens
from integration.connectors.registry import get_connector
from integration.engine.clients import connection_health, tokens
from integration.engine.setup import account_claims
from integration.models import Connection, Health
from integration.portal.claims_page import Claim
from tenants.access import ROLE_RANK
from tenants.models import Member, Role, Tenant, VendorIdentity

NAMESPACE = uuid.UUID("5b0d0a4e-6d0f-4f0b-9f58-0f8f2f1f7c11")


class NotAllowed(Exception):
    """This sign-in ends here; the text tells the person why."""


class NotConnected(NotAllowed):
    """Signing in ends here, but this administrator may install."""


class Contested(NotAllowed):
    """Another administrator's consent stands against this one's wish; an operator can decide. `claim` says of what."""

    def __init__(
        self, text: str, wish: SignInRequest, identity: Identity, user: User, *, may_look: bool = False
    ) -> None:
        super().__init__(text)
        self.user, self.may_look = user, may_look
        self.claim: Claim = {
            "vendor": wish.vendor, "account_id": identity.account.external_id, "account_name": identity.account.name,
            "vendor_user_id": identity.user_id, "tenant": str(wish.tenant.pk) if wish.tenant else "",
        }  # fmt: skip


@dataclass(frozen=True)
class SignInRequest:
    """Who asks for what: `installs` may connect, signing in connects nothing; `tenant` names who wants the account."""

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


@dataclass(frozen=True)
class Place:
    """Where an account belongs for this person: in a tenant, as a connection there is or that is made (not saved)."""

    tenant: Tenant
    connection: Connection | None
    role: Role = Role.VIEWER  # what a newcomer becomes there


def arrive(wish: SignInRequest, identity: Identity, token: Tokens) -> Arrival:
    """Find or make user, tenant and connection, all or nothing. Raises NotAllowed."""
    known = _known(wish, identity)
    _user(wish, identity, known)  # who may not come in changes nothing
    if known is not None:
        _renew(wish.vendor, known.user, identity, token)
    _ask_whether_consents_live(wish, identity)
    for attempt in range(1, retry.SIGN_IN_RACE.attempts + 1):
        try:
            with transaction.atomic():
                arrival, connection = _arrive(wish, identity, token)
            break
        except IntegrityError:  # somebody else was first with one of the rows: read again and use theirs
            if retry.SIGN_IN_RACE.used_up(attempt):
                raise
    if arrival.connected and connection is not None:
        connection_health.check(connection)
    return arrival


def _ask_whether_consents_live(wish: SignInRequest, identity: Identity) -> None:
    """What we noted of others' consents may be over: the vendor says so now, before one of them decides."""
    for row in account_claims.consents(wish.vendor, identity.account.external_id).exclude(
        consent_user_id=identity.user_id
    ):
        connection_health.check(row)  # their own was renewed a moment ago


def _renew(vendor: str, user: User, identity: Identity, token: Tokens) -> None:
    """A new consent may end this vendor user's earlier tokens: what lives on them in their own teams goes on.

    A team they have left gets none of it, and what they removed at the vendor stays removed until somebody installs.
    """
    rows = account_claims.consents_of(user, vendor, identity.account.external_id, identity.user_id)
    for row in rows.exclude(health=Health.DISCONNECTED).exclude(health_reason=connection_health.APP_REMOVED):
        tokens.store(row, token)
        if row.health != Health.OK:
            connection_health.check(row)


def _arrive(wish: SignInRequest, identity: Identity, token: Tokens) -> tuple[Arrival, Connection | None]:
    known = _known(wish, identity)
    user = _user(wish, identity, known)
    place = _place(wish, identity, user, known is not None)
    tenant = Tenant.objects.select_for_update().get(pk=place.tenant.pk)
    if not tenant.is_active:
        raise NotAllowed(
            gettext("{tenant} is switched off at the moment. Ask your contact at Lockstep.").format(tenant=tenant.name)
        )
    if user.pk is None:
        user.save()
    member, joined = Member.objects.get_or_create(tenant=tenant, user=user, defaults={"role": place.role})
    if known is None:
        VendorIdentity.objects.create(**_key(wish, identity), user=user)
    connection = place.connection
    connected = connection is not None and _may_store(wish, connection, member)
    if connection is not None and connected:
        _store(connection, identity, token)
        if identity.account.administered:
            account_claims.use_up(connection, user, identity.user_id)
            account_claims.note_connected(connection, user, identity.user_id)
    return Arrival(user, tenant, joined, connected), connection


def _known(wish: SignInRequest, identity: Identity) -> VendorIdentity | None:
    return VendorIdentity.objects.select_related("user").filter(**_key(wish, identity)).first()


def _key(wish: SignInRequest, identity: Identity) -> dict[str, str]:
    return {
        "vendor": wish.vendor, "account_id": identity.account.external_id, "vendor_user_id": identity.user_id,
    }  # fmt: skip


def _user(wish: SignInRequest, identity: Identity, known: VendorIdentity | None) -> User:
    """The user of this identity, the one signed in, or a new one (not saved yet)."""
    if known is not None and wish.user is not None and known.user_id != wish.user.pk:
        raise NotAllowed(gettext("You are signed in as somebody else. Sign out first, then sign in with this account."))
    user = known.user if known is not None else wish.user
    if user is None:
        user = User(username=f"{wish.vendor}-{identity.user_id}-{secrets.token_hex(4)}", email=identity.email[:254])
        user.first_name = identity.user_name[:150]
        user.set_unusable_password()
    if user.is_staff or user.is_superuser:
        raise NotAllowed(
            gettext("Operators sign in with their password only. Sign out first to use an account at a vendor.")
        )
    if not user.is_active:
        raise NotAllowed(gettext("This user is switched off. Ask the owner of your team or your contact at Lockstep."))
    return user


def _place(wish: SignInRequest, identity: Identity, user: User, was_here: bool) -> Place:
    """Where this account belongs. Raises NotAllowed.

    It belongs to a tenant that asks for it as such, to one the person is a member of, or where a living consent of an
    administrator is. What others left behind, or proved with a token only, decides nothing.
    """
    rows = Connection.objects.filter(vendor=wish.vendor, external_account_id=identity.account.external_id)
    living = _living_consents(wish, identity, user)
    if wish.tenant is not None:
        _refuse_where_another_has_it(wish.tenant, living, wish, identity, user)
        return Place(wish.tenant, _best(rows.filter(tenant=wish.tenant)) or _new(wish.tenant, wish.vendor))
    mine = _memberships(user)
    own = list(rows.select_related("tenant").filter(tenant__in=mine))
    best = _best_of_own(own, mine, living if _claims(wish, identity) else own)
    if best is not None:
        if wish.installs and not best.usable:
            _refuse_where_another_has_it(best.tenant, living, wish, identity, user)
        return Place(best.tenant, best)
    if living:
        return _joining(wish, identity, living[0], user, was_here)
    if wish.installs:
        return _new_place(wish, identity)
    if mine:
        return Place(next(iter(mine.values())).tenant, None)
    raise _not_connected(identity)


def _memberships(user: User) -> dict[uuid.UUID, Member]:
    """Whose member the person is, by tenant; who is new here is nobody's."""
    if user.pk is None:
        return {}
    return {row.tenant_id: row for row in Member.objects.filter(user=user).select_related("tenant")}


def _best_of_own(
    own: Sequence[Connection], mine: Mapping[uuid.UUID, Member], open_to_all: Sequence[Connection]
) -> Connection | None:
    """One that was not given up, in a tenant that is on, where the person may do most; then the oldest.

    Where the person may not edit, only those that are open to all count.
    """

    def rank(row: Connection) -> tuple[bool, bool, int, datetime]:
        given_up, is_off = row.health == Health.DISCONNECTED, not row.tenant.is_active
        return given_up, is_off, -ROLE_RANK[Role(mine[row.tenant_id].role)], row.created_at

    counting = [row for row in own if row in open_to_all or _is_editor(mine[row.tenant_id])]
    return min(counting, key=rank, default=None)


def _living_consents(wish: SignInRequest, identity: Identity, user: User) -> list[Connection]:
    """Where an administrator's consent for the account lives, oldest first; nowhere for who was granted it."""
    rows = account_claims.consents(wish.vendor, identity.account.external_id)
    living = list(rows.select_related("tenant").order_by("created_at"))
    return [] if living and _is_granted(wish, identity, user) else living


def _new_place(wish: SignInRequest, identity: Identity) -> Place:
    """A tenant of its own for an account that nobody here has. Raises NotAllowed for who does not administer it."""
    account = identity.account
    if not account.administered:
        label = get_connector(wish.vendor).label
        raise NotAllowed(
            gettext(
                "{label} does not say that you are an administrator of {account}, so nothing was "
                "connected. Ask an administrator to install Lockstep, or ask the owner of your team "
                "to invite you."
            ).format(label=label, account=account.name)
        )
    tenant = _new_tenant(wish.vendor, identity)
    return Place(tenant, _new(tenant, wish.vendor), Role.OWNER)


def _is_granted(wish: SignInRequest, identity: Identity, user: User) -> bool:
    """Whether an operator let this administrator connect the account in just this place."""
    account = identity.account
    tenant_id = wish.tenant.pk if wish.tenant else None
    granted = account_claims.granted(wish.vendor, account.external_id, user, identity.user_id).filter(tenant=tenant_id)
    return bool(account.administered) and granted.exists()


def _refuse_where_another_has_it(
    tenant: Tenant, living: Sequence[Connection], wish: SignInRequest, identity: Identity, user: User
) -> None:
    """Raises NotAllowed where an administrator's consent lives in another tenant. Which one is not told."""
    if any(row.tenant_id != tenant.pk for row in living):
        raise _taken(wish, identity, user)


def _claims(wish: SignInRequest, identity: Identity) -> bool:
    """Whether this is an administrator who installs: with the right to connect the account in a tenant of their own."""
    return wish.installs and bool(identity.account.administered)


def _best(rows: QuerySet[Connection]) -> Connection | None:
    """Of several, one that was not given up, then the oldest."""
    found = sorted(rows, key=lambda row: (row.health == Health.DISCONNECTED, row.created_at))
    return found[0] if found else None


def _new(tenant: Tenant, vendor: str) -> Connection:
    return Connection(tenant=tenant, vendor=vendor)


def _not_connected(identity: Identity) -> NotAllowed:
    """Nobody here has the account. To connect it is a step of its own, for an administrator."""
    name = identity.account.name
    if identity.account.administered:
        return NotConnected(
            gettext("{name} is not connected to Lockstep yet. As its administrator you can connect it now.").format(
                name=name
            )
        )
    return NotAllowed(
        gettext(
            "{name} is not connected to Lockstep yet. An administrator of {name} installs it "
            "first, or the owner of your team invites you."
        ).format(name=name)
    )


def _joining(wish: SignInRequest, identity: Identity, living: Connection, user: User, was_here: bool) -> Place:
    """A colleague of the administrator who consented looks in. Another administrator chooses: look in, or claim."""
    tenant, administers = living.tenant, bool(identity.account.administered)
    owners = Member.objects.filter(tenant=tenant, role=Role.OWNER, user__is_active=True)
    if tenant.is_active and administers and not owners.exists():
        return Place(tenant, living, Role.OWNER)
    name = identity.account.name
    if was_here or not tenant.is_active:  # removed here or unknown here; either way somebody has to let them in
        said = gettext("You are not a member of the team that has {name}. Ask its owner to invite you.").format(
            name=name
        )
        raise Contested(said, wish, identity, user) if administers else NotAllowed(said)
    if _claims(wish, identity):
        raise Contested(
            gettext("Another administrator has connected {name} to Lockstep. Sign in to look into their "
"team, or claim the account if they should not have it.").format(name=name), wish, identity, user, may_look=True,
        )  # fmt: skip
    return Place(tenant, living)


def _taken(wish: SignInRequest, identity: Identity, user: User) -> NotAllowed:
    """Another tenant has the account by an administrator's consent. Which one is not told."""
    said = gettext(
        "The account {account} is connected to another customer already, and stays there. "
        "Nothing was changed. It must be uninstalled there first."
    ).format(account=identity.account.name)
    return Contested(said, wish, identity, user) if identity.account.administered else NotAllowed(said)


def _new_tenant(vendor: str, identity: Identity) -> Tenant:
    """A tenant for this account. Its id follows from the account's, so that two installs at once make only one.

    Where others had the account before, the person gets one of their own. Raises IntegrityError when somebody else
    was quicker by a moment.
    """
    account = identity.account
    names = (f"{vendor}:{account.external_id}", f"{vendor}:{account.external_id}:{identity.user_id}")
    keys = [*(uuid.uuid5(NAMESPACE, name) for name in names), uuid.uuid4()]
    taken = set(Tenant.objects.filter(pk__in=keys).values_list("pk", flat=True))
    key = next(key for key in keys if key not in taken)
    return Tenant.objects.create(pk=key, name=account.name[:200] or account.external_id)


def _is_editor(member: Member) -> bool:
    return ROLE_RANK[Role(member.role)] >= ROLE_RANK[Role.EDITOR]


def _may_store(wish: SignInRequest, connection: Connection, member: Member) -> bool:
    """Whether these tokens replace the stored ones. A colleague who just looks in never changes what the sync uses."""
    if wish.tenant is not None or connection._state.adding:
        return True  # its owner asked for just this, or there is nothing to replace
    return wish.installs and not connection.usable and _is_editor(member)


def _store(connection: Connection, identity: Identity, token: Tokens) -> None:
    account = identity.account
    connection.auth_kind, connection.base_url = "oauth", token.api_domain
    connection.consent_user_id, connection.administered = identity.user_id, bool(account.administered)
    columns = ("consent_user_id", *connection.take_account(account))
    connection.credentials = {}
    adding = connection._state.adding
    tokens.store(connection, token)
    if not adding:
        connection.save(update_fields=["auth_kind", "base_url", *columns])
    if connection.health != Health.OK:
        connection_health.mark(connection, Health.UNCHECKED)
