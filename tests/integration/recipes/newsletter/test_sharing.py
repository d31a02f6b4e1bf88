"""Several records at one address, and addresses that move: whose they are is asked of the present."""

from __future__ import annotations

import pytest

from integration.connectors.maileon.client import MaileonClient
from integration.connectors.maileon.records import Contact
from integration.models import SyncJob, SyncLog
from integration.tasks import start_runs
from tests.support import hub

A, B, C, D = (f"{letter}@example.com" for letter in "abcd")


def emails(address):
    return {"emails": [{"value": address, "primary": True}]}


def confirmed(world, name, address):
    key = world.person(name, email=address)
    world.deliver()
    world.click(address)
    world.deliver()
    return key


def owners(world):
    return {email: row["external_id"].rpartition("-")[2] for email, row in world.contacts().items()}


def reason(key):
    return SyncLog.objects.filter(source_id=key, flow="person_to_contact").latest("id").reason


@pytest.mark.parametrize("at_once", [True, False])
def test_three_people_change_places_in_a_circle(world, at_once):
    ada, bob, eve = confirmed(world, "Ada", A), confirmed(world, "Bob", B), confirmed(world, "Eve", C)
    for key, address in ((ada, B), (bob, C), (eve, A)):
        world.change(key, **emails(address))
        if not at_once:
            world.deliver()
    world.deliver()
    start_runs(world.integration, "poll")
    hub.drain()

    assert owners(world) == {A: eve, B: ada, C: bob}
    assert {world.shown(key)[0] for key in (ada, bob, eve)} == {"yes"}
    assert not SyncJob.objects.filter(state="dead").exists()


@pytest.mark.parametrize("setting", ["keep", "ask_again"])
def test_a_chain_of_moves_takes_each_contact_along(world, setting):
    hub.save(world.integration, on_email_change=setting)
    ada, bob, eve = confirmed(world, "Ada", A), confirmed(world, "Bob", B), confirmed(world, "Eve", C)
    for key, address in ((ada, B), (bob, C), (eve, D)):
        world.change(key, **emails(address))
    world.deliver()

    assert owners(world) == {B: ada, C: bob, D: eve}
    if setting == "keep":
        assert world.mails() == [A, B, C], "nobody is asked anew"
        assert {row["permission"] for row in world.contacts().values()} == {5}


def test_a_no_on_one_of_two_doubles_counts_for_both(world):
    ada = confirmed(world, "Ada Byron", A)
    double = world.person("Ada King", email=A, newsletter="No")
    world.deliver()

    assert A not in world.contacts()
    assert world.shown(ada) == ("no", "unsubscribed")

    third = world.person("Ada Lovelace", email=A)
    world.deliver()
    assert A not in world.contacts()
    assert reason(third) in ("no_elsewhere", "unsubscribed")
    assert world.shown(double)[0] == "no"


def test_a_yes_beside_a_no_at_the_same_address_subscribes_nobody(world):
    world.person("Ada King", email=A, newsletter="No")
    world.deliver()
    yes = world.person("Ada Byron", email=A)
    world.deliver()

    assert A not in world.contacts()
    assert world.mails() == []
    assert reason(yes) == "no_elsewhere"
    assert world.shown(yes)[0] == "yes", "nobody said No on this card"


def test_a_double_that_says_nothing_is_no_heir_and_no_opt_out(world):
    ada = confirmed(world, "Ada Byron", A)
    silent = world.person("Ada King", email=A, newsletter=None)
    world.deliver()
    world.delete(ada)
    world.deliver()
    start_runs(world.integration, "poll")
    hub.drain()

    assert A not in world.contacts()
    assert world.shown(silent) == ("", ""), "it was our own removal"


def test_deleted_and_made_again_is_asked_and_not_taken_for_an_opt_out(world):
    ada = confirmed(world, "Ada Byron", A)
    world.delete(ada)
    world.deliver()
    world.sandbox.control("POST", "/time", {"advance_seconds": 60})
    again = world.person("Ada Byron", email=A)
    world.deliver()
    start_runs(world.integration, "poll")
    hub.drain()

    assert world.mails() == [A, A]
    assert world.shown(again) == ("yes", "pending")
    world.click(A)
    world.deliver()
    assert world.shown(again) == ("yes", "confirmed")


def test_a_merge_whose_messages_were_lost_unsubscribes_nobody(world):
    ada, other = confirmed(world, "Ada Byron", A), confirmed(world, "Ada Old", B)
    world.merge(other, ada)
    world.held()  # lost
    for kind in ("reconcile", "poll"):
        start_runs(world.integration, kind)
        hub.drain()
        world.deliver()

    assert world.shown(ada) == ("yes", "confirmed")
    assert world.contacts()[A]["permission"] == 5


