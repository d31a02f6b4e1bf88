"""Each line about the vendors' borders in `make demo-check` has a fault in the catalogue that would break it."""

from __future__ import annotations

from integration.management.demo.vendor import AtHubSpot, AtLeadBoxer, AtMaileon, AtPlanhat
from tests.mutants import catalogue

FAULTS = {
    "field_shown": "pipedrive-field-hidden",
    "mailing_unknown": "trial-mailing",
    "permission_named": "permission-never-missing",
    "sunset_noticed": "sunset-not-kept",
    "odd_event_kept": "hubspot-unreadable-nobodys",
    "unannounced_polled": "hubspot-announces-all",
    "next_page_found": "leadboxer-token-names",
    "note_stays_one": "planhat-note-twice",
}


def test_each_line_has_a_fault_that_breaks_it() -> None:
    stories = (AtMaileon, AtHubSpot, AtLeadBoxer, AtPlanhat)
    lines = [line.__name__ for story in stories for line in object.__new__(story).lines()]

    assert lines == list(FAULTS)
    assert set(FAULTS.values()) <= {mutant.id for mutant in catalogue.load()}
