"""Both parts over one consent: the app's origin fields are not ours, so the marker stands in a field of our own."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from integration import tasks
from integration.connectors.pipedrive import oauth
from integration.engine.clients import connection_health, tokens
from integration.engine.clients.session import open_client
from integration.engine.setup import provisioning
from integration.models import Connection, Integration
from integration.recipes.registry import get_recipe
from sandbox.pipedrive.seed import OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET, OAUTH_REDIRECT_URI
from tenants.models import Tenant
from tests.support import hub
from tests.support.leadboxer_world import ACTIVITIES, LEADS, LeadBoxerWorld
from tests.support.oauth import consent_code


@pytest.fixture
def world(sandbox, settings, transactional_db):
    settings.OAUTH_APPS = {"pipedrive": {"client_id": OAUTH_CLIENT_ID, "client_secret": OAUTH_CLIENT_SECRET}}
    tenant = Tenant.objects.create(name="ACME")
    granted = oauth.exchange_code(OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET, consent_code(sandbox), OAUTH_REDIRECT_URI)
    right = Connection(tenant=tenant, vendor="pipedrive", base_url=granted.api_domain, auth_kind="oauth")
    tokens.store(right, granted)
    assert connection_health.check(right), right.health_detail
    left = hub.connect(
        tenant, "leadboxer", f"{sandbox.url}/leadboxer/v1", api_key=hub.LEADBOXER_KEY, email=hub.LEADBOXER_LOGIN
    )
    integration = Integration.objects.create(
        tenant=tenant, recipe="leadboxer_pipedrive", left=left, right=right, settings={**LEADS, **ACTIVITIES}
    )
    results = provisioning.provision(integration, get_recipe)
    assert all(result.ok for result in results), results
    Integration.objects.update(activated_at=timezone.now() - timedelta(hours=1))
    integration.refresh_from_db()
    world = LeadBoxerWorld(sandbox, integration)
    world.no_limits()
    return world


def test_leads_and_activities_over_one_consent(world):
    made = world.ada()
    world.poll()

    [lead], [activity] = world.leads(), world.activities()
    assert lead["origin"] == "Marketplace"
    assert lead["origin_id"] != made["lead"]
    assert lead["custom_fields"][world.integration.resources["leadboxer_id"]] == made["lead"]
    assert activity["org_id"] == lead["organization_id"]


def test_a_lost_answer_is_found_by_our_own_field(world):
    world.ada()
    world.fail("pipedrive", 502, "/v1/leads", method="POST", after=True)
    tasks.start_runs(world.integration, "poll")
    hub.drain()
    for _ in range(3):
        world.wait()

    assert len(world.leads()) == 1
    world.no_trouble()


def test_what_the_consent_must_grant_is_granted(world):
    connector = world.integration.right.connector
    rights = connector.rights(open_client(world.integration.right))

    assert rights
    assert all(right.granted for right in rights), rights
