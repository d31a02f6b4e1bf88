"""Comparisons: what somebody changed behind our back is found, field by field, and nothing is written for it."""

from __future__ import annotations

import pytest
from django.utils import timezone

from integration.connectors.maileon.records import Contact
from integration.engine.flow.base import Page
from integration.engine.sync import compared, drifts, runs
from integration.engine.sync.repair import Take
from integration.models import ComparedRecord, Drift, RecordLink, SyncJob, SyncLog, SyncRun
from tests.support import hub
from tests.support.factories import RunFactory

FLOW = "person_to_contact"


def compare(world, flow=FLOW, **options):
    run = runs.start(world.integration, "compare", flow, options=options)
    hub.drain()
    run.refresh_from_db()
    assert (run.state, run.problem) == ("done", "")
    return run


def counts(run):
    """Without the four who were there before and never asked for anything."""
    return {key: count for key, count in run.counts.items() if key != "skipped:newsletter_never_asked"}


def found(world):
    rows = Drift.objects.filter(integration=world.integration).order_by("source_id", "field")
    return [(row.kind, row.source_id, row.field, row.ours, row.theirs, row.state) for row in rows]


@pytest.fixture
def crowd(world, full_slices):
    """Two people in step with Maileon, by the click in their mail."""
    ids = {}
    for name in ("Ada Lovelace", "Grace Hopper"):
        email = f"{name.split()[0].lower()}@example.com"
        ids[email] = world.person(name, email=email)
        world.deliver()
        world.click(email)
    world.deliver()
    return ids


def rename_there(world, email, name):
    client = hub.client_of(world.integration.right)
    client.update_contact(email, Contact(email, standard_fields={"LASTNAME": name}))


def test_two_sides_that_are_alike_have_no_difference(world, crowd):
    run = compare(world)

    assert counts(run) == {"same": 2}
    assert found(world) == []
    assert not ComparedRecord.objects.exists(), "what was read of the target goes with the run"


def test_a_name_edited_in_maileon_is_found_though_nothing_told_of_it(world, crowd):
    rename_there(world, "ada@example.com", "King")
    logged, links = SyncLog.objects.count(), list(RecordLink.objects.values())

    run = compare(world)

    assert counts(run) == {"same": 1, "differs": 1}
    assert found(world) == [("differs", crowd["ada@example.com"], "LASTNAME", "Lovelace", "King", "open")]
    assert world.contacts()["ada@example.com"]["standard"]["LASTNAME"] == "King", "a comparison writes nothing"
    assert (SyncLog.objects.count(), list(RecordLink.objects.values())) == (logged, links)


def test_a_difference_that_is_gone_is_dropped_and_one_that_stays_keeps_its_age(world, crowd):
    rename_there(world, "ada@example.com", "King")
    rename_there(world, "grace@example.com", "Murray")
    compare(world)
    before = Drift.objects.get(source_id=crowd["grace@example.com"]).since
    rename_there(world, "ada@example.com", "Lovelace")

    compare(world)

    assert [row[1] for row in found(world)] == [crowd["grace@example.com"]]
    assert Drift.objects.get().since == before


def test_what_is_left_as_it_is_is_asked_about_again_only_once_it_changes(world, crowd):
    rename_there(world, "ada@example.com", "King")
    compare(world)
    drifts.leave(Drift.objects.all(), None)

    compare(world)
    assert [row[-1] for row in found(world)] == ["left"]
    rename_there(world, "ada@example.com", "Byron")
    compare(world)
    assert [row[-1] for row in found(world)] == ["open"]


def test_a_contact_deleted_in_maileon_is_only_at_the_source(world, crowd):
    hub.client_of(world.integration.right).delete_contact("ada@example.com")

    run = compare(world)

    assert counts(run) == {"same": 1, "only_source": 1}
    assert [row[:2] for row in found(world)] == [("only_source", crowd["ada@example.com"])]


def test_a_contact_that_nobody_at_the_source_goes_with_is_only_at_the_target(world, crowd):
    hub.client_of(world.integration.right).create_contact(Contact("stranger@example.com"), permission=2)

    run = compare(world)

    assert counts(run) == {"same": 2, "only_target": 1}
    assert [row[0] for row in found(world)] == ["only_target"]


