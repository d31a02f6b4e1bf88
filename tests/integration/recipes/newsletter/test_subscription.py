"""Subscribing: whom an opt-in mail reaches, and whom never."""

from __future__ import annotations

from integration.connectors.maileon.client import MaileonClient
from integration.connectors.maileon.records import Contact
from integration.engine.sync import runs
from integration.models import RecordLink, SyncJob, SyncLog, SyncRun
from tests.integration.recipes.pipedrive_maileon.test_people import confirmed
from tests.support import hub


def reader(world, email, permission):
    """Somebody who reads the newsletter already, by the tenant's own doing."""
    hub.client_of(world.integration.right).create_contact(Contact(email=email), permission=permission)


def test_who_reads_the_newsletter_already_gets_no_opt_in_mail(world):
    reader(world, "reader@example.com", permission=4)

    person = world.person("Reader Already", email="reader@example.com")
    world.deliver()

    assert world.mails() == []
    assert world.contacts()["reader@example.com"]["permission"] == 4
    assert RecordLink.objects.get(source_id=person).notes["consent"] == "confirmed"
    assert SyncLog.objects.filter(source_id=person, action="adopt").count() == 1


def test_a_contact_without_a_permission_is_asked(world):
    reader(world, "shop@example.com", permission=1)

    world.person("Only Customer", email="shop@example.com")
    world.deliver()

    assert world.mails() == ["shop@example.com"]


def test_a_mail_is_announced_before_it_is_sent(world, monkeypatch):
    """A worker killed in between has told its successor."""
    send, known = MaileonClient.create_contact, []

    def look_and_send(self, *args, **how):
        known.append(list(RecordLink.objects.values_list("source_id", "state", "marker")))
        return send(self, *args, **how)

    monkeypatch.setattr(MaileonClient, "create_contact", look_and_send)
    person = world.person("Ada Byron")
    world.deliver()

    assert [(row[:2], row[2].startswith("lockstep:")) for rows in known for row in rows] == [
        ((person, "pending"), True)
    ]


def test_the_limit_of_mails_counts_those_that_went_out_before(world, settings):
    settings.BRAKE_OPT_IN_MAILS_PER_DAY = 1
    world.person("Ada Byron")
    world.deliver()
    world.person("Zora Hurston")
    world.deliver()

    assert world.mails() == ["ada.byron@example.com"]
    assert SyncJob.objects.get(state="held").reason == "opt_in_limit"


def test_a_fetch_all_links_no_contact_without_a_permission(world):
    reader(world, "shop@example.com", permission=1)
    reader(world, "reader@example.com", permission=2)
    for name in ("shop", "reader"):
        world.person(name, email=f"{name}@example.com")
    world.held()  # they were there before

    runs.start(world.integration, "fetch_all", "person_to_contact")
    hub.drain()

    assert SyncRun.objects.get().counts == {
        "adopt": 1,
        "skipped:not_asked_existing": 1,
        "skipped:newsletter_never_asked": 4,
    }
    assert world.mails() == []


def test_who_left_while_nobody_heard_of_it_is_not_brought_back_by_a_change(world):
    person, email = confirmed(world)
    world.leave(email)
    world.held()  # lost
    world.sandbox.control("POST", "/time", {"advance_seconds": 60})  # until Maileon itself has forgotten the contact
    world.change(person, name="Ada King")

    world.deliver()

    assert email not in world.contacts()
    assert world.shown(person) == ("no", "unsubscribed")


def test_a_contact_deleted_in_maileon_stays_deleted_whatever_changes(world):
    person, email = confirmed(world)
    world.sandbox.control("DELETE", f"/maileon/501/contacts/{email}")
    mails = world.mails()
    for name in ("Ada King", "Ada Lovelace"):
        world.change(person, name=name)
        world.deliver()

    assert (world.contacts(), world.mails()) == ({}, mails)
    assert SyncLog.objects.filter(source_id=person).latest("id").reason == "removed_at_target"


def test_the_old_address_stays_until_the_new_one_could_be_asked(world, settings):
    person, email = confirmed(world)
    settings.BRAKE_OPT_IN_MAILS_PER_DAY = 1
    world.change(person, emails=[{"value": "new@example.com", "primary": True}])

    world.deliver()

    assert set(world.contacts()) == {email}
    assert SyncJob.objects.get(state="held").reason == "opt_in_limit"
