"""Who administers an account is the vendor's to say; what it does not say counts as No."""

from __future__ import annotations

import pytest

from integration.connectors.base import Credentials
from integration.connectors.hubspot import oauth as hubspot_oauth
from integration.connectors.hubspot.client import HubSpotClient
from integration.connectors.pipedrive.client import PipedriveClient
from integration.http import Wire
from sandbox.hubspot.seed import CLIENT_ID, CLIENT_SECRET, OPTIONAL_SCOPES, PORTAL_ID, SCOPES, USER_ID


@pytest.fixture
def hubspot(sandbox, settings):
    """Installs the app with these scopes; returns a client of that consent."""
    settings.OAUTH_APPS = {"hubspot": {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}}

    def install(*scopes):
        wish = {"client_id": CLIENT_ID, "scopes": [*SCOPES, *scopes]}
        tokens = sandbox.control("POST", f"/hubspot/{PORTAL_ID}/install", wish)
        values = {"access_token": tokens["access_token"]}
        return HubSpotClient(Credentials("oauth", hubspot_oauth.base_url(), values), Wire())

    return install


@pytest.mark.parametrize("is_super", [True, False])
def test_hubspot_names_its_super_admins(sandbox, hubspot, is_super):
    sandbox.control("PATCH", f"/hubspot/{PORTAL_ID}/users/{USER_ID}", {"super_admin": is_super})

    assert hubspot(*OPTIONAL_SCOPES).get_identity().account.administered is is_super


def test_a_portal_that_did_not_grant_the_scope_names_nobody(hubspot):
    client = hubspot("timeline")

    assert client.get_identity().account.administered is False
    assert client.get_account().administered is False


def test_pipedrive_names_the_administrators_of_the_whole_company(sandbox):
    def administers(**rights):
        wish = {"name": "Ada", "email": "ada@acme.example", **rights}
        token = sandbox.control("POST", "/pipedrive/acme/users", wish)["api_token"]
        address = f"{sandbox.url}/pipedrive/acme"
        return PipedriveClient(Credentials("api_token", address, {"api_token": token}), Wire()).get_account()

    assert administers(is_admin=True).administered is True
    assert administers(admin_of=["sales", "global"]).administered is False
    assert administers().administered is False
