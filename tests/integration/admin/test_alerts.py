"""Alerts in the console: what is open, what was, whom it concerns, and who was told."""

from __future__ import annotations

from typing import Any

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integration.models import Alert, AlertNotice
from tests.support import factories

LIST = reverse("admin:integration_alert_changelist")


def page(row: Alert) -> str:
    return reverse("admin:integration_alert_change", args=[row.pk])


def test_the_list_tells_open_ones_from_those_that_are_over(console: Client, rows: Any) -> None:
    factories.AlertFactory(resolved_at=timezone.now())
    text = console.get(LIST).content.decode()
    assert "Maileon refuses the key of ACME" in text
    assert "No worker is alive" in text
    text = console.get(LIST, {"state": "open"}).content.decode()
    assert "No worker is alive</a>" not in text
    assert "Maileon refuses the key of ACME" in text
    text = console.get(LIST, {"state": "over"}).content.decode()
    assert "Maileon refuses the key of ACME" not in text
    text = console.get(LIST, {"kind": "worker"}).content.decode()
    assert "Maileon refuses the key of ACME" not in text


def test_an_alert_leads_to_what_it_concerns_and_to_the_fix(console: Client, rows: Any) -> None:
    AlertNotice.objects.create(alert=rows.alert, channel="operators", moment="opened", state="given_up", attempts=25,
                               problem="ConnectionRefusedError")  # fmt: skip
    text = console.get(page(rows.alert)).content.decode()
    for row in (rows.tenant, rows.right, rows.integration):
        assert reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk]) in text
    assert reverse("admin:integration_integration_diagnose", args=[rows.integration.pk]) in text
    assert "Enter a new key or connect again." in text
    assert "Given up" in text
    assert "ConnectionRefusedError" in text


def test_an_alert_of_the_hub_concerns_no_tenant(console: Client) -> None:
    row = factories.AlertFactory(reason="worker_gone")
    text = console.get(page(row)).content.decode()
    assert "The hub as a whole." in text
    assert "Start or restart the workers" in text
    assert "Nobody was told" in text


def test_it_needs_its_own_permission_and_is_in_the_sidebar(signed_in: Any, rows: Any) -> None:
    viewer = signed_in("view_alert")
    assert viewer.get(LIST).status_code == viewer.get(page(rows.alert)).status_code == 200
    assert f'href="{LIST}"' in viewer.get(LIST).content.decode()
    other = signed_in("view_synclog")
    assert other.get(LIST).status_code == other.get(page(rows.alert)).status_code == 403
    assert f'href="{LIST}"' not in other.get("/admin/").content.decode()


def test_tenants_cannot_see_them(rows: Any) -> None:
    client = Client()
    client.force_login(factories.MemberFactory(tenant=rows.tenant).user)
    assert client.get(LIST).status_code in (302, 403, 404)
    assert client.get(page(rows.alert)).status_code in (302, 403, 404)
