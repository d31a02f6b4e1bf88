"""Move an address from one CRM person to another: nobody is forgotten, merged wrongly or left subscribed."""

from __future__ import annotations

import pytest


def emails(address):
    return [{"value": address, "primary": True}]


@pytest.mark.xfail(strict=True, reason="kind 1: who owns an address is answered from old links")
def test_maileon_an_address_that_moves_to_another_person_is_not_lost(world):
    """Somebody corrects a mix-up: x belongs to Bob, not to Ada. Both changes reach the hub in one batch."""
    ada = world.person("Ada", email="x@example.com")
    bob = world.person("Bob", email="bob.old@example.com", newsletter=None)
    world.deliver()
    world.click("x@example.com")
    world.deliver()
    world.change(ada, emails=emails("ada@example.com"))
    world.change(bob, emails=emails("x@example.com"), custom_fields=world.newsletter("Yes"))
    world.deliver()
    world.deliver()
    assert "x@example.com" in world.contacts(), "Bob said Yes and nobody else has his address, but he was left out"


@pytest.mark.xfail(strict=True, reason="kind 1: who owns an address is answered from old links")
def test_maileon_swapped_addresses_are_both_followed(world):
    ada = world.person("Ada", email="a@example.com")
    bob = world.person("Bob", email="b@example.com")
    world.deliver()
    for address in ("a@example.com", "b@example.com"):
        world.click(address)
    world.deliver()
    world.change(ada, emails=emails("b@example.com"))
    world.change(bob, emails=emails("a@example.com"))
    world.deliver()
    owners = {k: v.get("external_id", "").rpartition("-")[2] for k, v in world.contacts().items()}
    assert owners == {"a@example.com": bob, "b@example.com": ada}


@pytest.mark.xfail(strict=True, reason="kind 1: who owns an address is answered from old links")
def test_maileon_the_second_owner_of_an_address_takes_over_when_the_first_lets_go(world):
    """Two people share an address, the second is skipped as a duplicate. The first changes hers: the second is next."""
    ada = world.person("Ada", email="x@example.com")
    world.deliver()
    world.click("x@example.com")
    bob = world.person("Bob", email="x@example.com")
    world.deliver()
    world.change(ada, emails=emails("ada@example.com"))
    world.deliver()
    assert "x@example.com" in world.contacts(), f"Bob ({bob}) still says Yes"


@pytest.mark.xfail(strict=True, reason="kind 1: an address that was given up stays subscribed")
def test_maileon_the_old_address_gets_no_more_mail_when_the_new_one_had_opted_out(world):
    ada = world.person("Ada", email="old@example.com")
    world.deliver()
    world.click("old@example.com")
    world.deliver()
    # the new address is one that left the newsletter long ago
    world.sandbox.control("PATCH", "/maileon/501", {"unsubscribe_delay_s": 0})
    other = world.person("Other", email="new@example.com")
    world.deliver()
    world.click("new@example.com")
    world.leave("new@example.com")
    world.deliver()
    world.delete(other)
    world.deliver()
    world.change(ada, emails=emails("new@example.com"))
    world.deliver()
    assert "old@example.com" not in world.contacts(), "nobody in the CRM has this address, and it is still subscribed"


@pytest.mark.xfail(strict=True, reason="kind 1: an address that was given up stays subscribed")
def test_maileon_the_old_address_gets_no_more_mail_when_the_new_one_belongs_to_somebody_else(world):
    ada = world.person("Ada", email="ada@example.com")
    world.person("Bob", email="bob@example.com")
    world.deliver()
    for address in ("ada@example.com", "bob@example.com"):
        world.click(address)
    world.deliver()
    world.change(ada, emails=emails("bob@example.com"))
    world.deliver()
    assert "ada@example.com" not in world.contacts()


@pytest.mark.parametrize("lost", [False, True], ids=["one batch", "the first event was lost"])
def test_brevo_people_are_merged_only_when_they_really_share_an_address(brevo_install, lost):
    """merge_duplicates is on. x moves from Ada to Bob: two different people. Merging them cannot be undone."""
    world = brevo_install(merge_duplicates=True)
    ada = world.person("Ada", email="x@example.com")
    bob = world.person("Bob", email="bob.old@example.com")
    world.deliver()
    world.change(ada, emails=emails("ada@example.com"))
    if lost:
        world.lose()
    world.change(bob, emails=emails("x@example.com"))
    world.deliver()
    rows = world.sandbox.state.pipedrive.companies["acme"].tables["person"].rows
    assert not rows.get(int(bob), {"is_deleted": True}).get("is_deleted"), (
        "Bob was merged into Ada, whose address is another one"
    )


@pytest.mark.xfail(strict=True, reason="kind 3: deleting a duplicate unsubscribes whoever stays")
def test_maileon_deleting_the_double_of_somebody_unsubscribes_nobody(world):
    """Two cards of one person, both say Yes. Somebody tidies up and deletes the older one. Nobody said No."""
    old = world.person("Ada", email="ada@example.com")
    world.deliver()
    world.click("ada@example.com")
    world.deliver()
    kept = world.person("Ada Lovelace", email="ada@example.com")
    world.deliver()
    world.delete(old)
    world.deliver()
    world.change(kept, name="Ada King")
    world.deliver()
    assert "ada@example.com" in world.contacts()


@pytest.mark.xfail(strict=True, reason="kind 1: an address that was taken away stays subscribed")
def test_maileon_an_address_that_was_taken_away_gets_no_more_mail(world):
    ada = world.person("Ada", email="ada@example.com")
    world.deliver()
    world.click("ada@example.com")
    world.deliver()
    world.change(ada, emails=[])
    world.deliver()
    assert "ada@example.com" not in world.contacts()
