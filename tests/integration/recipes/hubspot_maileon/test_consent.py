"""Consent under everything at once: an opt-out is never undone, a permission never raised without a click."""

from __future__ import annotations

import random

import pytest

from integration.engine.sync import replay, runs
from integration.models import Connection, RateBudget, SyncLog, SyncRun
from integration.tasks import start_runs
from tests.support import hub
from tests.support.search import seeds

NAMES = ("Ada Byron", "Bob Miller", "Eve Stone")


class Story:
    """People do things at random; what may be true of their consent is kept beside."""

    def __init__(self, world, seed):
        self.world, self.dice = world, random.Random(seed)
        world.sandbox.control("PATCH", "/hubspot/62515001", {"unlimited": True})
        self.ids = {name: world.contact(name) for name in NAMES}
        self.left = set()  # who opted out and has not clicked since
        self.clicked = set()
        world.deliver()

    def email(self, name):
        return f"{name.lower().replace(' ', '.')}@example.com"

    def step(self):
        name = self.dice.choice(NAMES)
        action = self.dice.choice(
            [self.leave, self.click, self.yes, self.no, self.unset, self.rename, self.override, self.poll,
             self.resync, self.fetch_all, self.reconcile, self.later]
        )  # fmt: skip
        action(name)
        if action == self.no or self.dice.random() < 0.8:
            self.shuffle_and_deliver()
            self.settled = True
        else:
            self.settled = False
        return action.__name__, name

    def shuffle_and_deliver(self):
        """Webhooks come in any order, some twice. Seconds pass between two steps, so no limit is met."""
        RateBudget.objects.all().delete()
        Connection.objects.update(not_before=None)
        waiting = self.world.held()
        self.dice.shuffle(waiting)
        for delivery in [*waiting, *waiting[:1]]:
            assert self.world.post(delivery) == 200
        hub.drain()
        self.world.deliver()

    def leave(self, name):
        if self.email(name) in self.world.contacts():
            self.world.leave(self.email(name))
            self.left.add(name)
            self.clicked.discard(name)

    def click(self, name):
        """Only a mail of the contact that is there now can be clicked."""
        row = self.world.contacts().get(self.email(name))
        if row is not None and row["doi_mails_sent"]:
            self.world.click(self.email(name))
            self.left.discard(name)
            self.clicked.add(name)

    def yes(self, name):
        self.world.say(self.ids[name], "Yes")

    def no(self, name):
        self.world.say(self.ids[name], "No")
        self.left.add(name)
        self.clicked.discard(name)

    def unset(self, name):
        self.world.say(self.ids[name], "")

    def rename(self, name):
        self.world.change(self.ids[name], city=self.dice.choice(["Wien", "Graz", ""]))

    def override(self, name):
        wish = {"maileon_contact_permission": "double_plus", "maileon_contact_doi": self.dice.choice(["no", "yes"])}
        self.world.change(self.ids[name], **wish)

    def poll(self, name):
        start_runs(self.world.integration, "poll")

    def resync(self, name):
        for flow in ("contact_to_contact", "consent_to_contact"):
            replay.resync(self.world.integration, flow, [self.ids[name]])

    def fetch_all(self, name):
        if not SyncRun.objects.filter(kind="fetch_all", state__in=("waiting", "running")).exists():
            options = {"allow_doi": self.dice.random() < 0.5}
            runs.start(self.world.integration, "fetch_all", "contact_to_contact", options=options)

    def reconcile(self, name):
        start_runs(self.world.integration, "reconcile")

    def later(self, name):
        self.world.sandbox.control("POST", "/time", {"advance_seconds": 60})


@pytest.mark.property
@pytest.mark.parametrize("seed", seeds(4))
def test_no_order_of_events_undoes_an_opt_out_or_raises_a_permission(world, seed):
    story = Story(world, seed)
    history = []
    for _ in range(25):
        history.append(story.step())
        for name in NAMES if story.settled else ():
            row = world.contacts().get(story.email(name))
            if row is not None and name not in story.clicked:
                assert row["permission"] == 1, (name, history)


def test_a_story_of_opt_outs_ends_with_both_systems_saying_so(world):
    story = Story(world, 99)
    for name in NAMES:
        story.click(name)
    story.shuffle_and_deliver()
    for name in NAMES:
        story.leave(name)
    story.shuffle_and_deliver()

    assert world.contacts() == {}
    assert {world.shown(contact_id, "maileon_subscribe")[0] for contact_id in story.ids.values()} == {"false"}


@pytest.mark.chaos("V11")
def test_a_deleted_property_subscribes_and_unsubscribes_nobody(world):
    from integration import tasks
    from integration.models import SyncJob

    wants, no = world.contact("Ada Byron"), world.contact("Never Wanted", maileon_subscribe="false")
    gone = world.contact("Bob Leaver")
    world.deliver()
    world.leave("bob.leaver@example.com")
    world.deliver()
    world.sandbox.control("DELETE", "/hubspot/62515001/properties/maileon_subscribe")
    for key in (wants, no, gone):
        world.change(key, city="Wien")
    world.deliver()
    assert set(SyncJob.objects.filter(state="held").values_list("reason", flat=True)) == {"newsletter_field_missing"}

    assert tasks.check_integration(str(world.integration.pk)) == "fine"
    world.deliver()
    assert set(world.contacts()) == {"ada.byron@example.com"}
    assert world.mails() == ["ada.byron@example.com", "bob.leaver@example.com"]
    assert world.shown(gone, "maileon_subscribe") == ["false"]

    runs.start(world.integration, "fetch_all", "contact_to_contact", options={"allow_doi": True})
    hub.drain()
    assert world.mails() == ["ada.byron@example.com", "bob.leaver@example.com"]
    assert set(world.contacts()) == {"ada.byron@example.com"}


def test_a_no_outlives_the_property_even_if_somebody_else_makes_it_again(world):
    contact_id = world.contact("Never Wanted", maileon_subscribe="false")
    world.deliver()
    portal = world.sandbox.state.hubspot.portals[62515001]
    definition = portal.properties["maileon_subscribe"]
    world.sandbox.control("DELETE", "/hubspot/62515001/properties/maileon_subscribe")
    portal.properties["maileon_subscribe"] = definition  # by hand, before anybody noticed
    world.change(contact_id, city="Wien")
    world.deliver()
    runs.start(world.integration, "fetch_all", "contact_to_contact", options={"allow_doi": True})
    hub.drain()
    assert world.mails() == []
    assert SyncLog.objects.filter(source_id=contact_id).latest("id").reason == "newsletter_no"

    world.say(contact_id, "Yes")
    world.deliver()
    assert world.mails() == ["never.wanted@example.com"]


@pytest.mark.parametrize("chosen", [{}, {"doi_enabled": False, "permission": "2"}])
def test_an_address_that_opted_out_elsewhere_gets_neither_mail_nor_permission(made, chosen):
    world = made(**chosen)
    world.sandbox.state.maileon.accounts[501].markers.add("shop@example.com")
    contact_id = world.contact("Shop", email="shop@example.com")
    world.deliver()

    assert world.mails() == []
    assert world.contacts() == {}
    assert world.shown(contact_id, "maileon_subscribe") == ["false"]
