"""The safety rules, each once, asked of every recipe."""

from __future__ import annotations

import pytest
from django.db.models import Max

from integration.engine.insight.record_counts import Standing, explained
from integration.engine.privacy import personal_data
from integration.engine.sync import bulk_runs, replay
from integration.engine.sync.repair import Take
from integration.engine.sync.run_counts import SAMPLES
from integration.models import Drift, RecordLink, SyncJob, SyncLog, WebhookEvent
from integration.recipes.registry import get_recipe
from tests.support import database, hub
from tests.support.whole_database import found

from .exempt import (
    BRAKE,
    COMPARED,
    DRY_RUN,
    DUPLICATE,
    ECHO,
    ERASURE,
    HIDDEN,
    KEEPS_WHAT_IS_GONE,
    MAY_CHANGE,
    SECONDARY,
)
from .stages import flows_of

MANY, FLOOR = 30, 10
ADA, OTHER = "ada@byron.example", "ada.private@byron.example"
KNOWN = ("echo", "unchanged")
NOT_DONE = ("not_visible", "unchanged")
PHONE = "+4915112345987"


def newest(model):
    """The id of the newest row."""
    return model.objects.aggregate(last=Max("pk"))["last"] or 0


@pytest.mark.rule(BRAKE)
def test_a_mass_removal_is_stopped_until_a_person_has_decided(stage):
    keys = stage.crowd(MANY)
    before = stage.there()
    assert len(before) >= MANY
    for key in keys:
        stage.delete(key)
    stage.settle()

    gone = before - stage.there()
    assert len(gone) <= FLOOR
    held = SyncJob.objects.filter(state="held", reason="mass_delete", external_id__in=keys)
    assert held.count() == MANY - len(gone)
    assert SyncLog.objects.filter(outcome="held", reason="mass_delete").count() >= held.count()


@pytest.mark.rule(BRAKE)
def test_a_few_removals_go_through(stage):
    keys = stage.crowd(3)
    stage.delete(keys[0])
    stage.settle()

    assert "crowd0@example.com" not in stage.there()
    assert {"crowd1@example.com", "crowd2@example.com"} <= stage.there()


@pytest.mark.rule(HIDDEN)
def test_what_we_cannot_see_any_more_is_not_deleted_in_any_flow_that_reads_the_source(stage, recipe):
    for number in range(3):
        stage.enter(f"Hidden Nr{chr(97 + number)}", f"hidden{number}@example.com")
    before = stage.there()
    assert len(before) >= 3
    linked = {
        flow.key: sorted(RecordLink.objects.filter(link_type=flow.link_type).values_list("source_id", flat=True))
        for flow in hub.switched_on(stage.world.integration, recipe)
        if flow.side == "left"
    }
    assert any(linked.values())
    harmless = {flow for listed, flow in KEEPS_WHAT_IS_GONE if listed == recipe}
    assert harmless <= {flow for flow, keys in linked.items() if keys}, "listed, and nothing is asked of it"
    stage.hide()
    stage.forget_calls()
    SyncLog.objects.all().delete()

    for flow, keys in linked.items():
        if keys:
            replay.resync(stage.world.integration, flow, keys)
    stage.settle()

    assert stage.there() == before
    assert [call for call in stage.writes() if " DELETE " in call] == []
    told = {(row.flow, row.source_id): row for row in SyncLog.objects.order_by("id")}
    for flow, keys in linked.items():
        for key in keys:
            assert told[flow, key].outcome == "skipped", (flow, key, told[flow, key].reason)
            allowed = (*NOT_DONE, "deleted_at_source") if flow in harmless else NOT_DONE
            assert told[flow, key].reason in allowed, (flow, key, told[flow, key].reason)


@pytest.mark.rule(ECHO)
def test_what_we_wrote_ourselves_changes_nothing_when_it_comes_back(stage):
    key = stage.enter("Ada Byron", ADA)
    stage.rename(key, "Ada King")
    stage.hand_in()
    assert stage.name_there(ADA) == "Ada King", "it is written, and what tells of that is held back"
    stage.forget_calls()
    last_row, last_event = newest(SyncLog), newest(WebhookEvent)

    stage.settle()
    polls = stage.run("poll")
    stage.settle()

    assert stage.writes() == []
    rows = SyncLog.objects.filter(pk__gt=last_row)
    assert list(rows.filter(outcome="synced").values("flow", "source_id", "action")) == []
    came_back = rows.filter(reason__in=KNOWN).exists()
    ignored = WebhookEvent.objects.filter(pk__gt=last_event, reason__in=KNOWN).exists()
    counted = any(f"skipped:{reason}" in run.counts for run in polls for reason in KNOWN)
    assert came_back or ignored or counted, "nothing came back, so nothing was tested"


@pytest.mark.rule(DUPLICATE)
def test_two_people_with_one_address_are_one_there_and_the_first_one_owns_it(stage):
    stage.enter("Ada Byron", ADA)
    second = stage.enter("Bob Boole", ADA)
    stage.rename(second, "Bob King")
    stage.settle()

    assert len([address for address in stage.there() if address == ADA]) == 1
    assert stage.name_there(ADA) == "Ada Byron"
    if stage.duplicate:
        assert SyncLog.objects.filter(source_id=second).latest("id").reason == stage.duplicate


