"""Who may have an account that another customer holds: claims made with the vendor's proof, told to both sides.

Only a living consent that an administrator of the account gave decides where it belongs. What stands against such a
consent is decided by an operator.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from integration.models import AccountClaim, ClaimState, Connection, Health

TOLD = timedelta(days=30)  # how long a claim that needs nobody any more stands on the pages of both sides
LIVING = (Health.OK, Health.UNCHECKED)


def consents(vendor: str, account_id: str) -> QuerySet[Connection]:
    """The connections of an account that decide where it belongs: an administrator consented and it works."""
    return Connection.objects.filter(
        vendor=vendor, external_account_id=account_id, auth_kind="oauth", administered=True, health__in=LIVING
    )


def held_elsewhere(vendor: str, account_id: str, tenant_id: Any) -> QuerySet[Connection]:
    """The connections of an account that others than this tenant have and did not give up."""
    rows = Connection.objects.filter(vendor=vendor, external_account_id=account_id).exclude(external_account_id="")
    rows = rows.exclude(health=Health.DISCONNECTED)
    return rows if tenant_id is None else rows.exclude(tenant_id=tenant_id)


def note_connected(connection: Connection, user: Any, vendor_user_id: str) -> None:
    """An administrator connected an account that others hold without such a proof: both sides are told."""
    account = connection.external_account_id
    others = held_elsewhere(connection.vendor, account, connection.tenant_id)
    known = AccountClaim.objects.filter(vendor=connection.vendor, account_id=account, tenant_id=connection.tenant_id)
    if not others.exists() or known.filter(state__in=(ClaimState.CONNECTED, ClaimState.GRANTED)).exists():
        return
    AccountClaim.objects.create(
        vendor=connection.vendor, account_id=account, account_name=connection.account_name,
        vendor_user_id=vendor_user_id, user=user, tenant_id=connection.tenant_id, state=ClaimState.CONNECTED,
    )  # fmt: skip


def make(vendor: str, account_id: str, account_name: str, vendor_user_id: str, user: Any, tenant: Any) -> AccountClaim:
    """Ask an operator to decide. Asking again changes nothing."""
    claim, _ = AccountClaim.objects.get_or_create(
        vendor=vendor, account_id=account_id, user=user, state=ClaimState.OPEN,
        defaults={"account_name": account_name[:200], "vendor_user_id": vendor_user_id, "tenant": tenant},
    )  # fmt: skip
    return claim


def is_granted(vendor: str, account_id: str, user: Any) -> bool:
    """Whether an operator decided that this person may connect the account although another consent lives."""
    rows = AccountClaim.objects.filter(vendor=vendor, account_id=account_id, state=ClaimState.GRANTED)
    return user.pk is not None and rows.filter(user=user).exists()


def decide(claim: AccountClaim, state: ClaimState, by: Any) -> bool:
    """Grant or refuse an open claim. Returns whether it was still open."""
    rows = AccountClaim.objects.filter(pk=claim.pk, state=ClaimState.OPEN)
    return bool(rows.update(state=state, decided_at=timezone.now(), decided_by=by))


def concerning(tenant: Any) -> list[tuple[AccountClaim, bool]]:
    """The claims a tenant is told of, newest first, each with whether it is the tenant's own."""
    held = Connection.objects.filter(tenant=tenant).exclude(health=Health.DISCONNECTED)
    accounts = set(held.exclude(external_account_id="").values_list("vendor", "external_account_id"))
    recent = AccountClaim.objects.filter(made_at__gt=timezone.now() - TOLD) | AccountClaim.objects.filter(
        state=ClaimState.OPEN
    )
    recent = recent.filter(vendor__in={vendor for vendor, _ in accounts}) | recent.filter(tenant=tenant)
    found = []
    for claim in recent.select_related("user").order_by("-made_at")[:50]:
        own = claim.tenant_id == tenant.pk
        if own or (claim.vendor, claim.account_id) in accounts:
            found.append((claim, own))
    return found
