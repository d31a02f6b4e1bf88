"""The operator console in a real browser: every page is accessible, a planted fault is found and mended from here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.core.cache import cache
from django.urls import reverse

from integration import tasks
from integration.engine.dispatch import sweeper
from integration.models import Connection, SyncJob, SyncLog
from tests.support import hub
from tests.support.browser import OURS, Heard, serious
from tests.support.factories import LogFactory, UserFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

PHONE = {"width": 360, "height": 740}
ADA = "ada.lovelace@example.com"


@pytest.fixture
def operator(db):
    cache.clear()
    return UserFactory(is_staff=True, is_superuser=True, username="operator")


@pytest.fixture
def busy(world):
    """A tenant where much has happened, some of it wrong."""
    sweeper.sweep()
    ada = world.person("Ada Lovelace")
    world.person("Bo Diddley", email="")
    world.person("Cy Twombly", newsletter="No")
    world.deliver()
    world.change(ada, name="Ada King")
    world.deliver()
    LogFactory(integration=world.integration, source_id="77", outcome="failed", reason="record_refused")
    return world


def pages(world):
    """Every page an operator lives in as (name, address)."""
    yield "front", reverse("admin:index")
    yield "find", f"{reverse('console-find')}?q={ADA}"
    yield "quality", reverse("console-quality")
    yield "quality-of-a-vendor", reverse("console-quality-of", args=["planhat"])
    names = ("tenants_tenant", "integration_connection", "integration_integration", "integration_fieldmapping",
                 "integration_webhookevent", "integration_syncjob", "integration_syncrun", "integration_synclog",
                 "integration_recordlink", "integration_vendorcall", "integration_alert",
                 "tenants_auditentry")  # fmt: skip
    for name in names:
        yield name.partition("_")[2], reverse(f"admin:{name}_changelist")
    yield "an-integration", reverse("admin:integration_integration_change", args=[world.integration.pk])
    yield "integration-settings", reverse("admin:integration_integration_settings", args=[world.integration.pk])
    yield "a-log-row", reverse("admin:integration_synclog_change", args=[SyncLog.objects.order_by("-pk")[1].pk])
    yield "second-factor", reverse("console-two-factor")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_and_asks_nobody_else(busy, operator, browse, live_server, scheme):
    page = browse(operator, color_scheme=scheme)
    heard = Heard(page)

    for name, address in pages(busy):
        page.goto(address)
        if scheme == "light":
            page.wait_for_load_state("networkidle")
            shoot(page, f"console-{name}")
        assert serious(page, within=OURS) == [], name

    assert heard.asked_elsewhere(live_server.url) == []
    assert heard.errors == []


def test_the_main_pages_fit_a_phone(busy, operator, browse):
    page = browse(operator, viewport=PHONE)
    for name, address in list(pages(busy))[:4]:
        page.goto(address)
        page.wait_for_load_state("networkidle")
        shoot(page, f"console-{name}-phone")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], name


def test_the_person_page_answers_a_support_call(busy, operator, browse):
    page = browse(operator)
    page.goto(reverse("admin:index"))
    page.keyboard.press("/")
    page.keyboard.type(ADA)
    page.keyboard.press("Enter")

    page.get_by_text("compared fields are alike, just read.").wait_for()
    timeline = page.locator(".ls-timeline").inner_text()
    assert "Event #" in timeline
    assert "Update" in timeline
    assert "King" in page.locator(".ls-sides").inner_text()


def test_a_refused_key_is_found_and_mended_from_the_console_alone(busy, operator, browse):
    busy.sandbox.control("PATCH", "/maileon/501", {"expired": True})
    busy.person("Dorothy Vaughan")
    busy.deliver()
    tasks.check_integration(str(busy.integration.pk))
    page = browse(operator)
    page.goto(reverse("admin:index"))
    assert "needs attention. Nothing is lost; changes wait." in page.locator(".ls-lead").inner_text()
    shoot(page, "console-needs-you")

    page.goto(f"{reverse('console-find')}?q=dorothy.vaughan@example.com")
    page.get_by_role("link", name="Open Maileon's connection").first.wait_for()
    page.get_by_role("link", name="Open Maileon's connection").first.click()
    busy.sandbox.control("PATCH", "/maileon/501", {"expired": False})
    page.get_by_role("link", name="Check now").first.click()
    page.get_by_role("button", name="Check now").click()
    page.wait_for_load_state("networkidle")
    hub.drain()

    assert not SyncJob.objects.filter(state="held").exists()
    assert "dorothy.vaughan@example.com" in busy.contacts()


def test_a_poison_record_is_set_aside_found_and_tried_again(busy, operator, browse):
    busy.sandbox.control(
        "POST", "/misbehave",
        {"vendor": "maileon", "webhooks": {"hold": True},
         "fail_next": [{"status": 400, "times": 3, "method": "POST", "path_contains": "/contacts"}]},
    )  # fmt: skip
    busy.person("Mary Jackson")
    busy.deliver()
    job = SyncJob.objects.get(state="dead")
    page = browse(operator)
    page.goto(reverse("admin:index"))
    page.locator("a.ls-number", has_text="Dead").click()
    page.locator("#result_list tbody a").first.click()
    busy.sandbox.control("DELETE", "/misbehave")
    for vendor in ("pipedrive", "maileon"):
        busy.sandbox.control("POST", "/misbehave", {"vendor": vendor, "webhooks": {"hold": True}})
    page.get_by_role("link", name="Try again").click()
    page.get_by_role("button", name="Try again").click()
    hub.drain()

    job.refresh_from_db()
    assert job.state == "done"
    assert "mary.jackson@example.com" in busy.contacts()


def test_a_vendor_that_is_down_is_seen_and_its_work_goes_on_afterwards(busy, operator, browse):
    busy.sandbox.control(
        "POST", "/misbehave", {"vendor": "maileon", "webhooks": {"hold": True}, "error_rate": 1.0, "error_status": 503}
    )
    busy.person("Zora Hurston")
    for delivery in busy.held():
        busy.post(delivery)
    hub.drain(due_now=False)
    page = browse(operator)
    page.goto(reverse("admin:index"))
    page.get_by_role("row", name="Maileon").get_by_role("link").nth(2).click()  # broken, of calls, refused, broken
    assert "503" in page.locator("#result_list").inner_text()
    page.goto(f"{reverse('console-find')}?q=zora.hurston@example.com")
    page.locator(".ls-timeline").get_by_role("link", name="Diagnose").first.click()
    assert "Credentials of Maileon" in page.locator("main, #main").first.inner_text()

    busy.sandbox.control("DELETE", "/misbehave")
    for vendor in ("pipedrive", "maileon"):
        busy.sandbox.control("POST", "/misbehave", {"vendor": vendor, "webhooks": {"hold": True}})
    Connection.objects.update(not_before=None)
    hub.drain()

    assert "zora.hurston@example.com" in busy.contacts()


def shoot(page, name):
    """Keep a picture when SCREENSHOTS names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)
