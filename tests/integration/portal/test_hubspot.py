"""Log in with HubSpot: through the sandbox's consent page to the settings, every time; and again after an uninstall."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integration.connectors import registry
from integration.models import Connection, Health, Integration, SyncJob
from integration.portal import connect
from sandbox.hubspot.seed import CLIENT_ID, PORTAL_ID, USER_ID
from tenants.models import Member, Role, Tenant
from tests.support import hub
from tests.support.factories import MemberFactory
from tests.support.world import HubSpotWorld

pytestmark = pytest.mark.django_db(transaction=True)
GRACE = f"{PORTAL_ID}:{USER_ID}"


@pytest.fixture(autouse=True)
def app(sandbox, hubspot_app, settings, monkeypatch):
    """Our app is registered at the sandbox with this hub's addresses, and Maileon's address is the sandbox's."""
    callback = "https://hub.example.com/oauth/hubspot/callback/"
    sandbox.control("POST", "/hubspot/apps", {"client_id": CLIENT_ID, "redirect_uris": [callback]})
    maileon = replace(registry.get_connector("maileon"), default_base_url=f"{sandbox.url}/maileon/1.0")
    monkeypatch.setattr(
        connect, "get_connector", lambda key: maileon if key == "maileon" else registry.get_connector(key)
    )


def consented(address, account=GRACE, decision="allow"):
    """What a person does on the consent page; returns the query our callback gets."""
    page = requests.get(address, timeout=5)
    assert page.status_code == 200, page.text
    query = {key: values[0] for key, values in parse_qs(urlsplit(address).query).items()}
    form = {**query, "account": account, "decision": decision}
    reply = requests.post(address.partition("?")[0], data=form, allow_redirects=False, timeout=5)
    return {key: values[0] for key, values in parse_qs(urlsplit(reply.headers["Location"]).query).items()}


def log_in(client, account=GRACE, **query):
    address = client.get("/install/hubspot/", query).url
    return client.get("/oauth/hubspot/callback/", consented(address, account))


def settings_of(integration):
    ids = {"tenant_id": integration.tenant_id, "integration_id": integration.pk}
    return reverse("portal:settings", kwargs=ids)


def test_the_whole_way_from_hubspots_consent_page_to_active(sandbox):
    client = Client()
    assert "Log in with HubSpot" in client.get("/login/").content.decode()

    arrived = log_in(client)
    tenant, connection = Tenant.objects.get(), Connection.objects.get()
    assert (tenant.name, connection.external_account_id) == ("acme.example", str(PORTAL_ID))
    assert (connection.auth_kind, connection.health) == ("oauth", Health.OK)
    assert connection.base_url == f"{sandbox.url}/hubspot"
    assert Member.objects.get().role == Role.OWNER
    page = client.get(arrived.url).content.decode()  # HubSpot is connected: only one pair fits
    assert "HubSpot is connected: acme.example." in page
    assert "API key" in page

    refused = client.post(arrived.url, {"left-account": connection.pk, "right-secret": "wrong-key-000000"})
    assert refused.status_code == 422
    answer = client.post(arrived.url, {"left-account": connection.pk, "right-secret": hub.MAILEON_KEY})
    integration = Integration.objects.get()
    assert (answer.url, integration.recipe) == (settings_of(integration), "hubspot_maileon")

    page = client.get(answer.url).content.decode()
    assert "No DOI key is given" in page
    assert "Marketing Qualified Lead" in page  # the portal's own stages
    saved = client.post(answer.url, {"doi_enabled": "on", "doi_key": "welcome"})
    integration.refresh_from_db()
    assert (saved.status_code, integration.state) == (302, "active")

    # Every time: the same person, and a browser that nobody knows, both land at the settings.
    for again in (client, Client()):
        assert log_in(again, **{"for": "login"}).url == answer.url
    assert (Tenant.objects.count(), Connection.objects.filter(vendor="hubspot").count()) == (1, 1)


def test_saying_no_connects_nothing(sandbox):
    client = Client()
    address = client.get("/install/hubspot/").url
    answer = client.get("/oauth/hubspot/callback/", consented(address, decision="deny"))

    assert "Nothing was connected" in answer.content.decode()
    assert not Connection.objects.exists()


