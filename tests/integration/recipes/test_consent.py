"""Whatever people do on both sides, an opt-out is never undone and no permission rises without its cause.

For every recipe that carries consent. After each step the marketing system is compared with what people themselves did
there: the address that opted out has no permission until somebody clicks an opt-in mail sent after a new wish, and the
ledger has an entry for each state it was seen in.
"""

from __future__ import annotations

import itertools
import random
from time import sleep

import pytest
from django.db.models import Q
from django.utils import timezone
from hypothesis import HealthCheck, Phase, example, given, settings, strategies

from integration.engine.clients import tokens
from integration.engine.sync import runs
from integration.models import Connection, ConsentEntry, SyncJob, SyncRun
from integration.secrets import email_hash
from integration.tasks import start_runs
from sandbox.hubspot.seed import PORTAL_ID
from tests.support import hub
from tests.support.search import examples

pytestmark = pytest.mark.slow

ACTS = ("yes", "no", "empty", "click", "leave", "rename", "move", "merge", "delete")
SYNCS = ("work", "work late", "lose", "poll", "reconcile", "fetch all", "time")
STEPS = strategies.lists(
    strategies.tuples(strategies.integers(0, 1), strategies.sampled_from(ACTS + SYNCS)), min_size=2, max_size=14
)
numbers = itertools.count(1)
hunt = settings(
    max_examples=examples(3), deadline=None, phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip


class People:
    """Two people at the source and what they did about the newsletter themselves."""

    def __init__(self, world):
        self.world, self.late, self.moment = world, [], itertools.count(1)
        self.address, self.ids, self.ever = {}, [], set()
        self.left, self.clicked, self.new_wish, self.mails = {}, {}, {}, {}
        for _ in range(2):
            number = next(numbers)
            key = self.create(f"Person Nr{number}")
            self.ids.append(key)
            self.address[key] = f"person.nr{number}@example.com"
            self.ever.add(self.address[key])

    def do(self, which, what, shuffle):
        key = self.ids[which]
        getattr(self, what.replace(" ", "_"))(*((shuffle,) if what in SYNCS else (key,)))
        self.look()

    def known_as(self, key):
        """The ids one person has had at the source."""
        return {key}

    # What people do

    def yes(self, key):
        self.say(key, "Yes")
        self.new_wish[self.address.get(key)] = next(self.moment)

    def no(self, key):
        self.say(key, "No")

    def empty(self, key):
        self.say(key, None)

    def say(self, key, word):
        if key in self.address:
            self.world.say(key, word)

    def click(self, key):
        if (address := self.address.get(key)) in self.world.mails():
            self.world.click(address)
            self.clicked[address] = next(self.moment)

    def leave(self, key):
        if (address := self.address.get(key)) in self.subscribed():
            self.world.leave(address)
            self.left[address] = next(self.moment)

    def rename(self, key):
        if key in self.address:
            self.change(key, f"Renamed Nr{next(numbers)}", None)

    def move(self, key):
        if key in self.address:
            self.address[key] = f"moved.nr{next(numbers)}@example.com"
            self.ever.add(self.address[key])
            self.change(key, None, self.address[key])

    def merge(self, key):
        other = next(row for row in self.ids if row != key)
        if key in self.address and other in self.address:
            self.join(key, other)
            del self.address[key]

    def delete(self, key):
        if key in self.address:
            self.world.delete(key)
            del self.address[key]

    # What the hub does

    def work(self, shuffle):
        self.hand_in(self.world.held(), shuffle)

    def work_late(self, shuffle):
        events = self.world.held()
        self.late += events[::2]
        self.hand_in(events[1::2], shuffle)

    def lose(self, shuffle):
        self.world.held()

    def poll(self, shuffle):
        self.run("poll")

    def reconcile(self, shuffle):
        self.run("reconcile")

    def run(self, kind):
        start_runs(self.world.integration, kind)
        hub.drain()

    def fetch_all(self, shuffle):
        for flow in self.fetches if not SyncRun.objects.filter(kind="fetch_all", state__in=runs.UNFINISHED) else ():
            runs.start(self.world.integration, "fetch_all", flow, options={"allow_doi": bool(shuffle.getrandbits(1))})
        hub.drain()

    def time(self, shuffle):
        self.world.sandbox.control("POST", "/time", {"advance_seconds": 120})
        for connection in Connection.objects.filter(auth_kind="oauth"):  # it passed for their tokens too
            tokens.ensure_fresh(connection, force=True)
        for rows in (SyncJob.objects.filter(state="waiting"), SyncRun.objects.filter(state__in=runs.UNFINISHED)):
            rows.update(next_attempt_at=timezone.now())
        hub.drain()

    def hand_in(self, events, shuffle):
        shuffle.shuffle(events)
        for delivery in events:
            assert self.world.post(delivery) == 200
        hub.drain()

    def settle(self, shuffle):
        for _ in range(3):
            self.hand_in(self.world.held() + self.late, shuffle)
            self.late = []
            self.time(shuffle)
            self.poll(shuffle)
            self.look()
        for _ in range(20):  # a vendor's budget per second may be used up
            if not SyncRun.objects.filter(state__in=runs.UNFINISHED) and not SyncJob.objects.filter(state="waiting"):
                break
            sleep(0.5)
            self.hand_in(self.world.held(), shuffle)
            self.look()


class AtMaileon(People):
    """By opt-in mail: the click is the only cause of a permission."""

    def subscribed(self):
        return {email: row["permission"] for email, row in self.world.contacts().items() if email in self.ever}

    def look(self):
        for address, permission in self.subscribed().items():
            if permission > 1:
                clicked = self.clicked.get(address, 0)
                assert clicked > self.left.get(address, 0), f"{address} has permission {permission} without a click"
        for address in self.left:
            mails = self.world.mails().count(address)
            if mails > self.mails.get(address, mails):
                assert self.new_wish.get(address, 0) > self.left[address], f"{address} was mailed after opting out"
        self.mails = {address: self.world.mails().count(address) for address in self.left}


class FromPipedrive(AtMaileon):
    fetches = ("person_to_contact",)

    def create(self, name):
        return self.world.person(name)

    def change(self, key, name, address):
        emails = {"emails": [{"value": address, "primary": True}]} if address else {}
        self.world.change(key, **({"name": name} if name else {}), **emails)

    def join(self, key, other):
        self.world.merge(key, other)


class FromHubSpot(AtMaileon):
    fetches = ("contact_to_contact",)

    def create(self, name):
        return self.world.contact(name, maileon_subscribe="true")

    def change(self, key, name, address):
        self.world.change(key, **({"lastname": name} if name else {}), **({"email": address} if address else {}))

    def join(self, key, other):
        self.world.do(key, "merge", into=int(other))

    def known_as(self, key):
        """HubSpot gives the survivor of a merge a new id; nobody may have read the old one."""
        return {key, str(self.world.sandbox.state.hubspot.portals[PORTAL_ID].survivor(int(key)))}


class AtBrevo(People):
    """Without opt-in mails: a contact that was blocklisted once is blocklisted for good, whatever becomes of it."""

    fetches = ("person_to_contact",)

    def create(self, name):
        return self.world.person(name)

    def change(self, key, name, address):
        emails = {"emails": [{"value": address, "primary": True}]} if address else {}
        self.world.change(key, **({"name": name} if name else {}), **emails)

    def join(self, key, other):
        self.world.sandbox.control("POST", f"/pipedrive/acme/persons/{key}/merge", {"into": int(other)})

    def delete(self, key):
        if key in self.address:
            self.world.sandbox.control("DELETE", f"/pipedrive/acme/persons/{key}")
            del self.address[key]

    def say(self, key, word):
        """There is no newsletter field here."""

    def click(self, key):
        """Nor an opt-in mail."""

    def subscribed(self):
        return {email: 1 for email, row in self.world.contacts().items() if not row["emailBlacklisted"]}

    def look(self):
        contacts = self.world.contacts()
        for address, moment in self.left.items():
            if address in contacts:
                assert contacts[address]["emailBlacklisted"], f"{address} came back after opting out ({moment})"
        blocked = {row["id"] for row in contacts.values() if row["emailBlacklisted"]}
        assert self.blocked & {row["id"] for row in contacts.values()} <= blocked, "a contact left the blocklist"
        self.blocked |= blocked

    blocked: frozenset = frozenset()


def play(people, steps, shuffle):
    for which, what in steps:
        people.do(which, what, shuffle)
    people.settle(shuffle)
    assert not SyncJob.objects.filter(state="waiting").exists()
    unfinished = SyncRun.objects.filter(state__in=runs.UNFINISHED)
    assert not unfinished, [(run.problem, run.next_attempt_at, run.integration.left.not_before) for run in unfinished]
    for address, key in ((address, key) for key, address in people.address.items() if address in people.left):
        if people.clicked.get(address, 0) < people.left[address]:
            assert ConsentEntry.objects.filter(
                Q(source_id=key) | Q(source_id__in=people.known_as(key), email_hash=email_hash(address)),
                integration=people.world.integration,
                became__in=("unsubscribed", "bounced"),
            ).exists(), f"the ledger knows nothing of the opt-out of {address}"


given_steps = given(steps=STEPS, seed=strategies.integers(0, 99))
OPT_OUT_AND_FETCH = [(0, "work"), (0, "click"), (0, "work"), (0, "leave"), (0, "fetch all"), (0, "yes"), (0, "work")]
# The opt-out is never told, the contact is gone, and the next change at the source wants to write it.
OPT_OUT_UNTOLD = [*OPT_OUT_AND_FETCH[:4], (0, "lose"), (0, "time"), (0, "rename"), (0, "work"), (0, "fetch all")]


@pytest.mark.chaos("H1")
@example(steps=OPT_OUT_AND_FETCH, seed=0)
@example(steps=OPT_OUT_UNTOLD, seed=0)
@example(steps=[*OPT_OUT_AND_FETCH[:4], (0, "lose"), (0, "move"), (1, "merge"), (0, "work")], seed=0)
@given_steps
@hunt
def test_pipedrive_and_maileon(world, steps, seed):
    play(FromPipedrive(world), steps, random.Random(seed))


@pytest.mark.chaos("H1")
@example(steps=OPT_OUT_AND_FETCH, seed=0)
@example(steps=OPT_OUT_UNTOLD, seed=0)
@example(steps=[(0, "lose"), (0, "merge"), (1, "fetch all"), (1, "leave"), (1, "fetch all")], seed=0)
@given_steps
@hunt
def test_hubspot_and_maileon(hubspot_world, steps, seed):
    play(FromHubSpot(hubspot_world), steps, random.Random(seed))


@pytest.mark.chaos("H1")
@example(steps=[(0, "work"), (0, "leave"), (0, "lose"), (0, "move"), (0, "work"), (0, "fetch all")], seed=0)
@given_steps
@hunt
def test_pipedrive_and_brevo(brevo_world, steps, seed):
    play(AtBrevo(brevo_world), steps, random.Random(seed))


def test_the_ledger_tells_what_when_from_where_and_by_which_event(world):
    key = world.person("Ada Byron")
    world.deliver()
    world.click("ada.byron@example.com")
    world.deliver()
    world.leave("ada.byron@example.com")
    world.deliver()

    rows = list(ConsentEntry.objects.filter(source_id=key).order_by("id"))
    assert [(row.was, row.became, row.vendor) for row in rows] == [
        ("", "pending", "pipedrive"), ("pending", "confirmed", "maileon"), ("confirmed", "unsubscribed", "maileon"),
    ]  # fmt: skip
    assert [row.cause for row in rows] == ["person.create", "doi", "unsubscription"]
    assert all(row.event_id_seen and row.email_hash for row in rows)


def test_the_ledger_tells_what_a_merge_made_of_the_survivors_consent(world):
    loser = world.person("Ada Byron")
    world.deliver()
    world.click("ada.byron@example.com")
    world.deliver()
    survivor = world.person("Augusta Ada", email="ada.byron@example.com")
    world.deliver()
    assert not ConsentEntry.objects.filter(source_id=survivor).exists()

    world.merge(loser, survivor)
    world.deliver()

    [row] = ConsentEntry.objects.filter(source_id=survivor)
    assert (row.was, row.became, row.vendor, row.cause) == ("", "confirmed", "pipedrive", f"merge of {loser}")
    assert row.email_hash == ConsentEntry.objects.filter(source_id=loser).latest("id").email_hash
