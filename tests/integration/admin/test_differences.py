"""The console's list of differences: found by filter, decided about in bulk, from the page of their integration."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integration.models import SyncRun
from tenants.audit import AuditEntry
from tests.integration.admin.conftest import fresh, story
from tests.integration.admin.test_actions import press
from tests.support import factories

pytestmark = pytest.mark.django_db
LIST = "/admin/integration/drift/"


@pytest.fixture
def found(rows: Any) -> Any:
    """One row of each kind that is open; the story's own is left as it is."""
    mine = {"integration": rows.integration}
    rows.differs = factories.DriftFactory(**mine, two_way=True)
    rows.one_way = factories.DriftFactory(**mine, field="CITY", since=timezone.now() - timedelta(days=40))
    rows.missing = factories.DriftFactory(**mine, kind="only_source", field="", ours=None, theirs=None)
    rows.only_there = factories.DriftFactory(**mine, kind="only_target", source_id="", field="", ours=None, theirs=None)
    return rows


def shown(console: Client, **query: Any) -> set[int]:
    return {row.pk for row in console.get(LIST, query).context["cl"].result_list}


def test_each_filter_narrows_the_list(console: Client, found: Any) -> None:
    other = story("Other", 7).drift
    everything = {row.pk for row in (found.drift, found.differs, found.one_way, found.missing, found.only_there)}
    assert shown(console) == everything | {other.pk}
    assert shown(console, tenant=found.tenant.pk) == everything
    assert shown(console, integration=found.integration.pk) == everything
    assert shown(console, recipe=found.integration.recipe) == everything | {other.pk}
    assert shown(console, recipe="hubspot_maileon") == set()
    assert shown(console, flow="person_to_contact") == everything | {other.pk}
    assert shown(console, state="left") == {found.drift.pk, other.pk}
    assert shown(console, kind="only_target") == {found.only_there.pk}
    assert shown(console, field="CITY") == {found.one_way.pk}
    assert shown(console, since="older30d") == {found.one_way.pk}
    assert found.one_way.pk not in shown(console, since="24h")


def test_a_row_names_the_products_and_shows_both_values(console: Client, found: Any) -> None:
    found.differs.source_id, found.differs.target_id = found.link.source_id, found.link.target_id
    found.differs.run, found.differs.field = found.run, "FULLNAME"
    found.differs.save()
    text = console.get(f"{LIST}{found.differs.pk}/change/").content.decode()
    for words in ("Different in Maileon", "Lovelace", "King", "Pipedrive", "FULLNAME"):
        assert words in text, words
    for row in (found.link, found.run, found.integration):
        assert reverse(f"admin:integration_{row._meta.model_name}_change", args=[row.pk]) in text
    assert f"/admin/find/?q={found.link.source_id}" in text
    assert "Missing in Maileon" in console.get(LIST).content.decode()
    assert "Only in Maileon" in console.get(LIST).content.decode()


def test_the_value_is_written_again_by_a_run_that_is_shown(console: Client, found: Any) -> None:
    everything = (found.differs, found.one_way, found.missing, found.only_there)
    page = press(console, "drift", "take_ours", *everything, confirmed=False)
    assert "The rows I selected: 3" in page.content.decode()
    assert not SyncRun.objects.filter(kind="repair").exists()

    answer = press(console, "drift", "take_ours", *everything)
    run = SyncRun.objects.get(kind="repair")
    assert answer["Location"] == reverse("admin:integration_syncrun_change", args=[run.pk])
    assert set(run.options["ids"]) == {found.differs.source_id, found.one_way.source_id, found.missing.source_id}
    assert run.requested_by is not None
    assert str(found.differs.pk) in AuditEntry.objects.get().what


def test_only_two_way_fields_are_taken_over(console: Client, found: Any) -> None:
    refused = console.post(LIST, {"action": "take_theirs", "_selected_action": [found.one_way.pk]}, follow=True)
    assert "synced in both directions" in refused.content.decode()
    assert (
        "The rows I selected: 1"
        in press(console, "drift", "take_theirs", found.differs, found.one_way, confirmed=False).content.decode()
    )


def test_what_is_left_is_open_again_when_somebody_asks(console: Client, operator: Any, found: Any) -> None:
    press(console, "drift", "leave", found.differs, found.missing)
    assert [fresh(row).state for row in (found.differs, found.missing, found.one_way)] == ["left", "left", "open"]
    assert fresh(found.differs).decided_by == operator
    press(console, "drift", "ask_again", found.differs)
    assert (fresh(found.differs).state, fresh(found.differs).decided_at) == ("open", None)
    assert [entry.what.split(":")[0] for entry in AuditEntry.objects.order_by("pk")] == [
        "Leave differences as they are", "Ask about differences again",
    ]  # fmt: skip


@pytest.mark.parametrize("action", ["take_ours", "take_theirs", "leave", "ask_again"])
def test_deciding_needs_the_change_permission(signed_in: Any, found: Any, action: str) -> None:
    viewer = signed_in("view_drift")
    assert f'value="{action}"' not in viewer.get(LIST).content.decode()
    press(viewer, "drift", action, found.differs, found.drift)
    assert [fresh(row).state for row in (found.differs, found.drift)] == ["open", "left"]
    assert not SyncRun.objects.filter(kind="repair").exists()
    assert not AuditEntry.objects.exists()


def test_compare_now_asks_then_starts_one_run_per_flow_that_can_be_compared(console: Client, rows: Any) -> None:
    page = f"/admin/integration/integration/{rows.integration.pk}/"
    assert f"{page}compare-now/" in console.get(f"{page}change/").content.decode()
    assert "Nothing is written." in console.get(f"{page}compare-now/").content.decode()
    assert not SyncRun.objects.filter(kind="compare").exists()

    answer = console.post(f"{page}compare-now/")
    runs = SyncRun.objects.filter(kind="compare")
    assert {run.flow for run in runs} >= {"person_to_contact"}
    assert "kind=compare" in answer["Location"]
    assert "Started" in AuditEntry.objects.get().what
    assert "under way already" in console.post(f"{page}compare-now/", follow=True).content.decode()
    assert SyncRun.objects.filter(kind="compare").count() == len(runs)


def test_diagnose_and_the_status_lead_to_the_list(console: Client, found: Any) -> None:
    page = f"/admin/integration/integration/{found.integration.pk}/"
    door = f"{LIST}?integration={found.integration.pk}&amp;state=open"
    assert door in console.get(f"{page}change/").content.decode()
    text = console.get(f"{page}diagnose/").content.decode()
    assert door in text
    assert "Show the differences" in text
