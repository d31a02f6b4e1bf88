"""Avoid noise: the least score, the limit per run, the trial."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from integration.engine.sync.runner import SLICE
from integration.models import SyncJob, SyncLog
from tests.support import hub
from tests.support.queue import QUEUE

HOUR = timedelta(hours=1)


def seed(world, count, **how):
    world.sandbox.control("POST", f"/leadboxer/401/{'5173' * 8}/seed", {"count": count, "minutes_ago": 12, **how})


def an_hour_later(world):
    """What was written an hour ago is an hour old; what was due in an hour is due."""
    SyncLog.objects.update(created_at=F("created_at") - HOUR)
    SyncJob.objects.filter(state="waiting").update(next_attempt_at=F("next_attempt_at") - HOUR)
    hub.drain(due_now=False)


def test_leads_below_the_least_score_are_left_out(leads):
    world = leads(min_score=60)
    for score in (59, 60, 61):
        world.company(organizationName=f"S{score}", organizationDomain=f"s{score}.example", score=score)
    world.poll()

    assert sorted(lead["title"] for lead in world.leads()) == ["S60", "S61"]


@pytest.mark.usefixtures("sweeper_helps")  # the job is put back by hand
def test_a_lead_that_fell_below_meanwhile_says_why(leads):
    world = leads(min_score=60)
    made = world.company(score=80)
    world.fail("pipedrive", 400, "/leads", method="POST")
    world.poll()
    world.edit(made["lead"], score=10)
    SyncJob.objects.filter(flow="lead_to_lead").update(state="waiting", attempts=0)
    hub.drain()

    assert world.leads() == []
    assert world.said(flow="lead_to_lead")[-1] == ("", "score_low")


def test_where_no_score_is_told_leadboxers_own_filter_decides(leads):
    world = leads(min_score=60)
    world.sandbox.control("PATCH", "/leadboxer/401", {"tells_score": False})
    world.company(score=40)
    world.company(organizationName="Y AG", organizationDomain="y.example", score=70)
    world.poll()

    assert [lead["title"] for lead in world.leads()] == ["Y AG"]


def test_a_segments_own_score_is_not_weakened(leads):
    world = leads(min_score=10, leads_segment=f"{'5173' * 8}:901")  # above 60
    world.company(score=50)
    world.company(organizationName="Y AG", organizationDomain="y.example", score=70)
    world.poll()

    assert [lead["title"] for lead in world.leads()] == ["Y AG"], "50 is above our limit and below the segment's"


@pytest.mark.parametrize(("flow", "kind"), [("lead_to_lead", "lead"), ("visit_to_activity", "activity")])
@pytest.mark.usefixtures("sweeper_helps")  # an hour passes by hand
def test_what_is_above_the_limit_waits_for_the_next_runs_and_nothing_is_lost(leads, activities, flow, kind):
    world = (leads if kind == "lead" else activities)(cap=4)
    seed(world, 10)
    world.fetch_all(flow, due_now=False)
    assert len(world.rows(kind)) == 4
    waiting = SyncJob.objects.filter(flow=flow, state="waiting", reason="cap_reached")
    turns = sorted(job.next_attempt_at for job in waiting)
    assert [round((turn - turns[0]) / HOUR) for turn in turns] == [0, 0, 0, 0, 1, 1]
    assert timedelta(0) < turns[0] - timezone.now() <= HOUR

    for there in (8, 10):
        an_hour_later(world)
        assert len(world.rows(kind)) == there
    world.no_trouble()
    assert len({row["org_id" if kind == "activity" else "organization_id"] for row in world.rows(kind)}) == 10


def test_the_trial_handles_so_many_leads_as_deals_in_the_test_pipeline(leads):
    world = leads()
    pipeline = world.pipeline()
    world.set(trial=True, trial_count=3, trial_pipeline=pipeline)
    seed(world, 5)
    world.poll()
    world.poll()

    deals = [row for row in world.rows("deal") if str(row["pipeline_id"]) == pipeline]
    assert (len(deals), world.leads()) == (3, [])
    assert all(row["org_id"] and row["title"].startswith("Seed") for row in deals)
    key = world.integration.resources["leadboxer_id"]
    assert len({row["custom_fields"][key] for row in deals}) == 3
    assert sorted(set(world.said(flow="lead_to_lead"))) == [("", "trial_full"), ("create_trial_deal", "")]


def test_after_the_trial_everything_is_handled_for_real(leads):
    world = leads()
    pipeline = world.pipeline()
    world.set(trial=True, trial_count=3, trial_pipeline=pipeline)
    seed(world, 5)
    world.poll()
    world.set(trial=False)
    world.fetch_all("lead_to_lead")
    world.fetch_all("lead_to_lead")

    assert len(world.leads()) == 5
    assert len([row for row in world.rows("deal") if str(row["pipeline_id"]) == pipeline]) == 3
    assert len([row for row in world.rows("organization") if row["name"].startswith("Seed")]) == 5
    world.no_trouble()


@pytest.mark.parametrize(
    "slices",
    [
        "one worker's slice",
        "many short slices",
    ],
)
def test_the_trial_counts_leads_not_visits_and_makes_its_deals_in_the_test_pipeline(activities, slices):
    QUEUE.slice_seconds = SLICE if slices == "one worker's slice" else 0.0
    world = activities()
    test, real = world.pipeline("Test"), world.pipeline("Real")
    world.set(trial=True, trial_count=1, trial_pipeline=test, create_deals=True, pipeline=real)
    made = world.ada(minutes_ago=40)
    world.ada(lead=made["lead"], minutes_ago=15)
    world.visit(email="bob@y.example", minutes_ago=50)
    world.poll()

    assert len(world.activities()) == 2
    assert {str(row["pipeline_id"]) for row in world.rows("deal")} == {"1", test}
    assert ("", "trial_full") in world.said(flow="visit_to_activity")


@pytest.mark.parametrize("flow", ["lead_to_lead", "visit_to_activity"])
def test_the_limit_is_for_the_whole_interval_and_not_for_each_batch(leads, activities, flow):
    world = (leads if flow == "lead_to_lead" else activities)(cap=4)
    kind = "lead" if flow == "lead_to_lead" else "activity"

    def three_more(first):
        for n in range(first, first + 3):
            world.company(email=f"p{n}@s{n}.example", organizationName=f"S{n}", organizationDomain=f"s{n}.example")
        world.fetch_all(flow, due_now=False)

    three_more(0)
    assert len(world.rows(kind)) == 3

    three_more(3)

    assert len(world.rows(kind)) == 4
    assert SyncJob.objects.filter(flow=flow, state="waiting", reason="cap_reached").count() == 2