def test_a_readers_opt_out_at_a_losers_address_reaches_the_survivor(world):
    hub.save(world.integration, on_delete="nothing")
    ada, other = confirmed(world, "Ada Byron", A), confirmed(world, "Ada Old", B)
    world.merge(other, ada)
    world.deliver()
    assert {A, B} <= world.contacts().keys()
    world.leave(B)
    world.deliver()

    assert world.shown(ada) == ("no", "unsubscribed")
    assert not {A, B} & world.contacts().keys()


def test_who_left_before_their_record_was_merged_is_not_asked_again(world):
    ada, other = confirmed(world, "Ada Byron", A), confirmed(world, "Ada Old", B)
    double = world.person("Ada Double", email=B)
    world.deliver()
    world.leave(B)
    world.held()  # nobody hears of it
    world.merge(other, ada)
    world.deliver()
    world.change(double, name="Ada Doubled")
    world.deliver()

    assert world.mails() == [A, B]
    assert B not in world.contacts()


def test_a_no_reaches_a_contact_whose_address_a_reader_changed_in_maileon(world):
    ada = confirmed(world, "Ada Byron", A)
    client = MaileonClient(world.integration.right.plain_credentials)
    [known] = client.find_contacts_by_external_id(f"{world.integration.left.external_account_id}-{ada}")
    client.update_contact(A, Contact(email=B, external_id=known.external_id))
    assert B in world.contacts()
    world.say(ada, "No")
    world.deliver()

    assert not {A, B} & world.contacts().keys()


def test_the_next_in_line_takes_over_when_the_first_is_deleted(world):
    first = confirmed(world, "Ada Byron", A)
    second = world.person("Bob Boole", email=A)
    world.deliver()
    assert reason(second) == "duplicate_email"
    world.delete(first)
    world.deliver()

    assert owners(world) == {A: second}
    assert world.contacts()[A]["standard"]["FIRSTNAME"] == "Bob"


def test_a_deletion_nobody_heard_of_does_not_keep_the_address_from_its_next_owner(world):
    first = confirmed(world, "Ada Byron", A)
    world.delete(first)
    world.held()  # lost
    second = world.person("Bob Boole", email=A)
    world.deliver()

    assert owners(world) == {A: second}
    assert world.shown(second) == ("yes", "confirmed")


def test_an_opt_out_after_our_own_removal_is_the_persons(world):
    """The address is taken off with its record, signs up by a form, and leaves: nobody brings it back."""
    hub.save(world.integration, doi_enabled=False, permission="2")
    first = world.person("Ada Byron", email=A)
    world.deliver()
    world.delete(first)
    world.deliver()
    world.sandbox.control("POST", "/time", {"advance_seconds": 60})
    MaileonClient(world.integration.right.plain_credentials).create_contact(Contact(email=A), permission=2)
    world.leave(A)
    world.deliver()
    world.sandbox.control("POST", "/time", {"advance_seconds": 60})

    again = world.person("Ada Byron", email=A)
    world.deliver()

    assert A not in world.contacts()
    assert reason(again) == "unsubscribed"


def test_somebody_who_opted_out_inherits_no_permission(world):
    hub.save(world.integration, doi_enabled=False, permission="2")
    opted_out, owner = world.person("Ada Byron", email=B), world.person("Bob Boole", email=A)
    world.deliver()
    world.leave(B)
    world.deliver()
    world.change(opted_out, **emails(A), custom_fields=world.newsletter("Yes"))
    world.deliver()
    world.delete(owner)
    world.deliver()

    assert A not in world.contacts(), "nobody wants it who may"
    assert not SyncLog.objects.filter(outcome="failed").exists()


@pytest.mark.parametrize("first", ["who leaves", "who comes"])
def test_a_no_of_who_left_an_address_is_none_of_who_has_it_now(world, first):
    ada = confirmed(world, "Ada Byron", A)
    bob = confirmed(world, "Bob Boole", B)
    acts = [
        lambda: world.change(ada, **emails(C), custom_fields=world.newsletter("No")),
        lambda: world.change(bob, **emails(A)),
    ]
    for act in acts if first == "who leaves" else reversed(acts):
        act()
    world.deliver()
    start_runs(world.integration, "poll")
    hub.drain()

    assert world.shown(bob)[0] == "yes"
    assert owners(world) == {A: bob}
    assert world.shown(ada)[0] == "no"


def test_a_merge_leaves_the_contact_to_a_double_that_stays(world):
    survivor, loser = confirmed(world, "Ada Byron", A), confirmed(world, "Ada Old", B)
    double = world.person("Ada Double", email=B)
    world.deliver()
    world.merge(loser, survivor)
    world.deliver()

    assert owners(world) == {A: survivor, B: double}
    assert world.contacts()[B]["permission"] == 5
