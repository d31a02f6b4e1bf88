"""The tenant's pages in a real browser: accessible, nothing from elsewhere, no sideways scroll on a phone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from integration.engine.sync import runs
from tests.support import hub
from tests.support.browser import Heard, serious
from tests.support.factories import DriftFactory, MemberFactory
from tests.support.leadboxer_world import ACTIVITIES

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

PHONE = {"width": 360, "height": 740}
ADA = "ada.lovelace@example.com"


@pytest.fixture
def owner(world):
    """The owner of a tenant where something has happened already."""
    ada = world.person("Ada Lovelace")
    world.person("Bo Diddley", email="")
    world.person("Cy Twombly", newsletter="No")
    world.deliver()
    world.change(ada, name="Ada King")
    world.deliver()
    runs.start(world.integration, "compare", "person_to_contact")
    hub.drain()
    DriftFactory(integration=world.integration, source_id=ada, field="LASTNAME", ours="King", theirs="Lovelace")
    DriftFactory(integration=world.integration, source_id=ada, field="CITY", ours="Wien", theirs=None)
    DriftFactory(integration=world.integration, kind="only_source", target_id="")
    DriftFactory(integration=world.integration, kind="only_target", source_id="", target_id="4711")
    return MemberFactory(tenant=world.integration.tenant).user


def pages(world):
    """Every page of the portal as (name, address)."""
    tenant = {"tenant_id": world.integration.tenant_id}
    ids = {**tenant, "integration_id": world.integration.pk}
    record = reverse("portal:record", kwargs=ids)
    link = world.integration.links.first()
    return [
        ("overview", reverse("portal:overview", kwargs=tenant)),
        ("integration", reverse("portal:integration", kwargs=ids)),
        ("settings", reverse("portal:settings", kwargs=ids)),
        ("fields", reverse("portal:fields", kwargs=ids)),
        ("stop", reverse("portal:stop", kwargs=ids)),
        ("activity", reverse("portal:activity", kwargs=ids)),
        ("waiting", reverse("portal:waiting", kwargs=ids)),
        ("runs", reverse("portal:runs", kwargs=ids)),
        ("differences", reverse("portal:drift", kwargs=ids)),
        ("fetch-all", reverse("portal:fetch_all", kwargs=ids)),
        ("search", f"{record}?q=Ada"),
        ("preview", f"{record}?flow=person_to_contact&id={link.source_id}"),
        ("people", reverse("portal:people", kwargs=tenant)),
        ("connect", reverse("portal:connect", kwargs=tenant) + "?recipe=pipedrive_maileon"),
        ("team", reverse("portal:team", kwargs=tenant)),
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_and_asks_nobody_else(world, owner, browse, live_server, scheme):
    page = browse(owner, color_scheme=scheme)
    heard = Heard(page)

    for name, address in pages(world):
        page.goto(address)
        assert serious(page) == [], name
        if scheme == "light":
            shoot(page, name)

    assert heard.asked_elsewhere(live_server.url) == []
    assert heard.errors == []


def test_every_page_fits_a_phone(world, owner, browse):
    page = browse(owner, viewport=PHONE)
    for name, address in pages(world):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], name
        shoot(page, f"{name}-phone")


def test_long_ids_stay_inside_their_row_on_a_phone(leadboxer_install, browse):
    leads = leadboxer_install(**ACTIVITIES)
    leads.ada()
    leads.poll()
    page = browse(MemberFactory(tenant=leads.integration.tenant).user, viewport=PHONE)
    page.goto(reverse("portal:activity", kwargs={"tenant_id": leads.integration.tenant_id,
                                                 "integration_id": leads.integration.pk}))  # fmt: skip
    assert "Log activity" in page.locator("tbody").inner_text()
    edge = page.locator(".scroll").evaluate("box => box.getBoundingClientRect().right")
    cells = page.locator("tbody td").evaluate_all("cells => cells.map(cell => cell.getBoundingClientRect().right)")
    assert max(cells) <= edge


def test_fetch_all_is_watched_while_it_runs(world, owner, browse):
    world.seed_people(30)
    page = browse(owner)
    page.goto(reverse("portal:fetch_all", kwargs={"tenant_id": world.integration.tenant_id,
                                                  "integration_id": world.integration.pk}))  # fmt: skip
    page.get_by_role("button", name="Start").click()
    assert "Waiting" in page.locator("#progress").inner_text()

    hub.drain()

    page.get_by_text("Run it now").wait_for(timeout=10_000)  # came in place, without a reload
    assert "Send opt-in email" not in page.locator("#progress").inner_text()
    assert serious(page) == []
    shoot(page, "dry-run")
    assert world.mails() == [ADA]


def test_somebody_is_found_looked_at_and_erased(world, owner, browse):
    page = browse(owner)
    page.goto(reverse("portal:people", kwargs={"tenant_id": world.integration.tenant_id}))
    page.get_by_label("Email address").fill(ADA)
    page.get_by_role("button", name="Search").click()
    assert "Pending" in page.locator("main").inner_text()
    assert serious(page) == []
    shoot(page, "person")

    page.get_by_label("Yes, erase the data stored").check()
    page.get_by_role("button", name="Erase").click()

    assert "We kept IDs, address and consent" in page.get_by_role("status").inner_text()
    assert ADA not in page.url


def test_a_key_is_tested_in_place_and_options_follow_each_other(world, owner, browse):
    ids = {"tenant_id": world.integration.tenant_id, "integration_id": world.integration.pk}
    page = browse(owner)
    page.goto(reverse("portal:settings", kwargs=ids))
    card = page.get_by_role("region", name="Maileon")

    card.get_by_label("New API key").fill("wrong-key-000000")
    card.get_by_role("button", name="Test").click()
    card.get_by_text("does not accept the API key").wait_for()
    card.get_by_label("New API key").fill(hub.MAILEON_KEY)
    card.get_by_role("button", name="Test").click()
    card.get_by_text("It works:").wait_for()

    key, permission = page.get_by_label("Double Opt-in (DOI) key"), page.get_by_label("Maileon contacts permission")
    expect(key).to_be_visible()
    expect(permission).to_be_hidden()
    page.get_by_label("Enable Double Opt-in (DOI) process").uncheck()
    expect(key).to_be_hidden()
    expect(permission).to_be_visible()
    expect(page.get_by_text("Unsaved changes")).to_be_visible()
    page.get_by_text("at once, with permission None").wait_for()
    assert serious(page) == []

    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("steps are done").wait_for()
    shoot(page, "saved")


def shoot(page, name):
    """Keep a picture when SCREENSHOTS names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.wait_for_load_state("networkidle")
        page.evaluate("document.querySelectorAll('.sticky').forEach((bar) => { bar.style.position = 'static'; })")
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)
