"""Events doubled, reordered and late: whatever arrives in whatever order, the end state is that of the newest."""

from __future__ import annotations

import itertools
import random

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings, strategies

from integration.models import SyncJob
from tests.support import hub
from tests.support.search import examples

OPS = strategies.lists(
    strategies.tuples(
        strategies.integers(0, 1),  # which of two people
        strategies.sampled_from(["name", "yes", "no", "empty", "delete", "work", "work late"]),
    ),
    min_size=1,
    max_size=12,
)
numbers = itertools.count(1)


@pytest.mark.chaos("W3", "W4")
@example(
    ops=[(0, "work"), (0, "empty"), (0, "yes"), (1, "work late"), (0, "no"), (1, "work"), (0, "yes")],
    shuffle=random.Random(0),
    repeat=1,
)
@given(ops=OPS, shuffle=strategies.randoms(use_true_random=False), repeat=strategies.integers(1, 3))
@settings(max_examples=examples(8), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_end_state_is_that_of_the_newest(world, ops, shuffle, repeat):
    ids, late, alive, names = [], [], {}, {}
    for _ in range(2):
        number = next(numbers)
        person_id = world.person(f"Person {number}")
        ids.append(person_id)
        alive[person_id], names[person_id] = f"person.{number}@example.com", f"Person {number}"
    for which, what in ops:
        person_id = ids[which]
        if what in ("work", "work late"):
            events = world.held()
            if what == "work late":  # some come only at the very end
                late += events[::2]
                events = events[1::2]
            hand_in(world, events * repeat, shuffle)
        elif person_id in alive:
            act(world, person_id, what, alive, names)
    hand_in(world, (world.held() + late) * repeat, shuffle)
    settle(world)

    contacts = world.contacts()
    for person_id in ids:
        check(world, person_id, contacts, alive, names)


def act(world, person_id, what, alive, names):
    if what == "delete":
        world.delete(person_id)
        del alive[person_id]
    elif what == "name":
        names[person_id] = f"Renamed {next(numbers)}"
        world.change(person_id, name=names[person_id])
    else:
        world.say(person_id, {"yes": "Yes", "no": "No", "empty": None}[what])


def hand_in(world, events, shuffle):
    shuffle.shuffle(events)
    for delivery in events:
        assert world.post(delivery) == 200
    hub.drain()


def settle(world):
    """Two minutes pass, for the vendor (who forgets who unsubscribed) and for jobs that wait; our echoes arrive."""
    for _ in range(3):
        world.sandbox.control("POST", "/time", {"advance_seconds": 120})
        SyncJob.objects.filter(state="waiting").update(next_attempt_at=timezone.now())
        world.deliver()
    assert not SyncJob.objects.filter(state="waiting").exists()


def check(world, person_id, contacts, alive, names):
    address = alive.get(person_id)
    if address is None:
        assert all(row["external_id"] != f"9001-{person_id}" for row in contacts.values())
    elif world.shown(person_id)[0] == "yes":
        assert contacts[address]["standard"]["FULLNAME"] == names[person_id]
    else:
        assert address not in contacts
