"""Two-way fields in a comparison: judged by who changed them, taken over from either side."""

from __future__ import annotations

from datetime import timedelta

import pytest

from integration.engine.sync import bulk_runs, compare, runs
from integration.engine.sync.repair import Take
from integration.models import Drift
from integration.recipes.registry import get_recipe
from tests.support import hub

ADA = "ada@example.com"


@pytest.fixture
def ada(brevo_world, full_slices):
    key = brevo_world.person("Ada Lovelace", email=ADA)
    brevo_world.deliver()
    brevo_world.edit(ADA, LASTNAME="King")
    brevo_world.held()
    return key


def compared(world):
    run = runs.start(world.integration, "compare", "person_to_contact")
    hub.drain()
    run.refresh_from_db()
    return run.counts


def test_a_change_that_still_travels_back_is_no_difference(brevo_world, ada):
    assert compared(brevo_world)["waiting"] == 1
    assert not Drift.objects.filter(kind="differs").exists()


@pytest.mark.parametrize(("take", "name"), [(Take.OURS, "Lovelace"), (Take.THEIRS, "King")])
def test_a_person_decides_whose_value_counts(brevo_world, ada, take, name, monkeypatch):
    monkeypatch.setattr(compare, "ON_ITS_WAY", timedelta())  # long ago, and nothing told of it
    assert compared(brevo_world)["differs"] == 1
    row = Drift.objects.select_related("integration").get(kind="differs", field="LASTNAME")
    assert (row.ours, row.theirs, row.two_way) == ("Lovelace", "King", True)

    bulk_runs.start_repair([row], take, get_recipe, None)
    hub.drain()

    assert brevo_world.contact(ADA)["attributes"]["LASTNAME"] == name
    assert brevo_world.shown(ada)["last_name"] == name
    assert not Drift.objects.filter(kind="differs", field="LASTNAME").exists()
