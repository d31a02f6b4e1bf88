"""Claims to an account that another customer holds: asking for one, and what both sides are told of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TypedDict

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from config.texts import StrOrPromise
from integration.connectors.registry import get_connector
from integration.engine.setup import account_claims
from integration.models import AccountClaim, ClaimState
from tenants.models import Tenant

SESSION_KEY = "claim"
SECONDS = 600  # the vendor's proof of administration is good for so long
OWN = {
    ClaimState.CONNECTED: _(
        "The {vendor} account {account} is connected to another customer too. Both of you were told."
    ),
    ClaimState.OPEN: _(
        "You asked for the {vendor} account {account}, which another customer holds. "
        "An operator of Lockstep decides; you see it here."
    ),
    ClaimState.GRANTED: _(
        "An operator of Lockstep allowed you to connect the {vendor} account {account}. "
        "Log in with {vendor} once more to connect it."
    ),
    ClaimState.REFUSED: _(
        "An operator of Lockstep refused your claim to the {vendor} account {account}. "
        "Ask your contact at Lockstep if you do not know why."
    ),
}
OTHERS = {
    ClaimState.CONNECTED: _(
        "{person}, whom {vendor} names as an administrator of {account}, connected this account for "
        "another customer. Your connection continues. If you did not expect this, ask your contact at Lockstep."
    ),
    ClaimState.OPEN: _(
        "{person}, whom {vendor} names as an administrator of {account}, asks to connect this account for "
        "another customer. An operator of Lockstep decides; until then nothing changes."
    ),
    ClaimState.GRANTED: _(
        "An operator of Lockstep allowed {person}, an administrator of {account} at {vendor}, to "
        "connect this account for another customer. Your connection continues."
    ),
    ClaimState.REFUSED: _(
        "A claim of another customer to the {vendor} account {account} was refused. Nothing changed."
    ),
}


class Claim(TypedDict):
    """Which account somebody claims, as whom at the vendor, and for which tenant (empty: a new one)."""

    vendor: str
    account_id: str
    account_name: str
    vendor_user_id: str
    tenant: str


def offer(request: HttpRequest, claim: Claim, user: User) -> None:
    """Let this browser make the claim within the next ten minutes."""
    request.session[SESSION_KEY] = {**claim, "user": user.pk, "until": time.time() + SECONDS}


@never_cache
@require_POST
def make(request: HttpRequest) -> HttpResponse:
    """Make the claim that was offered to this browser after the vendor had named the administrator."""
    offered = request.session.pop(SESSION_KEY, None)
    if offered is None or offered["until"] < time.time():
        why = gettext(
            "The proof of your vendor is older than ten minutes, or you asked already. Log in with the vendor again."
        )
        return render(
            request, "portal/stopped.html", {"heading": gettext("Please start again"), "why": why}, status=400
        )
    user = get_object_or_404(User, pk=offered["user"], is_active=True)
    tenant = Tenant.objects.filter(pk=offered["tenant"]).first() if offered["tenant"] else None
    account = offered["vendor"], offered["account_id"], offered["account_name"]
    account_claims.make(*account, offered["vendor_user_id"], user, tenant)
    why = gettext(
        "An operator of Lockstep decides who connects {account_name}. The customer who holds "
        "the account is told, too. Nothing changes until then."
    ).format(account_name=offered["account_name"])
    return render(request, "portal/stopped.html", {"heading": gettext("You asked for the account"), "why": why})


def notices(tenant: Tenant) -> list[str]:
    """What the owners of a tenant are told of claims that concern its accounts."""
    return [_said(claim, OWN if own else OTHERS) for claim, own in account_claims.concerning(tenant)]


def _said(claim: AccountClaim, texts: Mapping[ClaimState, StrOrPromise]) -> str:
    person = claim.user.get_full_name() or gettext("Somebody")
    vendor = get_connector(claim.vendor).label
    return texts[ClaimState(claim.state)].format(person=person, vendor=vendor, account=claim.account_name)
