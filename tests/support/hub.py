"""A hub in a test: work off everything that waits, and act as vendors and people do."""

from __future__ import annotations

from typing import Any

import requests
from django.conf import settings

from integration.connectors.hubspot import oauth
from integration.engine.clients import connection_health, tokens
from integration.engine.flow.base import Flow
from integration.engine.setup import provisioning
from integration.http import Instrumentation
from integration.models import Connection, Integration
from integration.recipes.registry import get_recipe
from sandbox.hubspot.seed import CLIENT_ID, CLIENT_SECRET, PORTAL_ID
from sandbox.leadboxer.seed import API_KEY as LEADBOXER_KEY
from sandbox.leadboxer.seed import LOGIN as LEADBOXER_LOGIN
from sandbox.planhat.seed import TOKEN as PLANHAT_TOKEN
from sandbox.thread import SandboxThread
from tenants.models import Tenant
from tests.support.queue import QUEUE

PIPEDRIVE_TOKEN = "ace0ace0ace0ace0ace0ace0ace0ace0ace0ace0"
MAILEON_KEY = "5a4db0x0-5010-4acm-8e00-newsletter501"
BREVO_KEY = "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"


def drain(*, due_now: bool = True) -> None:
    """Let workers answer what was rung until nothing is left. Waits are cut short, but for what failed often."""
    QUEUE.work(due_now=due_now)


def connect(tenant: Tenant, vendor: str, base_url: str, **secrets: str) -> Connection:
    """A checked connection."""
    connection = Connection(tenant=tenant, vendor=vendor, base_url=base_url, auth_kind=next(iter(secrets)))
    connection.store_credentials(secrets, next(iter(secrets.values())))
    connection.save()
    assert connection_health.check(connection), connection.health_detail
    return connection


def connect_hubspot(tenant: Tenant, sandbox: SandboxThread, portal: int = PORTAL_ID) -> Connection:
    """A portal with our app installed, as the consent page would leave it."""
    address = f"{settings.PUBLIC_URL}/hooks/hubspot/"
    sandbox.control("POST", "/hubspot/apps", {"client_id": CLIENT_ID, "target_url": address})
    given = sandbox.control("POST", f"/hubspot/{portal}/install", {"client_id": CLIENT_ID})
    token = oauth.refresh(CLIENT_ID, CLIENT_SECRET, given["refresh_token"])
    connection = Connection(tenant=tenant, vendor="hubspot", base_url=token.api_domain, auth_kind="oauth")
    connection.credentials = {}
    tokens.store(connection, token)
    assert connection_health.check(connection), connection.health_detail
    return connection


def install_hubspot(sandbox: SandboxThread, tenant: Tenant | None = None, **settings: Any) -> Integration:
    """HubSpot ↔ Maileon installed and active."""
    left = connect_hubspot(tenant or Tenant.objects.create(name="ACME"), sandbox)
    return install_hubspot_for(sandbox, left, **settings)


def install_hubspot_for(sandbox: SandboxThread, left: Connection, **settings: Any) -> Integration:
    """The same on a portal that is connected already."""
    right = connect(left.tenant, "maileon", f"{sandbox.url}/maileon/1.0", api_key=MAILEON_KEY)
    return install_between(left.tenant, "hubspot_maileon", left, right, settings)


def install_brevo(sandbox_url: str, tenant: Tenant | None = None, **settings: Any) -> Integration:
    """Pipedrive ↔ Brevo installed and active against the sandbox's default accounts."""
    tenant = tenant or Tenant.objects.create(name="ACME")
    left = connect(tenant, "pipedrive", f"{sandbox_url}/pipedrive/acme", api_token=PIPEDRIVE_TOKEN)
    right = connect(tenant, "brevo", f"{sandbox_url}/brevo/v3", api_key=BREVO_KEY)
    return install_between(tenant, "pipedrive_brevo", left, right, settings)


