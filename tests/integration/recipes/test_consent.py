"""Whatever people do on both sides, an opt-out is never undone, no permission rises without its cause, and nobody is
opted out who did not say so.

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
from integration.engine.safety import limits
from integration.engine.sync import router, runner, runs
from integration.models import Connection, ConsentEntry, SyncJob, SyncRun
from integration.recipes.pipedrive_brevo import contacts
from integration.recipes.registry import get_recipe
from integration.secrets import email_hash
from integration.tasks import start_runs
from sandbox.hubspot.seed import PORTAL_ID
from tests.support import hub
from tests.support.search import examples

pytestmark = pytest.mark.slow

ACTS = ("yes", "no", "empty", "click", "leave", "rename", "move", "swap", "take", "double", "merge", "delete")
SYNCS = ("work", "work late", "lose", "poll", "reconcile", "fetch all", "time", "edit options", "queue")
STEPS = strategies.lists(
    strategies.tuples(strategies.integers(0, 1), strategies.sampled_from(ACTS + SYNCS)), min_size=2, max_size=14
)
numbers = itertools.count(1)
hunt = settings(
    max_examples=examples(3), deadline=None, phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip


@pytest.fixture(autouse=True)
def no_brakes(request, monkeypatch):
    """All examples go through one installation: what is much of it together is little of each."""
    django = request.getfixturevalue("settings")
    django.BRAKE_FLOOR = django.BRAKE_OPT_IN_MAILS_PER_DAY = 10**6
    monkeypatch.setattr(limits, "WHOLE_ACCOUNT", 10**6)


class People:
    """Two people at the source and what they did about the newsletter themselves."""

    def __init__(self, world):
        self.world, self.late, self.moment = world, [], itertools.count(1)
        self.address, self.ids, self.ever = {}, [], set()
        self.left, self.clicked, self.new_wish, self.mails = {}, {}, {}, {}
        self.had, self.said, self.unclear, self.given_up = {}, {}, set(), []
        for _ in range(2):
            number = next(numbers)
            self.enter(f"Person Nr{number}", f"person.nr{number}@example.com")

    def enter(self, name, address):
        key = self.create(name, address)
        self.ids.append(key)
        self.had[key], self.said[key] = set(), "Yes"
        self.settle_at(key, address)

    def settle_at(self, key, address):
        """The address is this person's now."""
        self.address[key] = address
        self.had[key].add(address)
        self.ever.add(address)

    def do(self, which, what, shuffle):
        key = self.ids[which % len(self.ids)]
        getattr(self, what.replace(" ", "_"))(*((shuffle,) if what in SYNCS else (key,)))
        self.look()

    def known_as(self, key):
        """The ids one person has had at the source."""
        return {key}

    def whose(self, address):
        """The ids of everybody who has or had this address."""
        return {known for key in self.had if address in self.had[key] for known in self.known_as(key)}

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
            self.said[key] = word
            if word != "Yes":
                self.unclear |= {key, self.address[key]}

    def click(self, key):
        address = self.address.get(key)
        if address in self.world.mails() and address in self.world.contacts():  # the mail of who is gone leads nowhere
            self.world.click(address)
            self.clicked[address] = next(self.moment)

    def leave(self, key):
        if (address := self.address.get(key)) in self.subscribed():
            self.world.leave(address)
            self.left[address] = next(self.moment)
            self.unclear.add(address)

    def rename(self, key):
        if key in self.address:
            self.change(key, f"Renamed Nr{next(numbers)}", None)

    def move(self, key):
        if key in self.address:
            self.move_to(key, f"moved.nr{next(numbers)}@example.com")

    def move_to(self, key, address):
        self.given_up.append(self.address[key])
        self.settle_at(key, address)
        self.change(key, None, address)

    def swap(self, key):
        """Two people change places."""
        other = next(row for row in self.ids if row != key)
        if self.may_share and key in self.address and other in self.address:
            mine, theirs = self.address[key], self.address[other]
            self.move_to(key, theirs)
            self.move_to(other, mine)

    def take(self, key):
        """Somebody gets an address that another one gave up."""
        free = [address for address in self.given_up if address not in self.address.values()]
        if key in self.address and free:
            self.move_to(key, free[-1])

    def double(self, key):
        """The same person is entered once more."""
        if self.may_share and key in self.address and len(self.ids) < 4:
            self.enter(f"Person Nr{next(numbers)}", self.address[key])

    def merge(self, key):
        other = next(row for row in self.ids if row != key)
        if key in self.address and other in self.address:
            self.join(key, other)
            self.had[other] |= self.had[key]
            if not self.is_clear(key):
                self.unclear.add(other)
            del self.address[key]

    def delete(self, key):
        if key in self.address:
            self.remove(key)
            self.given_up.append(self.address.pop(key))

    def remove(self, key):
        self.world.delete(key)

    def is_clear(self, key):
        """Whether this person said Yes and nobody ever said anything else at an address they had."""
        sharing = {row for row, address in self.address.items() if address in self.had[key]}
        spoiled = {address for row in sharing | {key} for address in self.had[row]} & self.unclear
        return not spoiled and not self.unclear & (sharing | {key})

    # What the hub does

    def drain(self):
        hub.drain()

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
        self.drain()

    def fetch_all(self, shuffle):
        for flow in self.fetches if not SyncRun.objects.filter(kind="fetch_all", state__in=runs.UNFINISHED) else ():
            runs.start(self.world.integration, "fetch_all", flow, options={"allow_doi": bool(shuffle.getrandbits(1))})
        self.drain()

    def time(self, shuffle):
        self.world.sandbox.control("POST", "/time", {"advance_seconds": 120})
        for connection in Connection.objects.filter(auth_kind="oauth"):  # it passed for their tokens too
            tokens.ensure_fresh(connection, force=True)
        for rows in (SyncJob.objects.filter(state="waiting"), SyncRun.objects.filter(state__in=runs.UNFINISHED)):
            rows.update(next_attempt_at=timezone.now())
        self.drain()

    def edit_options(self, shuffle):
        """Somebody renames the options of our field, where there is one, and the settings are saved."""

    def queue(self, shuffle):
        """From here on the vendor is slow to carry out what it accepts, where it queues anything."""

    def carry_out(self):
        """The vendor is quick again."""

    def hand_in(self, events, shuffle):
        shuffle.shuffle(events)
        for delivery in events:
            assert self.world.post(delivery) == 200
        self.drain()

    def settle(self, shuffle):
        self.carry_out()
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

    may_share = True  # two people at the source may have one address

    def stand(self):
        """Whoever is clear still says Yes, and is a contact."""
        contacts = self.world.contacts()
        for key, address in self.address.items():
            if self.is_clear(key):
                assert self.says_yes(key), f"{key} at {address} is shown as somebody who said No"
                assert address in contacts, f"{key} at {address} said Yes and was left out"
        for address, row in contacts.items():
            living = [key for key, known in self.address.items() if known == address]
            if address in self.ever and row["permission"] > 1:
                assert living, f"{address} is nobody's any more and still gets mail"
                assert all(self.said[key] != "No" for key in living), f"somebody at {address} says No"

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

    def edit_options(self, shuffle):
        key = self.world.integration.resources["newsletter"]
        field = self.world.sandbox.state.pipedrive.companies["acme"].fields["person"][key]
        for option in field.options:
            option["label"] = f"Option Nr{next(numbers)}"
        hub.save(self.world.integration)

    def create(self, name, address):
        return self.world.person(name, email=address)

    def says_yes(self, key):
        return self.world.shown(key)[0] == "yes"

    def change(self, key, name, address):
        emails = {"emails": [{"value": address, "primary": True}]} if address else {}
        self.world.change(key, **({"name": name} if name else {}), **emails)

    def join(self, key, other):
        self.world.merge(key, other)


