"""The whole story of a tenant, as one person clicks through it: install, connect, settings, activity, uninstall."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from integration.connectors import registry
from integration.models import Integration, State
from integration.portal import connect
from sandbox.pipedrive.seed import OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET
from tenants.models import Member
from tests.support import hub
from tests.support.world import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

ADA = "ada.lovelace@example.com"


@pytest.fixture
def hub_at_both_vendors(sandbox, live_server, settings, monkeypatch):
    """Our app is registered at the sandbox Pipedrive with this server's address; Maileon's address is the sandbox's."""
    settings.PUBLIC_URL = live_server.url
    settings.OAUTH_APPS = {"pipedrive": {"client_id": OAUTH_CLIENT_ID, "client_secret": OAUTH_CLIENT_SECRET}}
    app = sandbox.state.pipedrive.apps[OAUTH_CLIENT_ID]
    callback = live_server.url + reverse("portal:oauth_callback", kwargs={"vendor": "pipedrive"})
    monkeypatch.setitem(sandbox.state.pipedrive.apps, OAUTH_CLIENT_ID, replace(app, redirect_uri=callback))
    maileon = replace(registry.get_connector("maileon"), default_base_url=f"{sandbox.url}/maileon/1.0")
    monkeypatch.setattr(
        connect, "get_connector", lambda key: maileon if key == "maileon" else registry.get_connector(key)
    )
    for vendor in ("pipedrive", "maileon"):
        sandbox.control("POST", "/misbehave", {"vendor": vendor, "webhooks": {"hold": True}})
    return sandbox


def test_from_the_marketplace_to_uninstall(hub_at_both_vendors, chromium, live_server):
    sandbox = hub_at_both_vendors
    page = chromium.new_context(base_url=live_server.url).new_page()

    # Install: the vendor's consent page, and back as the owner of a new tenant.
    page.goto("/install/pipedrive/")
    page.get_by_label("Company and user").select_option("acme:9001001")
    page.get_by_role("button", name="Allow and install").click()
    page.get_by_text("Pipedrive is connected: ACME GmbH.").wait_for()
    assert Member.objects.get().role == "owner"

    # Which pair: those with Pipedrive come first.
    assert page.locator("a.card").first.inner_text().strip() == "Pipedrive ↔ Maileon"
    page.get_by_role("link", name="Pipedrive ↔ Maileon").click()

    # The second system: a wrong key is named, the right one is taken.
    card = page.get_by_role("region", name="Maileon")
    card.get_by_label("API key").fill("wrong-key-000000")
    page.get_by_role("button", name="Connect").click()
    card.get_by_text("The credentials were rejected").wait_for()
    card.get_by_label("API key").fill(hub.MAILEON_KEY)
    page.get_by_role("button", name="Connect").click()

    # Settings: a DOI process without key warns; saving sets everything up.
    page.get_by_text("No DOI key is given").wait_for()
    page.get_by_label("Double Opt-in (DOI) key").fill("welcome1")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("steps are done").wait_for()

    # Fields: one more row by name, the field made in Maileon on Save.
    page.get_by_role("link", name="Fields").click()
    page.get_by_role("button", name="Add a row").click()
    row = page.locator("ol.rows > li").last
    row.get_by_label("Pipedrive", exact=True).fill("Phone")
    row.get_by_label("Maileon", exact=True).fill("Telephone")
    page.get_by_role("button", name="Save", exact=True).click()
    row = page.locator("ol.rows > li").last
    row.get_by_text("Maileon has no field “Telephone”").wait_for()
    row.get_by_label("Create this field in Maileon").check()
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Each record follows with its next change").wait_for()
    assert "Telephone" in sandbox.state.maileon.accounts[501].custom_fields

    # A person created in Pipedrive arrives, and the activity says so.
    world = World(sandbox, Integration.objects.select_related("left", "right", "tenant").get())
    world.person("Ada Lovelace")
    world.deliver()
    assert ADA in world.contacts()
    page.get_by_role("link", name="Activity").click()
    page.get_by_label("Email or ID").fill(ADA)
    page.get_by_role("button", name="Show").click()
    assert "Send opt-in email" in page.locator("table").inner_text()

    # The same person, tried on rows that are not saved: the answer comes in place and nothing is sent.
    page.get_by_role("link", name="Fields").click()
    page.get_by_text("Nothing would be sent").wait_for()
    page.locator("ol.rows > li").first.get_by_label("Pipedrive", exact=True).fill("Name")
    page.get_by_label("Email, name or ID in Pipedrive").fill(ADA)
    page.get_by_label("Email, name or ID in Pipedrive").press("Enter")
    page.get_by_text("A sync would update").wait_for()
    assert page.locator("#person_to_contact-0-sample").inner_text().endswith("Ada Lovelace")
    expect(page.get_by_text("Unsaved changes")).to_be_visible()

    # Everybody who was there before: a dry run first.
    page.get_by_role("link", name="Runs").click()
    page.get_by_role("link", name="Fetch All").click()
    page.get_by_role("button", name="Start").click()
    hub.drain()
    page.get_by_text("Run it now").wait_for(timeout=10_000)
    assert world.mails() == [ADA]

    # Uninstall: the sandbox is as it was, and the tokens are given back.
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("link", name="Pause or uninstall").click()
    page.get_by_label("Yes, uninstall it").check()
    page.get_by_role("button", name="Uninstall").click()
    page.get_by_text("It is uninstalled").wait_for()
    assert Integration.objects.get().state == State.UNINSTALLED
    assert not sandbox.state.pipedrive.companies["acme"].webhooks
    assert not sandbox.state.maileon.accounts[501].webhooks
    page.context.close()
