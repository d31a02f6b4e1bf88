"""Every list and every row's page opens, with few queries, and shows nothing it must not."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from tests.integration.admin.conftest import ADA, story

NOUNS = {
    "integration_webhookevent": "event", "integration_syncjob": "job", "integration_syncrun": "run",
    "integration_synclog": "log", "integration_recordlink": "link", "integration_vendorcall": "call",
    "integration_connection": "left", "integration_integration": "integration", "integration_fieldmapping": "mapping",
    "integration_alert": "alert", "integration_drift": "drift", "tenants_tenant": "tenant", "tenants_member": "member",
}  # fmt: skip
REGISTERED = sorted(f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry)
LIST_QUERIES = 14  # session, user, filters, rows and what belongs to them; the same for one row and for a hundred


def test_every_noun_has_a_list(rows: Any) -> None:
    assert set(NOUNS) <= set(REGISTERED)


@pytest.mark.parametrize("name", REGISTERED)
def test_lists_open_and_hold_no_address(console: Client, rows: Any, name: str) -> None:
    page = console.get(reverse(f"admin:{name}_changelist"))
    assert page.status_code == 200
    assert ADA not in page.content.decode()


@pytest.mark.parametrize("name", REGISTERED)
def test_empty_lists_open(console: Client, name: str) -> None:
    assert console.get(reverse(f"admin:{name}_changelist")).status_code == 200


@pytest.mark.parametrize("name", sorted(NOUNS))
def test_rows_open(console: Client, rows: Any, name: str) -> None:
    page = console.get(reverse(f"admin:{name}_change", args=[getattr(rows, NOUNS[name]).pk]))
    assert page.status_code == 200
    assert "<script>alert" not in page.content.decode()


def test_lists_do_not_ask_row_by_row(console: Client, rows: Any, django_assert_max_num_queries: Any) -> None:
    for number in range(8):
        story(f"Tenant {number}", 100 + number)
    for name in NOUNS:
        evidence = 8 if name == "integration_integration" else 1 if name == "integration_connection" else 0
        with django_assert_max_num_queries(LIST_QUERIES + evidence, info=name):
            assert console.get(reverse(f"admin:{name}_changelist")).status_code == 200


@pytest.mark.chaos("W9")
def test_text_of_people_is_shown_and_not_run(console: Client, rows: Any) -> None:
    for address in ("event", "run", "log", "link", "call", "drift"):
        row = getattr(rows, address)
        name = f"admin:integration_{row._meta.model_name}_change"
        text = console.get(reverse(name, args=[row.pk])).content.decode()
        assert "&lt;" in text, address
        for harm in ("<script>alert", "<b>sent", "<i>A", "<u>Ada"):
            assert harm not in text, address


def test_a_log_row_leads_to_everything(console: Client, rows: Any) -> None:
    text = console.get(reverse("admin:integration_synclog_change", args=[rows.log.pk])).content.decode()
    for row in (rows.event, rows.job, rows.run, rows.link, rows.call, rows.integration):
        assert reverse(f"admin:integration_{row._meta.model_name}_change", args=[row.pk]) in text
    assert "The record was refused." in text
    assert "A value does not fit" in text  # the cause
    assert "then sync the record again" in text  # the fix
    assert "The vendor says no." in text
    assert "&lt;b&gt;sent" in text  # the request


def test_a_run_shows_progress_counts_and_samples(console: Client, rows: Any) -> None:
    text = console.get(reverse("admin:integration_syncrun_change", args=[rows.run.pk])).content.decode()
    assert "3 of 3" in text
    assert "took 3 seconds" in text
    assert "No email address." in text
    assert "&lt;script&gt;alert(2)" in text


def test_states_are_words_with_a_sign(console: Client, rows: Any) -> None:
    type(rows.left).objects.filter(pk=rows.left.pk).update(health="needs_you", health_reason="credentials_refused")
    text = console.get(reverse("admin:integration_connection_changelist")).content.decode()
    assert "Needs attention" in text
    assert "Connected" in text
    assert "12,345 of 30,000" in text
    text = console.get(reverse("admin:integration_connection_change", args=[rows.left.pk])).content.decode()
    assert "Enter a new key or connect again." in text


def test_lists_open_when_the_key_is_lost(console: Client, rows: Any, settings: Any) -> None:
    settings.LOCKSTEP_SECRET_KEYS = ["b" * 43 + "="]
    for name in REGISTERED:
        assert console.get(reverse(f"admin:{name}_changelist")).status_code == 200
    for name, attribute in NOUNS.items():
        address = reverse(f"admin:{name}_change", args=[getattr(rows, attribute).pk])
        assert console.get(address).status_code == 200, name
    assert console.get("/admin/").status_code == 200
    assert console.get("/admin/find/", {"q": ADA}).status_code == 200


def test_the_filter_by_reason_offers_those_of_the_chosen_integration(console: Client, rows: Any) -> None:
    everything = console.get("/admin/integration/synclog/").content.decode()
    chosen = console.get(f"/admin/integration/synclog/?integration={rows.integration.pk}").content.decode()

    assert "LeadBoxer → Pipedrive: The lead score is too low." in everything
    assert "The contact was deleted in Maileon." in chosen
    assert "The lead score is too low." not in chosen
