"""Whose account is it, seen from outside: an ordinary user gets nowhere, an administrator past a stranger."""

from __future__ import annotations

from django.conf import settings

from integration.connectors.pipedrive import oauth
from integration.management.demo.person import Browser
from integration.management.demo.stage import NotSeen, Stage
from integration.models import Connection
from tenants.models import Member, Role, Tenant

DOMAIN, NAME = "ownership", "Ownership AG"


def belongs_to_its_administrator(stage: Stage) -> str:
    """A stranger holds the account by an ordinary user's token; then that user and the administrator log in."""
    company = _company(stage)
    wish = {"name": "Otto Ordinary", "email": "otto@ownership.example"}
    ordinary = stage.control("POST", f"/pipedrive/{DOMAIN}/users", wish)
    stranger = Tenant.objects.create(name="Stranger Ltd")
    held = stage.connect(stranger, "pipedrive", f"pipedrive/{DOMAIN}", api_token=ordinary["api_token"])
    _is_refused(f"{DOMAIN}:{ordinary['id']}")
    Browser(settings.PUBLIC_URL).log_in("pipedrive", account=f"{DOMAIN}:{company['user_id']}")
    own = Connection.objects.get(vendor="pipedrive", external_account_id=held.external_account_id, auth_kind="oauth")
    held.refresh_from_db()
    if own.tenant_id == stranger.pk or not Member.objects.filter(tenant=own.tenant, role=Role.OWNER).exists():
        raise NotSeen("the administrator did not become the owner of a tenant of their own")
    if held.auth_kind != "api_token":
        raise NotSeen("the administrator's consent was stored in the stranger's connection")
    return f"{NAME}: an ordinary user is refused, its administrator owns a tenant although a stranger holds the account"


def _company(stage: Stage) -> dict[str, str]:
    """A company of its own, and our app with the address of this hub."""
    app = settings.OAUTH_APPS["pipedrive"]
    redirect = f"{settings.PUBLIC_URL}/oauth/pipedrive/callback/"
    stage.control("POST", "/pipedrive/apps", {**app, "redirect_uri": redirect, "scopes": list(oauth.SCOPES)})
    made: dict[str, str] = stage.control("POST", "/pipedrive/companies", {"domain": DOMAIN, "name": NAME})
    return made


def _is_refused(account: str) -> None:
    try:
        Browser(settings.PUBLIC_URL).log_in("pipedrive", account=account)
    except NotSeen as exc:
        if "403" in str(exc):
            return
        raise
    raise NotSeen("an ordinary user installed it")
