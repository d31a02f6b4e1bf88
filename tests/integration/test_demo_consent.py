"""Each line of consent in `make demo-check` has a fault in the catalogue that would break it."""

from __future__ import annotations

from integration.management.demo.consent import AtBrevo, AtMaileon
from tests.mutants import catalogue

FAULTS = {
    "swapped": "present-stale-owner",
    "taken_away": "let-go",
    "double_deleted": "heir",
    "double_says_no": "consent-no-elsewhere",
    "cleared_up": "consent-own-echo",
    "left_as_a_loser": "back-beside",
    "made_again": "own-marker",
    "option_renamed": "options-by-label",
    "opt_out_alone": "brevo-opt-out-shown",
    "taken_off": "brevo-list-rejoined",
}
HELD_TWICE = ["next_owner", "import_waits"]  # by two rules, so that no single fault breaks them


def test_each_line_has_a_fault_that_breaks_it():
    lines = [line for story in (AtMaileon, AtBrevo) for line in object.__new__(story).lines()]
    known = {mutant.id for mutant in catalogue.load()}

    assert [line.__name__ for line in lines] == [*FAULTS, *HELD_TWICE]
    assert set(FAULTS.values()) <= known