class FromHubSpot(AtMaileon):
    fetches = ("contact_to_contact",)

    may_share = False  # HubSpot refuses a second contact with the same address

    def create(self, name, address):
        return self.world.contact(name, email=address, maileon_subscribe="true")

    def says_yes(self, key):
        return self.world.shown(key, "maileon_subscribe") != ["false"]

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
    may_share = True

    def queue(self, shuffle):
        self.world.sandbox.control("PATCH", "/brevo/801", {"import_delay_s": 600})
        self.is_slow = True

    def drain(self):
        """Who waits for an import looks again and again, so that there is no rest before it was carried out."""
        if not self.is_slow:
            super().drain()
            return
        for _ in range(2):
            router.route_new_events(get_recipe)
            runner.run(str(self.world.integration.pk), get_recipe)

    def carry_out(self):
        self.is_slow = False
        self.world.sandbox.control("PATCH", "/brevo/801", {"import_delay_s": 0})
        self.world.sandbox.control("POST", "/brevo/801/imports/end", {})

    def stand(self):
        """Whoever is clear is a contact and is not shown as somebody who left."""
        contacts = self.world.contacts()
        for key, address in self.address.items():
            if self.is_clear(key):
                assert address in contacts, f"{key} at {address} was left out"
                assert not contacts[address]["emailBlacklisted"], f"{key} at {address} was put on the blocklist"
                assert self.world.status(key) != "unsubscribed", f"{key} at {address} is shown as somebody who left"

    def create(self, name, address):
        return self.world.person(name, email=address)

    def change(self, key, name, address):
        emails = {"emails": [{"value": address, "primary": True}]} if address else {}
        self.world.change(key, **({"name": name} if name else {}), **emails)

    def join(self, key, other):
        self.world.sandbox.control("POST", f"/pipedrive/acme/persons/{key}/merge", {"into": int(other)})

    def remove(self, key):
        self.world.sandbox.control("DELETE", f"/pipedrive/acme/persons/{key}")

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
    is_slow = False


def play(people, steps, shuffle):
    for which, what in steps:
        people.do(which, what, shuffle)
    people.settle(shuffle)
    assert not SyncJob.objects.filter(state="waiting").exists()
    people.stand()
    unfinished = SyncRun.objects.filter(state__in=runs.UNFINISHED)
    assert not unfinished, [(run.problem, run.next_attempt_at, run.integration.left.not_before) for run in unfinished]
    for address in [address for address in people.address.values() if address in people.left]:
        if people.clicked.get(address, 0) < people.left[address]:
            assert ConsentEntry.objects.filter(
                Q(source_id__in=people.whose(address)) | Q(email_hash=email_hash(address)),
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


@pytest.mark.chaos("H1")
@example(steps=[(0, "queue"), (0, "work"), (0, "leave"), (0, "move"), (0, "work"), (1, "swap"), (0, "work")], seed=0)
@given_steps
@hunt
def test_pipedrive_and_brevo_by_imports(brevo_world, steps, seed):
    """As above, with nothing but imports: what Brevo accepts it carries out some time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contacts, "FEW", 0)
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
