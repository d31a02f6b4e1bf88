"""Diagnose and Repair in the console: what is wrong, the button that mends it, who may press it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from integration.engine.dispatch import sweeper
from integration.models import Integration
from tenants.audit import AuditEntry
from tests.integration.admin.conftest import fresh
from tests.support import factories, hub


def address(row: Integration, name: str) -> str:
    return reverse(f"admin:integration_integration_{name}", args=[row.pk])


@pytest.fixture
def installed(transactional_db: None, sandbox: Any, settings: Any) -> Integration:
    settings.PUBLIC_URL = "https://hub.example.com"
    sweeper.sweep()
    return hub.install(sandbox.url)


def webhooks(sandbox: Any) -> dict[int, Any]:
    hooks: dict[int, Any] = sandbox.state.pipedrive.companies["acme"].webhooks
    return hooks


def test_nothing_wrong_is_said_first(console: Client, installed: Integration) -> None:
    text = console.get(address(installed, "diagnose")).content.decode()
    assert "Nothing is wrong." in text
    assert "Pipedrive accepts them" in text
    assert "Not OK" not in text


def test_the_integrations_page_has_the_button(console: Client, installed: Integration) -> None:
    page = console.get(reverse("admin:integration_integration_change", args=[installed.pk])).content.decode()
    assert address(installed, "diagnose") in page
    assert address(installed, "repair") not in page  # that one is on the diagnosis


def test_a_deleted_webhook_is_found_and_repaired_from_the_console(
    console: Client, installed: Integration, sandbox: Any
) -> None:
    webhooks(sandbox).clear()
    text = console.get(address(installed, "diagnose")).content.decode()
    assert "1 problem found. Repair fixes it." in text
    assert "3 of 3 webhooks are missing at Pipedrive" in text
    assert "Somebody deleted them" in text

    asked = console.get(address(installed, "repair")).content.decode()
    assert "Fields, options and webhooks that are missing are created again." in asked
    assert webhooks(sandbox) == {}
    assert not AuditEntry.objects.exists()

    text = console.post(address(installed, "repair"), follow=True).content.decode()
    assert "Nothing is wrong." in text
    assert "3 in place (3 created, 0 removed)" in text
    assert len(webhooks(sandbox)) == 3
    entry = AuditEntry.objects.get()
    assert (entry.row, entry.what) == (str(installed.pk), "Repaired: 8 steps, all done")


def test_a_refused_key_leads_to_its_connection(console: Client, installed: Integration, sandbox: Any) -> None:
    sandbox.control("PATCH", "/maileon/501", {"expired": True})
    text = console.get(address(installed, "diagnose")).content.decode()
    assert "The credentials were rejected." in text
    assert reverse("admin:integration_connection_change", args=[installed.right_id]) in text
    assert "Repair fixes" not in text

    text = console.post(address(installed, "repair"), follow=True).content.decode()
    assert "1 of 3 steps did not work." in text
    assert fresh(installed.right).health == "needs_you"
    assert "not done: Credentials of Maileon" in AuditEntry.objects.get().what


def test_dead_jobs_lead_to_their_list(console: Client, installed: Integration) -> None:
    factories.JobFactory(integration=installed, state="dead", reason="record_refused")
    text = console.get(address(installed, "diagnose")).content.decode()
    assert "Jobs dead: 1. The record was refused." in text
    assert "state=dead&amp;reason=record_refused" in text


def test_who_may_look_may_not_repair(signed_in: Any, installed: Integration, sandbox: Any) -> None:
    webhooks(sandbox).clear()
    viewer = signed_in("view_integration")
    text = viewer.get(address(installed, "diagnose")).content.decode()
    assert "webhooks are missing" in text
    assert address(installed, "repair") not in text
    for method in ("get", "post"):
        assert getattr(viewer, method)(address(installed, "repair")).status_code == 403
    assert webhooks(sandbox) == {}


@pytest.mark.parametrize("name", ["diagnose", "repair"])
def test_nobody_else_may_look(signed_in: Any, installed: Integration, name: str) -> None:
    assert signed_in("view_synclog").get(address(installed, name)).status_code == 403
    member = signed_in("view_integration", "change_integration", staff=False)
    assert member.get(address(installed, name)).status_code in (302, 403, 404)


@pytest.mark.parametrize(
    ("state", "name"), [("uninstalled", "diagnose"), ("uninstalled", "repair"), ("draft", "repair")]
)
def test_states_without_it(console: Client, rows: Any, state: str, name: str) -> None:
    Integration.objects.update(state=state)
    answer = console.post(address(rows.integration, name))
    assert answer["Location"] == reverse("admin:integration_integration_change", args=[rows.integration.pk])


def test_a_draft_is_told_to_save_its_settings(console: Client, installed: Integration) -> None:
    Integration.objects.update(state="draft", provisioning=[])
    text = console.get(address(installed, "diagnose")).content.decode()
    assert "It is not set up yet." in text
    assert address(installed, "settings") in text
    assert address(installed, "repair") not in text


@pytest.mark.chaos("W9")
def test_what_a_vendor_says_is_shown_and_not_run(console: Client, installed: Integration, sandbox: Any) -> None:
    sandbox.control("PATCH", "/maileon/501", {"name": "<script>alert(1)</script>"})
    assert "<script>alert" not in console.get(address(installed, "diagnose")).content.decode()
