"""What a flood costs at the vendors: the number of calls, counted at the sandbox."""

from __future__ import annotations

import pytest

from integration.engine.sync import replay, runs
from integration.models import SyncJob, SyncRun
from tests.support import hub

pytestmark = pytest.mark.usefixtures("full_slices")


def test_a_thousand_changed_people_cost_at_most_twelve_and_three_calls(world):
    world.seed_people(1000)
    runs.start(world.integration, "fetch_all", "person_to_contact", options={"allow_doi": True})
    world.sandbox.state.maileon.accounts[501].default_doi_mailing = "welcome"
    world.integration.settings = {"doi_enabled": False, "permission": "2"}
    world.integration.save(update_fields=["settings"])
    hub.drain()
    assert len(world.contacts()) == 1000
    rows = world.sandbox.state.pipedrive.companies["acme"].tables["person"].rows
    changed = [row for row in rows.values() if row["name"].startswith("Seed ")]
    for row in changed:
        row["name"] = row["name"].replace("Seed", "Changed")
    world.calls("pipedrive")

    replay.resync(world.integration, "person_to_contact", [str(row["id"]) for row in changed])
    hub.drain()

    rows = world.sandbox.control("GET", "/calls")
    counts = {vendor: sum(row["vendor"] == vendor for row in rows) for vendor in ("pipedrive", "maileon")}
    assert counts["pipedrive"] <= 12, counts
    assert counts["maileon"] <= 3, counts
    assert SyncJob.objects.filter(state="done").count() >= 1000
    assert {row["standard"]["FULLNAME"].split()[0] for row in world.contacts().values()} == {"Changed"}


def test_an_unchanged_second_pass_writes_nothing(world):
    world.integration.settings = {"doi_enabled": False, "permission": "2"}
    world.integration.save(update_fields=["settings"])
    world.seed_people(200)
    for _ in range(2):
        world.calls("maileon")
        runs.start(world.integration, "fetch_all", "person_to_contact")
        hub.drain()

    assert world.calls("maileon") == []
    assert SyncRun.objects.latest("id").counts["skipped:unchanged"] == 200


def test_a_changed_person_costs_two_reads_and_one_write(world):
    """The person, and which organizations have another name by now."""
    world.integration.settings = {"doi_enabled": False, "permission": "2"}
    world.integration.save(update_fields=["settings"])
    world.seed_people(3)
    runs.start(world.integration, "fetch_all", "person_to_contact")
    hub.drain()
    rows = world.sandbox.state.pipedrive.companies["acme"].tables["person"].rows
    for row in [row for row in rows.values() if row["name"].startswith("Seed ")]:
        row["name"] = row["name"].replace("Seed", "Changed")
        world.calls("pipedrive")

        replay.resync(world.integration, "person_to_contact", [str(row["id"])])
        hub.drain()

        calls = [(call["vendor"], call["method"]) for call in world.sandbox.control("GET", "/calls")]
        assert calls == [("pipedrive", "GET"), ("pipedrive", "GET"), ("maileon", "POST")]
