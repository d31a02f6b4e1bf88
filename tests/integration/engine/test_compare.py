"""Comparisons: what somebody changed behind our back is found, field by field, and nothing is written for it."""

from __future__ import annotations

import pytest

from integration.connectors.maileon.records import Contact
from integration.engine.sync import runs
from integration.models import ComparedRecord, Drift, RecordLink, SyncJob, SyncLog
from tests.support import hub

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
    from integration.engine.sync import drifts

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
