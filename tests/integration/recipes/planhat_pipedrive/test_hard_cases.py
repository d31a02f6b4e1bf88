"""Partial failures, the race of two writers, shared addresses, dry runs, restarts."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from integration.engine.dispatch import account_lock
from integration.engine.setup import provisioning
from integration.engine.sync import replay, router, runner, runs
from integration.models import Integration, RecordLink, SyncJob, SyncLog, SyncRun
from integration.recipes.registry import get_recipe
from integration.tasks import check_integration
from tests.support import hub
from tests.support.planhat_world import PLANHAT


def planhat(world, **options):
    world.sandbox.control("PATCH", f"/planhat/{PLANHAT}", options)


# Partial failures


@pytest.mark.chaos("V7")
@pytest.mark.parametrize("form", ["item", "nested", "text"])
def test_a_206_fails_just_the_people_it_is_about(world, form):
    planhat(world, error_form=form)
    org = world.organization("Engines")
    good = [world.person(f"Good {n}", org) for n in range(6)]
    bad = world.person("Bad One", org, email="nonsense")
    world.won(org)
    world.deliver()
    assert {row["sourceId"] for row in world.rows("endusers")} == set(good)
    log = SyncLog.objects.get(outcome="failed")
    assert (log.flow, log.source_id, log.reason) == ("person_to_enduser", bad, "record_refused")
    assert "email is invalid" in log.detail
    assert SyncJob.objects.get(state="dead").external_id == bad

    world.change("persons", bad, emails=[{"value": "bad@example.com", "primary": True}])
    replay.release([SyncJob.objects.get(state="dead")])
    hub.drain()
    assert {row["sourceId"] for row in world.rows("endusers")} == {*good, bad}


def test_a_company_that_is_refused_keeps_its_deal_waiting_and_no_other(world):
    world.sandbox.control("POST", f"/planhat/{PLANHAT}/customfields", {
        "name": "Code", "type": "text", "parent": "company", "isMandatory": True,
    })  # fmt: skip
    org = world.organization("Engines")
    deal = world.won(org)
    world.deliver()
    assert world.log(source_id=deal).reason == "company_failed"
    assert world.log(source_id=org, flow="organization_to_company").outcome == "failed"
    assert world.rows("licenses") == []

    field = next(row for row in world.rows("customfields") if row["name"] == "Code")
    world.sandbox.control("PATCH", f"/planhat/{PLANHAT}/customfields/{field['_id']}", {"isMandatory": False})
    replay.release(SyncJob.objects.filter(state="dead"))
    hub.drain()
    assert len(world.rows("licenses")) == 1


def test_a_missing_permission_holds_the_work_and_nothing_is_lost(world):
    planhat(world, denied=["license"])
    world.won(world.organization("Engines"))
    world.deliver()
    job = SyncJob.objects.get(flow="deal_to_license")
    assert (job.state, job.reason) == ("held", "permission_missing")
    planhat(world, denied=[])
    check_integration(str(world.integration.pk))
    hub.drain()
    assert len(world.rows("licenses")) == 1


# Addresses


def test_an_address_belongs_to_one_person(world):
    org = world.organization("Engines")
    first = world.person("Ada Lovelace", org, email="office@example.com")
    second = world.person("Ada's Office", org, email="Office@example.com")
    world.won(org)
    world.deliver()
    assert [row["sourceId"] for row in world.rows("endusers")] == [first]
    assert world.log(source_id=second).reason == "duplicate_email"


def test_a_person_without_an_address_goes_by_id_and_further_ones_go_along(world):
    world.sandbox.control("POST", "/assumptions", {"thrown": ["planhat.email_optional"]})
    org = world.organization("Engines")
    world.person("Silent Bob", org, email="")
    world.sandbox.control("POST", "/pipedrive/acme/persons", {"name": "Ada Lovelace", "org_id": int(org), "emails": [
        {"value": "ada@example.com", "primary": True}, {"value": "ada@home.example.com"},
    ]})  # fmt: skip
    world.won(org)
    world.deliver()
    rows = {row["lastName"]: row for row in world.rows("endusers")}
    assert "email" not in rows["Bob"]
    assert rows["Lovelace"]["otherEmails"] == ["ada@home.example.com"]


def test_the_survivor_of_a_merge_takes_the_address_and_its_end_user_over(world):
    org = world.organization("Engines")
    old = world.person("Ada Lovelace", org, email="ada@example.com")
    deal = world.won(org)
    world.deliver()
    before = world.rows("endusers")

    new = world.person("Ada King", org, email="")
    world.sandbox.control("POST", f"/pipedrive/acme/persons/{old}/merge", {"into": int(new)})
    world.change("persons", new, emails=[{"value": "ada@example.com", "primary": True}])
    world.change("deals", deal, value=5)
    world.deliver()

    [ada] = world.rows("endusers")
    assert (ada["_id"], ada["sourceId"], ada["lastName"]) == (before[0]["_id"], new, "King")
    assert RecordLink.objects.get(link_type="person", source_id=old).state == "removed"


def test_a_person_who_moved_keeps_the_address(world):
    org, other = world.organization("Engines"), world.organization("Prospect")
    ada = world.person("Ada Lovelace", org, email="ada@example.com")
    deal = world.won(org)
    world.deliver()
    world.change("persons", ada, org_id=int(other))
    world.person("Ada's Office", org, email="ada@example.com")
    world.change("deals", deal, value=5)
    world.deliver()

    assert [row["sourceId"] for row in world.rows("endusers")] == [ada]


# Two writers


@pytest.fixture
def second(world):
    """Another Pipedrive company of the tenant, in step with the same Planhat account."""
    made = world.sandbox.control(
        "POST", "/pipedrive/companies", {"domain": "other", "name": "Other", "plan": "unlimited"}
    )
    left = hub.connect(world.integration.tenant, "pipedrive", f"{world.sandbox.url}/pipedrive/other",
                       api_token=made["api_token"])  # fmt: skip
    return hub.install_between(world.integration.tenant, "planhat_pipedrive", left, world.integration.right, {})


def test_two_integrations_on_one_account_never_write_at_once(world, second):
    with_lease = Integration.objects.filter(pk=second.pk)
    with_lease.update(lease_token="x", lease_until=timezone.now() + timedelta(minutes=1))
    world.won(world.organization("Engines"))
    [world.post(delivery) for delivery in world.held()]
    router.route_new_events(get_recipe)
    SyncJob.objects.update(next_attempt_at=timezone.now())
    assert runner.run(str(world.integration.pk), get_recipe) == "busy"
    assert world.rows("companies") == []
    with_lease.update(lease_token="", lease_until=None)
    assert runner.run(str(world.integration.pk), get_recipe) == "idle"
    assert len(world.rows("companies")) == 1


def test_who_found_the_other_writing_is_rung_for(world, second, rings):
    runs.start(second, "fetch_all", "deal_to_license")
    first = Integration.objects.filter(pk=world.integration.pk)
    first.update(lease_token="x", lease_until=timezone.now() + timedelta(minutes=1))
    assert runner.run(str(second.pk), get_recipe) == "busy"
    first.update(lease_token="", lease_until=None)
    rings.clear()
    runner.run(str(world.integration.pk), get_recipe)
    assert str(second.pk) in rings
    assert account_lock.waiting(str(second.pk)) == [str(world.integration.pk)]


def test_concurrent_runners_of_one_account_do_not_meet_the_duplicate_error(world, second):
    """Both Pipedrive companies know the same person; with latency two upserts at once would end in an error."""
    for domain in ("acme", "other"):
        control = world.sandbox.control
        org = control("POST", f"/pipedrive/{domain}/organizations", {"name": domain, "visible_to": 3})["data"]["id"]
        control("POST", f"/pipedrive/{domain}/persons", {
            "name": "Ada Lovelace", "org_id": org, "emails": [{"value": "ada@example.com", "primary": True}],
        })  # fmt: skip
        control("POST", f"/pipedrive/{domain}/deals", {"title": "X", "org_id": org, "value": 5, "status": "won"})
    world.held()
    world.sandbox.control("POST", "/misbehave", {"vendor": "planhat", "latency_ms": 80})
    for integration in (world.integration, second):
        for flow in ("deal_to_license", "person_to_enduser", "note_to_note"):
            runs.start(integration, "fetch_all", flow)

    words: list[str] = []

    def work(integration):
        try:
            words.append(runner.run(str(integration.pk), get_recipe))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(row,)) for row in (world.integration, second)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    hub.drain()

    assert "busy" in words
    assert not SyncLog.objects.filter(outcome="failed").exists()
    assert not SyncRun.objects.exclude(state="done").exists()
    assert [row["email"] for row in world.rows("endusers")] == ["ada@example.com"]


# Runs


def test_a_dry_run_counts_everything_and_writes_nothing(world):
    org = world.organization("Engines")
    world.person("Ada Lovelace", org)
    world.note("x", org_id=org)
    world.won(org)
    world.deal(world.organization("Prospect"), title="open")
    world.won(None)
    world.held()
    counts = world.run(dry_run=True)
    assert counts["deal_to_license"] == {
        "create_company": 1, "create_license": 1, "skipped:deal_without_organization": 1,
    }  # fmt: skip
    assert counts["person_to_enduser"] == {"create_enduser": 1}
    assert counts["note_to_note"] == {"create_note": 1}
    assert set(world.counts().values()) == {0}
    assert not RecordLink.objects.exists()
    assert not SyncJob.objects.exists()
    assert world.run()["person_to_enduser"] == {"create_enduser": 1}


def test_runs_over_persons_and_notes_wait_for_the_deals_even_when_those_are_delayed(world):
    org = world.organization("Engines")
    world.person("Ada Lovelace", org)
    world.note("x", org_id=org)
    world.won(org)
    world.held()
    world.sandbox.control("POST", "/misbehave", {"vendor": "pipedrive", "fail_next": [
        {"status": 503, "path_contains": "/deals", "retry_after": 30},
    ]})  # fmt: skip
    for flow in ("note_to_note", "person_to_enduser", "deal_to_license"):
        runs.start(world.integration, "fetch_all", flow)
    runner.run(str(world.integration.pk), get_recipe)
    assert {run.done for run in SyncRun.objects.all()} == {0}
    assert not SyncRun.objects.filter(state="done").exists()

    SyncRun.objects.update(next_attempt_at=timezone.now())
    world.integration.left.__class__.objects.update(not_before=None)
    hub.drain()
    assert world.counts() == {"companies": 1, "endusers": 1, "licenses": 1, "sales": 0, "conversations": 1}


def test_a_poll_finds_the_deal_whose_webhook_was_lost(world):
    org = world.organization("Engines")
    world.person("Ada Lovelace", org)
    world.won(org)
    world.held()
    world.run("poll")
    assert world.counts() == {"companies": 1, "endusers": 1, "licenses": 1, "sales": 0, "conversations": 0}


def test_a_lost_answer_of_a_bulk_call_changes_nothing_in_the_end(world):
    org = world.organization("Engines")
    world.person("Ada Lovelace", org)
    world.won(org)
    for path in ("companies", "licenses", "endusers"):
        world.sandbox.control("POST", "/misbehave", {"vendor": "planhat", "fail_next": [
            {"status": 502, "method": "PUT", "path_contains": path, "after": True},
        ]})  # fmt: skip
    world.deliver()
    hub.drain()
    assert world.counts() == {"companies": 1, "endusers": 1, "licenses": 1, "sales": 0, "conversations": 0}


def test_a_start_field_that_vanishes_is_said_so(world):
    key = world.deal_field("Contract start")
    world.save(start_date=f"custom_fields.{key}")
    world.sandbox.control("DELETE", f"/pipedrive/acme/dealFields/{key}")
    results = {result.key: result for result in provisioning.provision(world.integration, get_recipe)}
    assert (results["deals"].ok, results["deals"].reason) == (False, "deal_field_missing")


def test_a_note_is_one_note_however_often_it_is_written(world):
    """Planhat finds a note by its own id alone: another key makes a second one."""
    org = world.organization("Engines")
    note = world.note("met at the fair", org_id=int(org))
    world.won(org)
    world.sandbox.control("POST", "/misbehave", {"vendor": "planhat", "fail_next": [
        {"status": 500, "path_contains": "conversations", "method": "PUT", "after": True},
    ]})  # fmt: skip
    world.deliver()
    world.sandbox.control("PATCH", f"/pipedrive/acme/notes/{note}", {"content": "met again"})
    world.won(org)
    world.deliver()

    assert [row["description"] for row in world.rows("conversations")] == ["met again"]
