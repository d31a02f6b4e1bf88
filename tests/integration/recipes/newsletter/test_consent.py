"""The pure rules of a state of consent: what is remembered of an opt-out, a permission and a new wish."""

from __future__ import annotations

import pytest

from integration.models import RecordLink
from integration.recipes.newsletter import consent


def test_an_opt_out_is_remembered_as_one():
    assert consent.withdrawn(no_seen=False).stored == {"consent": "unsubscribed", "no_seen": False}
    assert consent.withdrawn(no_seen=True).stored == {"consent": "unsubscribed", "no_seen": True}


@pytest.mark.parametrize(
    ("permission", "state"),
    [(1, "subscribed"), (2, "subscribed"), (3, "subscribed"), (4, "confirmed"), (5, "confirmed")],
)
def test_only_a_click_makes_a_permission_a_confirmed_one(permission, state):
    assert consent.given(permission).consent == state


@pytest.mark.parametrize("state", [consent.given(5), consent.asked()])
def test_a_new_state_forgets_what_was_before(state):
    assert (state.reported, state.no_seen, state.removed_at_target) == ("", False, False)
    assert state.stored.keys() >= {"reported", "no_seen", "removed_at_target"}  # None would leave them as they were


@pytest.mark.parametrize(("notes", "new"), [({}, False), ({"no_seen": False}, False), ({"no_seen": True}, True)])
def test_a_yes_is_a_new_wish_only_after_a_no_that_was_seen(notes, new):
    assert consent.is_new_wish(RecordLink(notes=notes)) is new
    assert consent.is_new_wish(None) is False
