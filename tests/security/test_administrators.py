"""Who administers an account is the vendor's to say; what it does not say counts as No."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from integration.connectors.base import Credentials
from integration.connectors.hubspot import oauth as hubspot_oauth
from integration.connectors.hubspot.client import HubSpotClient
from integration.connectors.pipedrive.client import PipedriveClient
from integration.engine.clients import connection_health
from integration.engine.setup import lifecycle
from integration.http import Instrumentation
from integration.models import Connection, Health
from integration.recipes.registry import get_recipe
from sandbox.hubspot import installs
from sandbox.hubspot.seed import CLIENT_ID, CLIENT_SECRET, OPTIONAL_SCOPES, PORTAL_ID, SCOPES, USER_ID
from tests.support.factories import ConnectionFactory, IntegrationFactory, MemberFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def hubspot(sandbox, settings):
    """Installs the app with these scopes; returns a client of that consent."""
    settings.OAUTH_APPS = {"hubspot": {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}}

    def install(*scopes):
        wish = {"client_id": CLIENT_ID, "scopes": [*SCOPES, *scopes]}
        tokens = sandbox.control("POST", f"/hubspot/{PORTAL_ID}/install", wish)
        values = {"access_token": tokens["access_token"]}
        return HubSpotClient(Credentials("oauth", hubspot_oauth.base_url(), values), Instrumentation())

    return install


@pytest.mark.parametrize("is_super", [True, False])
def test_hubspot_names_its_super_admins(sandbox, hubspot, is_super):
    sandbox.control("PATCH", f"/hubspot/{PORTAL_ID}/users/{USER_ID}", {"super_admin": is_super})

    assert hubspot(*OPTIONAL_SCOPES).get_identity().account.administered is is_super


def test_a_portal_that_did_not_grant_the_scope_names_nobody(hubspot):
    client = hubspot("timeline")

    assert client.get_identity().account.administered is None
    assert client.get_account().administered is None


def test_pipedrive_names_the_administrators_of_the_whole_company(sandbox):
    def administers(**rights):
        wish = {"name": "Ada", "email": "ada@acme.example", **rights}
        token = sandbox.control("POST", "/pipedrive/acme/users", wish)["api_token"]
        address = f"{sandbox.url}/pipedrive/acme"
        return PipedriveClient(Credentials("api_token", address, {"api_token": token}), Instrumentation()).get_account()

    assert administers(is_admin=True).administered is True
    assert administers(admin_of=["sales", "global"]).administered is False
    assert administers().administered is False


def test_whoever_consents_last_at_hubspot_takes_nothing_from_the_administrator(sandbox, settings):
    """A portal has one grant of our app; after an ordinary user's consent its tokens are theirs."""
    settings.OAUTH_APPS = {"hubspot": {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}}
    consents(sandbox, Client(), USER_ID)
    row = Connection.objects.get()
    eve = sandbox.control("POST", f"/hubspot/{PORTAL_ID}/users", {"name": "Eve", "email": "eve@acme.example"})["id"]
    owner, browser = MemberFactory(), Client()
    browser.force_login(owner.user)

    answer = consents(sandbox, browser, eve, tenant=str(owner.tenant_id))

    row.refresh_from_db()
    assert answer.status_code == 403
    assert (row.health, row.administered, row.consent_user_id) == (Health.OK, True, str(USER_ID))
    assert not Connection.objects.filter(tenant=owner.tenant).exists()


def test_a_tenant_that_uninstalls_takes_the_app_from_no_other(sandbox, settings):
    settings.OAUTH_APPS = {"hubspot": {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}}
    consents(sandbox, Client(), USER_ID)
    row = Connection.objects.get()
    other = ConnectionFactory(vendor="hubspot", auth_kind="oauth", external_account_id=row.external_account_id)
    other.credentials = {**row.credentials}
    other.save()
    integration = IntegrationFactory(tenant=other.tenant, recipe="hubspot_maileon", left=other)

    steps = {step.key: step for step in lifecycle.uninstall(integration, get_recipe)}

    assert steps["credentials_left"].detail == "erased; not revoked, since another customer uses the account"
    assert sandbox.control("GET", "/hubspot/portals")[0]["installed"] == [CLIENT_ID]
    assert connection_works(row)


def connection_works(row):
    row.refresh_from_db()
    return connection_health.check(row)


def consents(sandbox, browser, user_id, **query):
    """What a user of the portal does on the consent page."""
    asked = parse_qs(urlsplit(browser.get("/install/hubspot/", query).url).query)
    portal, app = sandbox.state.hubspot.portals[PORTAL_ID], sandbox.state.hubspot.apps[CLIENT_ID]
    scopes = (*SCOPES, *OPTIONAL_SCOPES)
    code = installs.issue_code(sandbox.state, app, portal, int(user_id), asked["redirect_uri"][0], scopes)
    return browser.get("/oauth/hubspot/callback/", {"code": code, "state": asked["state"][0]})
