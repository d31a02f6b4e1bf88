"""Two people become one: the strictest consent of one address is kept."""

from __future__ import annotations

import pytest

from integration.models import RecordLink
from tests.integration.recipes.pipedrive_maileon.test_people import confirmed


def opted_out(world, name, address):
    """Somebody with this address who opted out here earlier."""
    person = world.person(name, email=address)
    world.deliver()
    mine = RecordLink.objects.get(written__email="ada.byron@example.com")
    RecordLink.objects.update_or_create(
        integration=world.integration, link_type="person", source_id=person,
        defaults={"state": "removed", "notes": {"consent": "unsubscribed", "no_seen": False},
                  "email_hash": mine.email_hash if address == "ada.byron@example.com" else "another"},
    )  # fmt: skip
    return person


@pytest.mark.parametrize(
    ("address", "consent"),
    [("ada.byron@example.com", "unsubscribed"), ("other@example.com", "confirmed")],
    ids=["of one address", "of another address"],
)
def test_an_opt_out_of_the_one_who_goes_binds_the_survivor_of_the_same_address(world, address, consent):
    survivor, _ = confirmed(world)
    loser = opted_out(world, "Ada Twin", address)
    mails = world.mails()

    world.merge(loser, survivor)
    world.deliver()

    assert RecordLink.objects.get(source_id=survivor).notes["consent"] == consent
    assert world.mails() == mails


def test_the_losers_own_contact_is_let_go(world):
    survivor, email = confirmed(world)
    loser, former = confirmed(world, "Ada Twin")

    world.merge(loser, survivor)
    world.deliver()

    assert set(world.contacts()) == {email}


def test_a_survivor_whom_nobody_knew_takes_over_what_the_loser_gave(world):
    loser, email = confirmed(world)
    survivor = world.person("Ada Twin", email=email, newsletter=None)
    world.deliver()
    mails = world.mails()

    world.merge(loser, survivor)
    world.deliver()

    assert RecordLink.objects.get(source_id=survivor).notes["consent"] == "confirmed"
    assert world.mails() == mails
