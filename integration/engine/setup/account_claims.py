"""Who may have an account that another customer holds: claims made with the vendor's proof, told to both sides.

Only a living consent that an administrator of the account gave decides where it belongs. What stands against such a
consent is decided by an operator.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Case, Exists, OuterRef, Q, QuerySet, When
from django.utils import timezone

from integration.models import AccountClaim, ClaimState, Connection, Health
from tenants.models import Tenant, VendorIdentity

TOLD = timedelta(days=30)  # how long a claim that needs nobody any more stands on the pages of both sides
GRANTED_FOR = timedelta(days=7)  # how long a grant waits for its claimant
MOST_TOLD = 10
LIVING = (Health.OK, Health.UNCHECKED)


def consents(vendor: str, account_id: str) -> QuerySet[Connection]:
    """The connections of an account that decide where it belongs: an administrator consented and it works."""
    rows = Connection.objects.filter(vendor=vendor, external_account_id=account_id, auth_kind="oauth")
    rows = rows.exclude(administered=False)  # of consents that are older than the question it is not known
    return rows.filter(Exists(_giver()), health__in=LIVING)


def consents_of(user: User, vendor: str, account_id: str, vendor_user_id: str) -> QuerySet[Connection]:
    """The connections that one vendor's user consented to, in the teams where they still are."""
    rows = Connection.objects.filter(vendor=vendor, external_account_id=account_id, auth_kind="oauth")
    return rows.filter(Exists(_giver().filter(user=user)), consent_user_id=vendor_user_id)


def _giver() -> QuerySet[VendorIdentity]:
    """Who gave the consent of a connection, while they are a member of its tenant."""
    return VendorIdentity.objects.filter(
        vendor=OuterRef("vendor"), account_id=OuterRef("external_account_id"),
        vendor_user_id=OuterRef("consent_user_id"), user__memberships__tenant=OuterRef("tenant_id"),
        user__is_active=True,
    )  # fmt: skip


def held_elsewhere(vendor: str, account_id: str, tenant_id: UUID | None) -> QuerySet[Connection]:
    """The connections of an account that others than this tenant have and did not give up."""
    rows = Connection.objects.filter(vendor=vendor, external_account_id=account_id).exclude(external_account_id="")
    rows = rows.exclude(health=Health.DISCONNECTED)
    return rows if tenant_id is None else rows.exclude(tenant_id=tenant_id)


def note_connected(connection: Connection, user: User, vendor_user_id: str) -> None:
    """An administrator connected an account that others hold without such a proof: both sides are told."""
    account = connection.external_account_id
    others = held_elsewhere(connection.vendor, account, connection.tenant_id)
    told = AccountClaim.objects.filter(
        vendor=connection.vendor, account_id=account, tenant_id=connection.tenant_id, state=ClaimState.CONNECTED,
        made_at__gt=timezone.now() - TOLD,
    )  # fmt: skip
    if not others.exists() or told.exists():
        return
    AccountClaim.objects.create(
        vendor=connection.vendor, account_id=account, account_name=connection.account_name,
        vendor_user_id=vendor_user_id, user=user, tenant_id=connection.tenant_id, state=ClaimState.CONNECTED,
    )  # fmt: skip


def make(
    vendor: str, account_id: str, account_name: str, vendor_user_id: str, user: User, tenant: Tenant | None
) -> AccountClaim:
    """Ask an operator to decide. Asking again changes nothing."""
    claim, _ = AccountClaim.objects.get_or_create(
        vendor=vendor, account_id=account_id, user=user, state=ClaimState.OPEN,
        defaults={"account_name": account_name[:200], "vendor_user_id": vendor_user_id, "tenant": tenant},
    )  # fmt: skip
    return claim


def granted(vendor: str, account_id: str, user: User, vendor_user_id: str) -> QuerySet[AccountClaim]:
    """What an operator has granted this person lately and was not used yet."""
    return AccountClaim.objects.filter(
        vendor=vendor, account_id=account_id, user_id=user.pk or 0, vendor_user_id=vendor_user_id,
        state=ClaimState.GRANTED, decided_at__gt=timezone.now() - GRANTED_FOR,
    )  # fmt: skip


def use_up(connection: Connection, user: User, vendor_user_id: str) -> None:
    """A grant is good for one connection."""
    rows = granted(connection.vendor, connection.external_account_id, user, vendor_user_id)
    rows.filter(Q(tenant=connection.tenant_id) | Q(tenant=None)).update(
        state=ClaimState.CONNECTED, tenant_id=connection.tenant_id
    )


def decide(claim: AccountClaim, state: ClaimState, by: User | None) -> bool:
    """Grant or refuse an open claim, or take back a grant that was not used. Returns whether that still applied."""
    open_to = (ClaimState.OPEN,) if state == ClaimState.GRANTED else (ClaimState.OPEN, ClaimState.GRANTED)
    rows = AccountClaim.objects.filter(pk=claim.pk, state__in=open_to)
    return bool(rows.update(state=state, decided_at=timezone.now(), decided_by=by))


def concerning(tenant: Tenant) -> list[tuple[AccountClaim, bool]]:
    """The claims a tenant is told of, newest first, each with whether it is the tenant's own."""
    held = Connection.objects.filter(tenant=tenant).exclude(health=Health.DISCONNECTED)
    concerned = Q(tenant=tenant)
    for vendor, account_id in held.exclude(external_account_id="").values_list("vendor", "external_account_id"):
        concerned |= Q(vendor=vendor, account_id=account_id)
    rows = AccountClaim.objects.filter(concerned)
    rows = rows.filter(Q(state=ClaimState.OPEN) | Q(made_at__gt=timezone.now() - TOLD))
    is_open = Case(When(state=ClaimState.OPEN, then=0), default=1)
    newest = rows.select_related("user").order_by(is_open, "-made_at")[:MOST_TOLD]
    return [(claim, claim.tenant_id == tenant.pk) for claim in newest]
