"""A connection by OAuth: consent, expiry in the middle of the work, refusal, and the token given back at the end."""

from __future__ import annotations

import pytest

from integration.connectors.pipedrive import oauth
from integration.engine.clients import connection_health, tokens
from integration.engine.setup import lifecycle, provisioning
from integration.models import Connection, Integration, SyncJob
from integration.recipes.registry import get_recipe
from sandbox.pipedrive.seed import OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET, OAUTH_REDIRECT_URI
from tests.support import hub
from tests.support.factories import JobFactory, TenantFactory
from tests.support.oauth import consent_code
from tests.support.world import World


@pytest.fixture
def world(sandbox, settings, transactional_db):
    settings.PUBLIC_URL = "https://hub.example.com"
    settings.OAUTH_APPS = {"pipedrive": {"client_id": OAUTH_CLIENT_ID, "client_secret": OAUTH_CLIENT_SECRET}}
    tenant = TenantFactory(name="ACME")
    code = consent_code(sandbox)
    granted = oauth.exchange_code(OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET, code, OAUTH_REDIRECT_URI)
    left = Connection(tenant=tenant, vendor="pipedrive", base_url=granted.api_domain, auth_kind="oauth")
    tokens.store(left, granted)
    assert connection_health.check(left), left.health_detail
    right = hub.connect(tenant, "maileon", f"{sandbox.url}/maileon/1.0", api_key=hub.MAILEON_KEY)
    integration = Integration.objects.create(tenant=tenant, recipe="pipedrive_maileon", left=left, right=right)
    results = provisioning.provision(integration, get_recipe)
    assert all(result.ok for result in results), results
    integration.refresh_from_db()
    for vendor in ("pipedrive", "maileon"):
        sandbox.control("POST", "/misbehave", {"vendor": vendor, "webhooks": {"hold": True}})
    return World(sandbox, integration)


@pytest.mark.chaos("V5")
def test_a_token_that_dies_in_the_middle_of_the_work_is_renewed_and_the_work_goes_on(world):
    before = world.integration.left.credentials["access_token"]
    world.person("Ada Byron")
    Connection.objects.update(credentials_changed_at=None)
    world.sandbox.control(
        "POST", "/misbehave", {"vendor": "pipedrive", "expire_tokens": True, "webhooks": {"hold": True}}
    )

    world.deliver()

    assert world.mails() == ["ada.byron@example.com"]
    after = Connection.objects.get(vendor="pipedrive")
    assert after.credentials["access_token"] != before
    assert after.health == "ok"


@pytest.mark.chaos("V5")
def test_a_revoked_app_holds_the_jobs_and_asks_for_a_person(world):
    world.sandbox.control("POST", "/pipedrive/acme/uninstall")
    Connection.objects.update(credentials_changed_at=None)
    JobFactory(integration=world.integration, flow="person_to_contact", external_id="1")

    hub.drain()

    assert SyncJob.objects.get().state == "held"
    assert Connection.objects.get(vendor="pipedrive").health == "needs_you"


def test_uninstalling_gives_the_token_back(world):
    lifecycle.uninstall(world.integration, get_recipe)

    assert world.sandbox.control("GET", "/pipedrive/acme/state")["grants"] == []
    assert Connection.objects.get(vendor="pipedrive").credentials == {}