def test_who_is_kept_out_by_rule_is_counted_by_it(world, crowd):
    world.person("Bo Diddley", email="")
    world.person("Nay Sayer", newsletter="No", email="nay@example.com")
    world.person("Not Asked", email="new@example.com")
    world.held()

    run = compare(world)

    assert counts(run) == {
        "same": 2, "skipped:no_email": 1, "skipped:newsletter_no": 1, "skipped:not_asked_existing": 1,
    }  # fmt: skip


def test_a_change_that_waits_is_no_difference(world, crowd):
    SyncJob.objects.all().delete()
    world.change(crowd["ada@example.com"], name="Ada King")
    world.held()
    SyncJob.objects.create(
        integration=world.integration, flow=FLOW, external_id=crowd["ada@example.com"], state="held", reason="x"
    )

    run = compare(world)

    assert counts(run) == {"same": 1, "waiting": 1}
    assert found(world) == []


def test_the_tenant_beside_sees_nothing_of_it(world, crowd):
    from tests.support.factories import IntegrationFactory

    other = IntegrationFactory()
    rename_there(world, "ada@example.com", "King")
    compare(world)
    assert not Drift.objects.filter(integration=other).exists()


# Repair


def repair(world, take, rows=None):
    from integration.engine.sync import bulk_runs
    from integration.recipes.registry import get_recipe

    started = bulk_runs.start_repair(Drift.objects.all() if rows is None else rows, take, get_recipe, None)
    hub.drain()
    for run in started.runs:
        run.refresh_from_db()
        assert (run.state, run.problem) == ("done", "")
    return started


def test_a_repair_writes_what_the_source_says_and_the_finding_goes_by_proof(world, crowd):
    rename_there(world, "ada@example.com", "King")
    compare(world)
    mails = list(world.mails())

    [run] = repair(world, Take.OURS).runs

    assert world.contacts()["ada@example.com"]["standard"]["LASTNAME"] == "Lovelace"
    assert run.counts == {"repaired": 1}
    assert SyncLog.objects.get(run=run).action == "repaired"
    assert found(world) == []
    assert world.mails() == mails, "nobody is asked anew"


def test_a_repair_never_brings_back_who_left(world, crowd):
    hub.client_of(world.integration.right).delete_contact("ada@example.com")
    compare(world)

    repair(world, Take.OURS)

    assert "ada@example.com" not in world.contacts()


def test_what_only_the_source_may_say_is_not_taken_from_the_target(world, crowd):
    rename_there(world, "ada@example.com", "King")
    compare(world)

    assert repair(world, Take.THEIRS).runs == []
    assert world.contacts()["ada@example.com"]["standard"]["LASTNAME"] == "King"


def test_sync_now_believes_the_person_over_what_is_remembered(world, crowd):
    from integration.engine.sync import replay

    rename_there(world, "ada@example.com", "King")
    replay.resync(world.integration, FLOW, [crowd["ada@example.com"]])
    hub.drain()
    assert world.contacts()["ada@example.com"]["standard"]["LASTNAME"] == "Lovelace"


@pytest.mark.parametrize(("certain", "name"), [(True, "Lovelace"), (False, "King")])
def test_a_fetch_all_that_is_to_be_certain_writes_what_it_remembers_as_written(world, crowd, certain, name):
    rename_there(world, "ada@example.com", "King")
    runs.start(world.integration, "fetch_all", FLOW, options={"allow_doi": False, "certain": certain})
    hub.drain()
    assert world.contacts()["ada@example.com"]["standard"]["LASTNAME"] == name


def test_what_was_found_of_somebody_goes_with_their_data(world, crowd):
    from integration.engine.privacy import personal_data
    from integration.recipes.registry import get_recipe

    rename_there(world, "ada@example.com", "King")
    compare(world)
    tenant = world.integration.tenant
    [row] = personal_data.export(tenant, "ada@example.com", get_recipe)["differences"]
    assert (row["field"], row["theirs"]) == ("LASTNAME", "King")

    personal_data.erase(tenant, "ada@example.com", get_recipe)

    assert not Drift.objects.exists()


def test_an_uninstalled_integration_keeps_no_finding(world, crowd):
    from integration.engine.setup import lifecycle

    rename_there(world, "ada@example.com", "King")
    compare(world)
    lifecycle.strip_personal_data(world.integration)
    assert not Drift.objects.exists()


def test_every_week_each_flow_that_can_be_compared_is(world, crowd):
    from integration import tasks

    assert tasks.compare_all() == "1 comparisons"
    hub.drain()
    assert SyncRun.objects.get(kind="compare").counts["same"] == 2