@pytest.mark.rule(SECONDARY)
def test_an_opt_out_of_a_secondary_address_is_that_of_the_person(stage):
    key = stage.enter("Ada Byron", ADA, others=[OTHER])
    stage.sign_up(OTHER)
    stage.settle()
    assert {ADA, OTHER} <= stage.there()

    stage.leave(OTHER)
    stage.settle()
    stage.run("poll")
    stage.settle()

    assert stage.says_opted_out(key)
    assert not {ADA, OTHER} & stage.there(), "the strictest wins: their own address gets no mail either"


@pytest.mark.rule(DRY_RUN)
def test_a_dry_run_of_every_flow_writes_nothing_and_leaves_no_trace(stage, recipe):
    stage.enter("Ada Byron", ADA)
    before = stage.there()
    stage.newcomers()
    stage.forget_calls()
    rows = database.contents(but=MAY_CHANGE)

    runs = stage.run("fetch_all", dry_run=True)

    assert {run.flow for run in runs} == set(hub.taking_part(stage.world.integration, recipe, "fetch_all"))
    assert {run.flow for run in runs} <= set(flows_of(recipe))
    assert any("synced" not in key and not key.startswith("skipped") for run in runs for key in run.counts), "it counts"
    assert stage.writes() == []
    assert database.contents(but=MAY_CHANGE) == rows
    assert stage.there() == before


@pytest.mark.rule(DRY_RUN)
@pytest.mark.parametrize("allow_doi", [True, False], ids=["asking", "not-asking"])
@pytest.mark.parametrize("certain", [True, False], ids=["certain", "remembering"])
def test_a_dry_run_says_what_the_real_run_then_does(stage, recipe, allow_doi, certain, full_slices):
    """It reads what the real run reads before it writes: who is there already, who opted out, who is gone."""
    stage.unsettled()
    options = {"allow_doi": allow_doi, "certain": certain}
    counted = 0

    for flow in hub.taking_part(stage.world.integration, recipe, "fetch_all"):
        [dry] = stage.run_flow(flow, dry_run=True, options=options)
        [real] = stage.run_flow(flow, options=options)

        assert (flow, dry.counts, dry.done) == (flow, real.counts, real.done)
        assert {key: len(rows) for key, rows in dry.samples.items()} == {
            key: min(count, SAMPLES) for key, count in dry.counts.items()
        }
        counted += dry.done
    assert counted, "there was something to count"


@pytest.mark.rule(COMPARED)
def test_what_somebody_edited_at_the_target_is_found_and_repaired(stage, recipe, full_slices):
    """Nothing told of it, and what is remembered as written is still what the source says."""
    stage.enter("Ada Byron", ADA)
    stage.enter("Joy Byron", "joy@byron.example")
    [quiet] = stage.run_flow(stage.compared, "compare", options={})
    assert not Drift.objects.filter(kind="differs").exists(), list(Drift.objects.values())
    stage.rename_there(ADA, "Augusta King")
    stage.forget_calls()

    [run] = stage.run_flow(stage.compared, "compare", options={})

    assert run.counts["differs"] == 1
    assert run.counts["same"] == quiet.counts["same"] - 1
    assert stage.writes() == []
    rows = Drift.objects.filter(kind="differs")
    assert {(row.flow, row.state) for row in rows} == {(stage.compared, "open")}
    bulk_runs.start_repair(rows.select_related("integration"), Take.OURS, get_recipe, None)
    hub.drain()
    stage.settle()
    assert stage.name_there(ADA) == "Ada Byron"
    assert not Drift.objects.filter(kind="differs").exists()


@pytest.mark.rule(COMPARED)
def test_the_explained_counts_of_a_comparison_add_up(stage, recipe, full_slices):
    """What stands where is all that the source has: in sync, different, missing, kept out by rule, failed, waiting."""
    stage.enter("Ada Byron", ADA)
    stage.enter("Joy Byron", "joy@byron.example")
    stage.newcomers()
    stage.hold_back()
    stage.rename_there(ADA, "Augusta King")
    [run] = stage.run_flow(stage.compared, "compare", options={})

    [found] = [row for row in explained(stage.world.integration, get_recipe(recipe)) if row.flow == stage.compared]

    assert found.proven
    assert sum(part.count for part in found.parts) == found.total == run.done == run.total, run.counts
    standings = {part.standing: part.count for part in found.parts}
    assert standings[Standing.DIFFERS] == 1
    assert standings[Standing.IN_SYNC] >= 1
    assert all(part.label for part in found.parts), found.parts


@pytest.mark.rule(ERASURE)
def test_nothing_of_an_erased_person_is_left_in_any_column(stage):
    address, words = "ottilie.q@erase.example", ("Ottilie", "Quittenbaum", "Birnbaumer", "ottilie.q", "15112345987")
    key = stage.enter("Ottilie Quittenbaum", address, phone=PHONE)
    stage.rename(key, "Ottilie Birnbaumer")
    stage.settle()
    stage.run("fetch_all", dry_run=True)
    assert any(found(word) for word in words), "something was held"
    stage.delete(key)
    stage.settle()

    for _ in range(2):  # what comes in during the first is worked off before the second
        personal_data.erase(stage.world.integration.tenant, address, get_recipe)
        stage.settle()
    personal_data.erase(stage.world.integration.tenant, address, get_recipe)

    assert {word: found(word) for word in words} == dict.fromkeys(words, set())