def install_leadboxer(sandbox_url: str, tenant: Tenant | None = None, **settings: Any) -> Integration:
    """LeadBoxer → Pipedrive installed and active against the sandbox's default accounts."""
    tenant = tenant or Tenant.objects.create(name="ACME")
    left = connect(tenant, "leadboxer", f"{sandbox_url}/leadboxer/v1", api_key=LEADBOXER_KEY, email=LEADBOXER_LOGIN)
    right = connect(tenant, "pipedrive", f"{sandbox_url}/pipedrive/acme", api_token=PIPEDRIVE_TOKEN)
    return install_between(tenant, "leadboxer_pipedrive", left, right, settings)


def install(sandbox_url: str, tenant: Tenant | None = None, **settings: Any) -> Integration:
    """Pipedrive ↔ Maileon installed and active against the sandbox's default accounts."""
    tenant = tenant or Tenant.objects.create(name="ACME")
    left = connect(tenant, "pipedrive", f"{sandbox_url}/pipedrive/acme", api_token=PIPEDRIVE_TOKEN)
    right = connect(tenant, "maileon", f"{sandbox_url}/maileon/1.0", api_key=MAILEON_KEY)
    return install_between(tenant, "pipedrive_maileon", left, right, settings)


def grant_only_what_is_named() -> None:
    """Let the sandbox's Pipedrive permit what the installed recipes name, and nothing else."""
    for side in ("left", "right"):
        rows = Integration.objects.filter(**{f"{side}__vendor": "pipedrive"}).select_related(side)
        for connection in {getattr(row, side).base_url: getattr(row, side) for row in rows}.values():
            using = Integration.objects.filter(**{f"{side}__base_url": connection.base_url})
            named = {right.name for row in using for right in get_recipe(row.recipe).permissions[side]}
            origin, _, company = connection.base_url.partition("/pipedrive/")
            wish = {"token_scopes": sorted(named)}
            answer = requests.patch(f"{origin}/_control/pipedrive/{company}", json=wish, timeout=10)
            assert answer.status_code == 200, answer.text


def install_between(
    tenant: Tenant, recipe: str, left: Connection, right: Connection, settings: dict[str, Any]
) -> Integration:
    """A recipe installed and active between two connections."""
    integration = Integration.objects.create(tenant=tenant, recipe=recipe, left=left, right=right, settings=settings)
    grant_only_what_is_named()
    results = provisioning.provision(integration, get_recipe)
    assert all(result.ok for result in results), results
    integration.refresh_from_db()
    return integration


def install_planhat(sandbox_url: str, tenant: Tenant | None = None, **settings: Any) -> Integration:
    """Planhat ↔ Pipedrive installed and active against the sandbox's default accounts."""
    tenant = tenant or Tenant.objects.create(name="ACME")
    left = connect(tenant, "pipedrive", f"{sandbox_url}/pipedrive/acme", api_token=PIPEDRIVE_TOKEN)
    right = connect(tenant, "planhat", f"{sandbox_url}/planhat", api_token=PLANHAT_TOKEN)
    return install_between(tenant, "planhat_pipedrive", left, right, settings)


def save(integration: Integration, **settings: Any) -> None:
    """What the settings form does on Save."""
    integration.refresh_from_db()
    integration.settings = {**integration.settings, **settings}
    integration.save(update_fields=["settings"])
    results = provisioning.provision(integration, get_recipe)
    assert all(result.ok for result in results), results
    integration.refresh_from_db()


def client_of(connection: Connection) -> Any:
    """An open client of a connection."""
    return connection.connector.open(connection.plain_credentials, Instrumentation())


def taking_part(integration: Integration, recipe: str, kind: str) -> list[str]:
    """The switched-on flows that take part in runs of a kind."""
    return [flow.key for flow in switched_on(integration, recipe) if kind in flow.runs]


def switched_on(integration: Integration, recipe: str) -> list[Flow]:
    """The flows the settings have switched on."""
    found = get_recipe(recipe)
    chosen = {**found.default_settings, **integration.settings}
    return [flow for flow in found.flows if flow.enabled(chosen)]
