"""Diagnosis and alerts in a real browser: accessible, light and dark, on a phone; faults are mended from there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.urls import reverse

from integration import tasks
from integration.engine.dispatch import sweeper
from integration.models import AlertNotice
from tests.support.browser import serious
from tests.support.factories import JobFactory, UserFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

PHONE = {"width": 360, "height": 740}


@pytest.fixture
def operator(db, settings):
    return UserFactory(is_staff=True, is_superuser=True, username="operator")


@pytest.fixture
def broken(world, settings):
    """A refused key, a deleted webhook and field, held and dead jobs, and the alerts about it."""
    settings.EMAIL_URL, settings.ALERT_EMAILS = "smtp://mail.example.com", ["ops@example.com"]
    sweeper.sweep()
    hooks = world.sandbox.state.pipedrive.companies["acme"].webhooks
    hooks.pop(min(hooks))
    key = world.integration.resources["status"]
    world.sandbox.control("DELETE", f"/pipedrive/acme/personFields/{key}")
    world.sandbox.control("PATCH", "/maileon/501", {"expired": True})
    tasks.check_integration(str(world.integration.pk))
    for number in range(12):
        JobFactory(integration=world.integration, external_id=f"h{number}", state="held", reason="credentials_refused")
    JobFactory(integration=world.integration, state="dead", reason="record_refused")
    tasks.watch()
    return world


def diagnosis(world):
    return reverse("admin:integration_integration_diagnose", args=[world.integration.pk])


def pages(world):
    alert = AlertNotice.objects.first().alert
    yield "diagnosis", diagnosis(world)
    yield "repair", reverse("admin:integration_integration_repair", args=[world.integration.pk])
    yield "alerts", reverse("admin:integration_alert_changelist")
    yield "alert", reverse("admin:integration_alert_change", args=[alert.pk])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_diagnosis_is_accessible(broken, operator, browse, scheme):
    page = browse(operator, color_scheme=scheme)
    for name, address in pages(broken):
        page.goto(address)
        shoot(page, f"{name}-{scheme}")
        if name in ("diagnosis", "repair"):
            assert serious(page, ".ls-card") == [], name


def test_it_fits_a_phone(broken, operator, browse):
    page = browse(operator, viewport=PHONE)
    for name, address in pages(broken):
        page.goto(address)
        shoot(page, f"{name}-phone")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], name


def test_found_and_mended_from_the_console_alone(broken, operator, browse):
    page = browse(operator)
    page.goto(reverse("admin:integration_integration_change", args=[broken.integration.pk]))
    page.get_by_role("link", name="Diagnose").first.click()
    assert "5 problems found" in page.locator(".ls-lead").inner_text()
    row = page.get_by_role("row", name="Credentials of Maileon")
    assert "has expired" in row.inner_text()

    broken.sandbox.control("PATCH", "/maileon/501", {"expired": False})
    page.get_by_role("link", name="Repair…").click()
    page.get_by_role("button", name="Repair").click()

    page.locator(".ls-lead").wait_for()
    assert "1 problem found" in page.locator(".ls-lead").inner_text()  # the dead job wants a look
    assert "steps are done" in page.content()
    tasks.watch()
    page.goto(reverse("admin:integration_alert_changelist"))
    assert "Over" in page.locator("#result_list").inner_text()


def shoot(page, name):
    """Keep a picture when SCREENSHOTS names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(folder) / f"console-{name}.png"), full_page=True)