def test_an_event_that_comes_in_meanwhile_does_not_talk_a_person_out_of_it():
    from integration.engine.dispatch.jobs import merged

    asked = SyncJob(hint={"resync": True, "certain": True}, state="waiting")
    assert merged(asked, SyncJob(hint={"told": True}, event_id=7)) == {"certain": True, "told": True}


# Larger than its budget


def test_what_a_broken_off_comparison_kept_is_dropped_within_the_hour(world, crowd):
    from integration.engine.privacy import retention

    run = RunFactory(integration=world.integration, kind="compare", state="cancelled", finished_at=timezone.now())
    ComparedRecord.objects.create(run=run, record_id="1")
    retention.purge()
    assert not ComparedRecord.objects.exists()


def test_an_account_larger_than_its_budget_is_compared_in_samples_one_after_the_other(world, crowd, monkeypatch):
    """Half of what is free may be used; the next comparison goes on where this one stopped."""
    from integration.engine.sync import compare_budget

    rename_there(world, "grace@example.com", "Murray")
    monkeypatch.setattr(compare_budget, "used_up", lambda ctx, run: run.done >= 0)
    monkeypatch.setattr(runs.compare, "source_page", by_two(runs.compare.source_page))
    seen = set()

    for _ in range(4):
        run = compare(world)
        seen |= {row[1] for row in found(world)}
        assert (run.options["sampled"], run.done <= 2, run.total) == (True, True, 6)

    assert seen == {crowd["grace@example.com"]}, "found in its sample, and not forgotten in the others"
    assert [row[1] for row in found(world)] == [crowd["grace@example.com"]]


def by_two(whole):
    """Pages of two, whatever the vendor gives at once."""

    def page(ctx, flow, cursor):
        given = whole(ctx, flow, None)
        start = int(cursor or 0)
        items = given.items[start : start + 2]
        following = start + 2 if start + 2 < len(given.items) else None
        return Page(items, given.records, following)

    return page


# What a review of repairing found


def test_a_repair_subscribes_nobody_whose_link_has_ended(world, full_slices):
    world.integration.settings = {**world.integration.settings, "doi_enabled": False, "permission": "1"}
    world.integration.save()
    person = world.person("Ada Lovelace", email="ada@example.com")
    world.deliver()
    RecordLink.objects.filter(source_id=person).update(state="removed")
    hub.client_of(world.integration.right).delete_contact("ada@example.com")
    compare(world)

    assert repair(world, Take.OURS).runs == []
    assert "ada@example.com" not in world.contacts()


def test_a_record_of_a_repair_knows_nothing_of_the_others(world, crowd):
    from integration.engine.sync import bulk_runs
    from integration.recipes.registry import get_recipe

    for email in crowd:
        rename_there(world, email, "King")
    compare(world)
    world.sandbox.control("POST", "/misbehave", {"vendor": "maileon", "error_rate": 1.0, "error_status": 400})
    bulk_runs.start_repair(Drift.objects.all(), Take.OURS, get_recipe, None)
    hub.drain()
    hints = SyncJob.objects.filter(flow=FLOW).values_list("hint", flat=True)
    assert not any({"fields", "forward", "ids"} & set(hint) for hint in hints)


def test_the_end_of_a_comparison_keeps_what_was_seen_since_it_began(world, crowd):
    rename_there(world, "ada@example.com", "King")
    compare(world)
    begun = RunFactory(integration=world.integration, kind="compare", flow=FLOW, started_at=timezone.now())
    Drift.objects.update(seen_at=timezone.now(), run=None)  # a repair looked at it meanwhile
    drifts.finish(begun)
    assert Drift.objects.count() == 1


def test_a_decision_to_leave_it_is_kept_while_a_change_waits(world, crowd):
    rename_there(world, "ada@example.com", "King")
    compare(world)
    drifts.leave(Drift.objects.all(), None)
    SyncJob.objects.update(state="held", reason="x")

    compare(world)
    assert [row[-1] for row in found(world)] == ["left"]


def test_a_decision_is_kept_when_the_list_passes_over_a_record_that_is_there(world, crowd, monkeypatch):
    rename_there(world, "ada@example.com", "King")
    compare(world)
    drifts.leave(Drift.objects.all(), None)
    monkeypatch.setattr(compared, "store", lambda run, rows, met: None)

    run = compare(world)

    assert counts(run) == {"waiting": 2}, "each is asked for by itself, and is there"
    assert [row[-1] for row in found(world)] == ["left"]
