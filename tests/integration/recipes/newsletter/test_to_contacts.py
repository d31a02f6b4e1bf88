"""Who stops being a contact: those who said so or are gone, never those whom a token does not see."""

from __future__ import annotations

import pytest

from integration.engine import replay
from integration.models import SyncLog
from tests.integration.recipes.pipedrive_maileon.test_people import confirmed
from tests.support import hub


@pytest.fixture
def hidden(world):
    """A confirmed person whom our token does not see any more, and the address."""
    person, email = confirmed(world)
    world.change(person, name="Ada King")
    world.sandbox.state.pipedrive.companies["acme"].tables["person"].rows.pop(int(person))
    return person, email


def test_who_is_not_visible_any_more_stays_subscribed(world, hidden):
    person, email = hidden

    world.deliver()

    assert email in world.contacts()
    assert SyncLog.objects.filter(source_id=person).latest("id").reason == "not_visible"


def test_a_resync_of_somebody_we_do_not_see_unsubscribes_nobody(world, hidden):
    person, email = hidden
    world.held()

    replay.resync(world.integration, "person_to_contact", [person])
    hub.drain()

    assert email in world.contacts()
    assert SyncLog.objects.filter(source_id=person).latest("id").reason == "not_visible"


def test_who_was_deleted_is_unsubscribed(world):
    person, email = confirmed(world)

    world.delete(person)
    world.deliver()

    assert email not in world.contacts()
    assert SyncLog.objects.filter(source_id=person, action="unsubscribe").exists()
