"""Buttons: ask first, need the change permission, call the engine, leave an audit line, delete nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from integration.models import Integration, RecordLink, SyncJob, SyncLog, SyncRun, WebhookEvent
from tenants.audit import AuditEntry
from tests.integration.admin.conftest import fresh
from tests.support import factories

READ_ONLY = (
    "webhookevent",
    "syncjob",
    "syncrun",
    "synclog",
    "recordlink",
    "drift",
    "vendorcall",
    "fieldmapping",
    "alert",
)
ATTRIBUTES = {"webhookevent": "event", "syncjob": "job", "syncrun": "run", "synclog": "log", "recordlink": "link",
              "drift": "drift", "vendorcall": "call", "fieldmapping": "mapping", "alert": "alert"}  # fmt: skip
BULK = [
    ("webhookevent", "replay"),
    ("syncjob", "release"),
    ("synclog", "resync"),
    ("recordlink", "resync"),
    ("drift", "ask_again"),
]
BUTTONS = ["settings", "fetch-all", "pause", "uninstall"]


def address(name: str, page: str = "changelist", *args: Any) -> str:
    return reverse(f"admin:integration_{name}_{page}", args=args)


def press(
    client: Client, name: str, action: str, *rows: Any, confirmed: bool = True, query: str = "", **more: Any
) -> Any:
    data = {"action": action, "_selected_action": [row.pk for row in rows], **more}
    if confirmed:
        data["confirmed"] = "yes"
    return client.post(address(name) + query, data)


@pytest.mark.parametrize("name", READ_ONLY)
def test_history_cannot_be_written(console: Client, rows: Any, name: str) -> None:
    row = getattr(rows, ATTRIBUTES[name])
    before = type(row).objects.values().get(pk=row.pk)
    for page, *args in (("add",), ("change", row.pk), ("delete", row.pk)):
        assert console.post(address(name, page, *args), {"state": "done", "post": "yes"}).status_code == 403
    press(console, name, "delete_selected", row, post="yes")
    assert type(row).objects.values().get(pk=row.pk) == before


@pytest.mark.chaos("H6")
@pytest.mark.parametrize(("name", "action"), BULK)
def test_an_action_asks_before_it_does_anything(
    console: Client, rows: Any, rings: list[str], name: str, action: str
) -> None:
    row = getattr(rows, ATTRIBUTES[name])
    page = press(console, name, action, row, confirmed=False)
    text = page.content.decode()
    assert page.status_code == 200
    assert "The rows I selected: 1" in text
    assert address(name, "change", row.pk) in text  # the sample
    assert fresh(rows.job).state == "dead"
    assert fresh(rows.event).state == "routed"
    assert rings == []
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(("name", "action"), BULK)
def test_an_action_needs_the_change_permission(
    signed_in: Any, rows: Any, rings: list[str], name: str, action: str
) -> None:
    viewer = signed_in(f"view_{name}")
    row = getattr(rows, ATTRIBUTES[name])
    assert viewer.get(address(name)).status_code == 200
    assert f'value="{action}"' not in viewer.get(address(name)).content.decode()
    press(viewer, name, action, row)
    assert fresh(rows.job).state == "dead"
    assert fresh(rows.event).state == "routed"
    assert rings == []
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(("name", "action"), BULK)
def test_an_action_leaves_one_audit_line(signed_in: Any, rows: Any, name: str, action: str) -> None:
    operator = signed_in(f"view_{name}", f"change_{name}")
    assert press(operator, name, action, getattr(rows, ATTRIBUTES[name])).status_code == 302
    said = list(AuditEntry.objects.values_list("what", flat=True))
    assert len(said) == 1
    assert str(getattr(rows, ATTRIBUTES[name]).pk) in said[0]
    assert WebhookEvent.objects.count() == SyncJob.objects.count() == RecordLink.objects.count() == 1


def test_replay_routes_events_again(console: Client, rows: Any) -> None:
    press(console, "webhookevent", "replay", rows.event)
    assert fresh(rows.event).state == "new"


def test_release_puts_dead_and_held_jobs_back(console: Client, rows: Any) -> None:
    held = factories.JobFactory(integration=rows.integration, state="held", reason="credentials_refused")
    done = factories.JobFactory(integration=rows.integration, state="done")
    press(console, "syncjob", "release", rows.job, held, done)
    assert [fresh(job).state for job in (rows.job, held, done)] == ["waiting", "waiting", "done"]


def test_release_says_when_there_is_nothing_to_release(console: Client, rows: Any) -> None:
    done = factories.JobFactory(integration=rows.integration, state="done")
    SyncJob.objects.filter(pk=rows.job.pk).update(state="running")
    page = console.post(address("syncjob"), {"action": "release", "_selected_action": [done.pk]}, follow=True)
    assert "Only dead and held jobs can be released." in page.content.decode()


def test_resync_of_log_rows_and_links_queues_their_source_records(console: Client, rows: Any) -> None:
    SyncJob.objects.all().delete()
    press(console, "synclog", "resync", rows.log)
    job = SyncJob.objects.get()
    assert (job.integration, job.flow, job.external_id) == (rows.integration, "person_to_contact", "42")
    job.delete()
    press(console, "recordlink", "resync", rows.link)
    job = SyncJob.objects.get()
    assert (job.flow, job.external_id, job.hint, job.state) == (
        "person_to_contact",
        "42",
        {"resync": True, "certain": True},
        "waiting",
    )


def test_nothing_is_resynced_after_uninstall(console: Client, rows: Any) -> None:
    SyncJob.objects.all().delete()
    Integration.objects.update(state="uninstalled")
    press(console, "synclog", "resync", rows.log)
    assert not SyncJob.objects.exists()


def test_an_action_can_take_all_rows_of_the_filter(console: Client, rows: Any) -> None:
    for number in range(70):
        factories.JobFactory(integration=rows.integration, state="held", external_id=f"held-{number}")
    untouched = factories.JobFactory(state="dead")  # another integration
    query = f"?integration={rows.integration.pk}"
    text = press(console, "syncjob", "release", rows.job, confirmed=False, query=query).content.decode()
    assert "All rows the list shows with its filters: 71" in text
    press(console, "syncjob", "release", rows.job, query=query, scope="listed")
    assert SyncJob.objects.filter(integration=rows.integration, state="waiting").count() == 71
    assert fresh(untouched).state == "dead"
    assert "71 of 71 rows" in AuditEntry.objects.get().what


def test_an_action_takes_no_row_that_was_not_chosen(console: Client, rows: Any) -> None:
    other = factories.JobFactory(integration=rows.integration, state="held", external_id="other")
    press(console, "syncjob", "release", rows.job)
    assert (fresh(rows.job).state, fresh(other).state) == ("waiting", "held")


# One row's buttons


@pytest.mark.parametrize("button", [*BUTTONS, "resume"])
def test_integration_buttons_open_without_doing_anything(console: Client, rows: Any, button: str) -> None:
    before = Integration.objects.values().get()
    page = console.get(f"/admin/integration/integration/{rows.integration.pk}/{button}/")
    assert page.status_code == (302 if button == "resume" else 200)
    assert Integration.objects.values().get() == before
    assert not SyncRun.objects.exclude(pk=rows.run.pk).exists()


@pytest.mark.parametrize("button", [*BUTTONS, "resume"])
def test_integration_buttons_need_the_change_permission(signed_in: Any, rows: Any, button: str) -> None:
    viewer = signed_in("view_integration", "view_fieldmapping")
    before = Integration.objects.values().get()
    page = viewer.post(f"/admin/integration/integration/{rows.integration.pk}/{button}/", {"sure": "on"})
    assert page.status_code == 403
    assert Integration.objects.values().get() == before
    text = viewer.get(address("integration", "change", rows.integration.pk)).content.decode()
    assert "Fetch All" not in text
    assert not AuditEntry.objects.exists()


def test_buttons_of_a_row_that_does_not_exist_are_404(console: Client, db: None) -> None:
    assert console.get("/admin/integration/integration/9d1f0bc4-0000-4000-8000-000000000000/pause/").status_code == 404
    assert console.get("/admin/integration/integration/nonsense/pause/").status_code == 404


def test_pause_and_resume(console: Client, operator: Any, rows: Any) -> None:
    here = f"/admin/integration/integration/{rows.integration.pk}"
    console.post(f"{here}/pause/")
    assert (fresh(rows.integration).state, fresh(rows.integration).paused_by) == ("paused", operator)
    assert "Paused, operator" in console.get(f"{here}/change/").content.decode()
    console.post(f"{here}/pause/")  # a double click does nothing twice
    console.post(f"{here}/resume/")
    assert fresh(rows.integration).state == "active"
    assert list(AuditEntry.objects.order_by("id").values_list("what", flat=True)) == ["Paused", "Resumed"]


@pytest.mark.parametrize(
    ("data", "dry_run", "allow_doi"),
    [({"dry_run": "on", "allow_doi": "no"}, True, False), ({"allow_doi": "yes"}, False, True),
     ({"allow_doi": "no"}, False, False)],
)  # fmt: skip
def test_fetch_all(console: Client, operator: Any, rows: Any, data: Any, dry_run: bool, allow_doi: bool) -> None:
    page = console.post(f"/admin/integration/integration/{rows.integration.pk}/fetch-all/", data)
    run = SyncRun.objects.latest("id")
    assert page["Location"] == address("syncrun", "change", run.pk)
    assert (run.kind, run.dry_run, run.options, run.requested_by) == (
        "fetch_all", dry_run, {"allow_doi": allow_doi}, operator,
    )  # fmt: skip


def test_fetch_all_defaults_to_the_harmless_choice(console: Client, rows: Any) -> None:
    form = console.get(f"/admin/integration/integration/{rows.integration.pk}/fetch-all/").context["form"]
    assert (form["dry_run"].value(), form["allow_doi"].value()) == (True, "no")


def test_fetch_all_asks_about_opt_in_mails_only_where_there_are_some(console: Client, rows: Any) -> None:
    Integration.objects.update(settings={"doi_enabled": False})
    form = console.get(f"/admin/integration/integration/{rows.integration.pk}/fetch-all/").context["form"]
    assert "allow_doi" not in form.fields


def test_a_second_fetch_all_leads_to_the_first(console: Client, rows: Any) -> None:
    here = f"/admin/integration/integration/{rows.integration.pk}/fetch-all/"
    first = console.post(here, {"dry_run": "on", "allow_doi": "no"})["Location"]
    assert console.post(here, {"dry_run": "on", "allow_doi": "no"})["Location"] == first
    assert SyncRun.objects.filter(state="waiting").count() == 1


def test_a_run_is_cancelled_once(console: Client, rows: Any) -> None:
    run = factories.RunFactory(integration=rows.integration, state="running")
    assert "Cancel" in console.get(address("syncrun", "change", run.pk)).content.decode()
    assert console.get(f"/admin/integration/syncrun/{run.pk}/cancel/").status_code == 200
    assert not fresh(run).cancel_requested
    console.post(f"/admin/integration/syncrun/{run.pk}/cancel/")
    assert fresh(run).cancel_requested
    assert "/cancel/" not in console.get(address("syncrun", "change", run.pk)).content.decode()
    assert AuditEntry.objects.get().what == "Cancelled"


def test_a_cancelled_run_continues(console: Client, rows: Any) -> None:
    """With the same options, from where it stopped; the button is there only then."""
    run = factories.RunFactory(integration=rows.integration, state="cancelled", flow="deal_to_event", cursor=3)
    assert "/resume/" in console.get(address("syncrun", "change", run.pk)).content.decode()
    assert console.get(f"/admin/integration/syncrun/{run.pk}/resume/").status_code == 200
    assert SyncRun.objects.filter(options__continues=run.pk).count() == 0

    console.post(f"/admin/integration/syncrun/{run.pk}/resume/")

    again = SyncRun.objects.get(options__continues=run.pk)
    assert (again.flow, again.cursor) == ("deal_to_event", 3)
    assert "/resume/" not in console.get(address("syncrun", "change", again.pk)).content.decode()


def test_uninstall_says_what_it_destroys_and_wants_to_be_told_twice(console: Client, rows: Any) -> None:
    here = f"/admin/integration/integration/{rows.integration.pk}/uninstall/"
    text = console.get(here).content.decode()
    assert "up to 1 webhooks are removed, and the credentials are erased" in text
    assert "Unfinished jobs that are dropped: 1. Record links that are dropped: 1." in text
    assert console.post(here).status_code == 200
    assert fresh(rows.integration).state == "active"
    assert SyncLog.objects.get().changes


@pytest.mark.chaos("H6")
def test_many_rows_become_a_run_with_progress(console: Client, rows: Any) -> None:
    failed = [
        factories.LogFactory(integration=rows.integration, source_id=str(n), outcome="failed", reason="record_refused")
        for n in range(100, 130)
    ]
    factories.LogFactory(integration=rows.integration, source_id="7", outcome="synced")
    query = f"?outcome__exact=failed&integration={rows.integration.pk}&reason=record_refused"

    asked = press(console, "synclog", "resync", failed[0], confirmed=False, query=query).content.decode()
    answer = press(console, "synclog", "resync", failed[0], query=query, scope="listed")

    run = SyncRun.objects.get(kind="resync")
    assert "All rows the list shows with its filters: 31" in asked
    assert answer.url == reverse("admin:integration_syncrun_change", args=[run.pk])
    assert len(run.options["ids"]) == 31
    assert "7" not in run.options["ids"]
    assert (run.requested_by.username, fresh(rows.job).state) == ("operator", "dead")
    page = console.get(answer.url).content.decode()
    assert "Cancel" in page
    assert "1 runs over 31 rows" in AuditEntry.objects.latest("pk").what


@pytest.mark.chaos("H6")
def test_many_events_become_a_run(console: Client, rows: Any) -> None:
    events = [
        factories.EventFactory(connection=rows.left, vendor_event="person.change", external_id=str(n), state="routed")
        for n in range(200, 225)
    ]
    press(console, "webhookevent", "replay", *events)

    run = SyncRun.objects.get(kind="replay")
    assert (run.flow, len(run.options["ids"])) == ("person_to_contact", 25)
    assert not WebhookEvent.objects.filter(state="new").exists()


def test_all_integrations_of_a_tenant_are_paused_and_resumed(console: Client, rows: Any) -> None:
    other = factories.IntegrationFactory(tenant=rows.tenant)
    foreign = factories.IntegrationFactory()
    query = f"?tenant__id__exact={rows.tenant.pk}"

    asked = press(console, "integration", "pause_selected", rows.integration, confirmed=False, query=query)
    press(console, "integration", "pause_selected", rows.integration, query=query, scope="listed")

    assert "All rows the list shows with its filters: 2" in asked.content.decode()
    assert [fresh(row).state for row in (rows.integration, other, foreign)] == ["paused", "paused", "active"]
    assert fresh(other).paused_by.username == "operator"
    press(console, "integration", "resume_selected", rows.integration, other)
    assert [fresh(row).state for row in (rows.integration, other)] == ["active", "active"]
    assert AuditEntry.objects.filter(what__startswith="Pause integrations").count() == 1


def test_disconnecting_several_says_what_is_lost_first(console: Client, signed_in: Any, rows: Any) -> None:
    assert (
        "This cannot be undone"
        in press(console, "integration", "uninstall_selected", rows.integration, confirmed=False).content.decode()
    )
    viewer = signed_in("view_integration")
    press(viewer, "integration", "uninstall_selected", rows.integration)
    assert fresh(rows.integration).state == "active"

    press(console, "integration", "uninstall_selected", rows.integration)

    assert fresh(rows.integration).state == "uninstalled"
    assert fresh(rows.left).health == "disconnected"
