"""Each line `ok truth N` of the demo has a fault in the catalogue that would make it fail."""

from __future__ import annotations

import pytest

from integration.management.demo import truth
from tests.mutants import catalogue

FAULT_OF = {
    "edited": "compare-believes-memory",
    "gone": "compare-missing-unseen",
    "believed": "resync-forgotten-by-event",
    "dry_is_real": "dry-run-bulk-blind",
    "cancelled": "run-part-deaf-to-cancel",
    "schema_watched": "schema-vanished-unseen",
    "mailing_silent": "opt-ins-answered",
    "vendor_down": "state-vendor-down",
    "budget_gone": "state-limit-unseen",
    "workers_killed": "state-workers-dead",
    "taken_over": "repair-takes-nothing-over",
}


@pytest.mark.parametrize("story", [truth.AtMaileon, truth.AtBrevo])
def test_every_truth_has_its_fault(story):
    lines = [line.__name__ for line in story.lines(object.__new__(story))]
    known = {mutant.id for mutant in catalogue.load()}
    assert lines
    assert {FAULT_OF[line] for line in lines} <= known