def test_without_a_login_there_is_nothing_to_connect(sandbox):
    member = MemberFactory()
    client = Client()
    client.force_login(member.user)
    address = reverse("portal:connect", kwargs={"tenant_id": member.tenant_id})
    assert "Which two apps do you want to sync?" in client.get(address).content.decode()

    answer = client.post(f"{address}?recipe=hubspot_maileon", {"right-secret": hub.MAILEON_KEY})
    assert answer.status_code == 422
    assert "Log in with HubSpot first." in answer.content.decode()
    assert not Integration.objects.exists()


def test_after_an_uninstall_at_hubspot_logging_in_again_lets_what_waited_go_on(sandbox):
    client = Client()
    log_in(client)
    world = HubSpotWorld(sandbox, hub.install_hubspot_for(sandbox, Connection.objects.get()))
    world.hold("hubspot", "maileon")
    sandbox.control(
        "POST", "/hubspot/apps", {"client_id": CLIENT_ID, "target_url": "https://hub.example.com/hooks/hubspot/"}
    )
    world.contact("Ada Byron")
    for delivery in world.held():
        assert world.post(delivery) == 200
    sandbox.control("POST", f"/hubspot/{PORTAL_ID}/uninstall")
    Connection.objects.filter(vendor="hubspot").update(token_expires_at=timezone.now() - timedelta(minutes=1))
    hub.drain()
    page = client.get(settings_of(world.integration)).content.decode()
    assert "connect again" in page
    assert "Log in with HubSpot again" in page
    assert SyncJob.objects.get().state == "held"

    log_in(client, tenant=str(world.integration.tenant_id))
    hub.drain()
    assert Connection.objects.get(vendor="hubspot").health == Health.OK
    assert world.mails() == ["ada.byron@example.com"]


def test_both_maileon_addresses_are_shown_to_those_who_may_change_settings(hubspot_world):
    integration = hubspot_world.integration
    hooks = hubspot_world.sandbox.state.maileon.accounts[501].webhooks.values()
    assert {hook.event for hook in hooks} == {"doi", "unsubscription"}
    secret = integration.right.endpoint.secret["current"]
    for role, shown in ((Role.EDITOR, True), (Role.VIEWER, False)):
        member = MemberFactory(tenant=integration.tenant, role=role)
        client = Client()
        client.force_login(member.user)
        page = client.get(settings_of(integration)).content.decode()
        assert ("Double Opt-in Confirmation webhook" in page) is shown
        assert ("Unsubscription webhook" in page) is shown
        assert (secret.partition(":")[2] in page) is shown
        assert ("https://hub.example.com/hooks/hubspot/" in page) is shown


def test_an_address_entered_by_hand_works_like_ours(hubspot_world):
    from integration.engine.setup import provisioning

    world = hubspot_world
    contact_id = world.contact("Ada Byron")
    world.deliver()
    world.click("ada.byron@example.com")
    world.held()  # ours is lost
    address = provisioning.webhook_addresses(world.integration.right.endpoint)["Double Opt-in Confirmation webhook"]
    body = '{"email": "ada.byron@example.com"}'
    answer = Client().post(address.removeprefix("https://hub.example.com"), body, content_type="application/json")
    assert answer.status_code == 200
    hub.drain()
    assert len(world.notes(contact_id)) == 1


def test_the_summary_follows_the_form_without_asking_hubspot(hubspot_world):
    world = hubspot_world
    member = MemberFactory(tenant=world.integration.tenant, role=Role.EDITOR)
    client = Client()
    client.force_login(member.user)
    world.calls("hubspot")
    ids = {"tenant_id": world.integration.tenant_id, "integration_id": world.integration.pk}
    wish = {
        "doi_enabled": "on", "doi_plus": "on", "unsubscribed_stage": "on", "unsubscribed_stage_from": "customer",
        "unsubscribed_stage_to": "51439524", "unsubscribed_stage_reset": "on",
    }  # fmt: skip
    page = client.post(reverse("portal:summary", kwargs=ids), wish).content.decode()

    assert "they get the permission Double Opt-in Plus" in page
    assert "Unsubscription: the lifecycle stage changes if it is the source stage, even if that is a step back." in page
    assert world.calls("hubspot") == []
