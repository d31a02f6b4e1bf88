"""Two-way flows on a recipe without vendors: what travels, what is an echo, who wins, and that both sides end equal."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from integration.connectors.base import FieldSpec, Option
from integration.engine.dispatch.jobs import save_jobs
from integration.engine.flow.base import Record
from integration.engine.flow.mapping_row import MappingRow, TwoWay
from integration.engine.mapping import transforms
from integration.engine.sync import runner, two_way
from integration.errors import TransientError
from integration.models import RecordLink, ReferenceCache, SyncJob, SyncLog
from tests.support.factories import IntegrationFactory, MappingFactory
from tests.support.fake_recipe import FakeBack, FakeForward, recipes_with

pytestmark = pytest.mark.django_db(transaction=True)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=1)
SIZES = (Option("11", "Small"), Option("12", "Large"))
PERSON = [
    FieldSpec("name", "Name", "text"), FieldSpec("first_name", "First name", "text"),
    FieldSpec("size", "Size", "option", SIZES), FieldSpec("note", "Note", "text"),
]  # fmt: skip
CONTACT = [FieldSpec(key, key, "text") for key in ("FULLNAME", "FIRSTNAME", "SIZE", "NOTE")]
ROWS = [
    MappingRow("name", "FULLNAME"), MappingRow("first_name", "FIRSTNAME", direction="both"),
    MappingRow("size", "SIZE", "option_label", direction="both"), MappingRow("note", "NOTE", direction="backward"),
]  # fmt: skip


class Pair:
    """One record on both sides, and the two flows between them."""

    def __init__(self, wins):
        self.integration = IntegrationFactory()
        for side, kind, specs in (("left", "person", PERSON), ("right", "contact", CONTACT)):
            entries = {spec.key: asdict(spec) for spec in specs}
            ReferenceCache.objects.create(
                connection=getattr(self.integration, side),
                kind=f"fields:{kind}",
                entries=entries,
                fetched_at=timezone.now(),
            )
        for row in ROWS:
            MappingFactory(
                integration=self.integration, flow="person_to_contact", source=row.source, target=row.target,
                transform=row.transform, direction=row.direction,
            )  # fmt: skip
        self.person = {"name": "Ada L", "first_name": "Ada", "size": "11", "note": None}
        self.forward = FakeForward(source={"8": self.person}, target={})
        self.back = FakeBack(source=self.forward.target, target=self.forward.source)
        way = {"person_to_contact": TwoWay("contact_to_person", lambda settings: wins)}
        self.recipes = recipes_with(self.forward, self.back, two_way=way)

    @property
    def contact(self):
        return self.forward.target["8"]

    @property
    def link(self):
        return RecordLink.objects.get()

    def run(self, *flows):
        """Wish for these flows in this order and work until nothing is left."""
        for flow in flows:
            save_jobs([SyncJob(integration=self.integration, flow=flow.key, external_id="8")])
            runner.run(str(self.integration.pk), self.recipes)
        assert not SyncJob.objects.exclude(state="done").exists()


@pytest.fixture
def pair():
    made = Pair("newest")
    made.run(made.forward)
    assert made.contact == {"FULLNAME": "Ada L", "FIRSTNAME": "Ada", "SIZE": "Small"}
    return made


@pytest.mark.parametrize(
    ("base", "source", "target", "said"),
    [("a", "a", "a", "same"), ("a", "b", "a", "source"), ("a", "a", "b", "target"), ("a", "b", "c", "both"),
     ("a", "b", "b", "same"), (None, "b", "", "source"), (None, None, "c", "target"), (5, "5", 5.0, "same"),
     ("a", None, "b", "both"), ("a", "", None, "same")],
)  # fmt: skip
def test_a_field_is_judged_by_what_both_last_agreed_on(base, source, target, said):
    assert two_way.verdict(base, source, target) == said


@pytest.mark.parametrize(
    ("wins", "ours", "theirs", "side"),
    [("newest", NOON, LATER, "target"), ("newest", LATER, NOON, "source"), ("newest", NOON, NOON, "source"),
     ("newest", None, NOON, "target"), ("newest", None, None, "source"), ("source", NOON, LATER, "source"),
     ("target", LATER, NOON, "target")],
)  # fmt: skip
def test_the_winner_is_the_newer_side_or_the_one_the_tenant_named(wins, ours, theirs, side):
    assert two_way.winner(wins, Record("8", {}, ours), Record("8", {}, theirs)) == side


def test_a_row_is_turned_around_unless_its_transform_cannot_be():
    rows = [*ROWS, MappingRow("name", "X", "first_word", direction="both"), MappingRow("", "Y", "constant", {}, "both")]

    assert transforms.backward(rows) == [
        MappingRow("FIRSTNAME", "first_name", "text"), MappingRow("SIZE", "size", "option_key"),
        MappingRow("NOTE", "note", "text"),
    ]  # fmt: skip


@pytest.mark.chaos("W5")
def test_a_change_at_the_target_travels_back_and_its_echo_stops(pair):
    pair.contact.update(FIRSTNAME="Adah", SIZE="large", NOTE="met at a fair")

    pair.run(pair.back)

    assert pair.person == {"name": "Ada L", "first_name": "Adah", "size": "12", "note": "met at a fair"}
    log = SyncLog.objects.latest("id")
    assert (log.action, log.changes["first_name"]) == ("update_person", ["Ada", "Adah"])
    writes = len(pair.forward.writes) + len(pair.back.writes)
    pair.run(pair.back, pair.forward, pair.back, pair.forward)
    assert len(pair.forward.writes) + len(pair.back.writes) <= writes + 1  # the label once in its own spelling
    assert SyncLog.objects.filter(flow="contact_to_person").latest("id").reason == "echo"


def test_a_field_only_the_target_changed_is_not_overwritten_on_the_way_there(pair):
    pair.contact["FIRSTNAME"] = "Adah"
    pair.person["name"] = "Ada Lovelace"

    pair.run(pair.forward)
    assert pair.contact == {"FULLNAME": "Ada Lovelace", "FIRSTNAME": "Adah", "SIZE": "Small"}

    pair.run(pair.back)
    assert pair.person["first_name"] == "Adah"


def test_an_option_nobody_knows_stays_behind_and_the_rest_travels(pair, monkeypatch):
    asked = []
    monkeypatch.setattr(two_way, "read_again", lambda ctx, flow, sides: asked.append(sides))
    pair.contact.update(FIRSTNAME="Adah", SIZE="Huge")

    pair.run(pair.back)

    assert (pair.person["first_name"], pair.person["size"]) == ("Adah", "11")
    assert "no option 'Huge'" in SyncLog.objects.latest("id").detail
    assert asked[-1] == {"source"}  # the list of the account that is written to


@pytest.mark.parametrize("wins", ["newest", "source", "target"])
@pytest.mark.parametrize("source_is_newer", [True, False])
@pytest.mark.parametrize("back_first", [True, False])
def test_an_edit_on_both_sides_ends_equal_and_is_logged_with_both_values(wins, source_is_newer, back_first):
    pair = Pair(wins)
    pair.run(pair.forward)
    pair.person["first_name"], pair.contact["FIRSTNAME"] = "Augusta", "Adah"
    pair.forward.versions["8"], pair.back.versions["8"] = (LATER, NOON) if source_is_newer else (NOON, LATER)

    pair.run(*((pair.back, pair.forward) if back_first else (pair.forward, pair.back)))

    source_wins = wins == "source" or (wins == "newest" and source_is_newer)
    expected = "Augusta" if source_wins else "Adah"
    assert pair.person["first_name"] == pair.contact["FIRSTNAME"] == pair.link.written["FIRSTNAME"] == expected
    logged = SyncLog.objects.filter(reason="both_changed")
    assert logged
    assert "“Augusta” in Pipedrive, “Adah” in Maileon" in logged[0].detail
    before = len(pair.forward.writes) + len(pair.back.writes)
    pair.run(pair.forward, pair.back)
    assert len(pair.forward.writes) + len(pair.back.writes) == before


def test_the_same_edit_on_both_sides_writes_nothing(pair):
    pair.person["first_name"] = pair.contact["FIRSTNAME"] = "Adah"
    before = len(pair.forward.writes) + len(pair.back.writes)

    pair.run(pair.back, pair.forward)

    assert len(pair.forward.writes) + len(pair.back.writes) == before
    assert pair.link.written["FIRSTNAME"] == "Adah"


def test_the_other_side_is_read_only_when_a_two_way_field_changed(pair):
    pair.back.reads.clear()
    pair.person["name"] = "Ada Lovelace"
    pair.run(pair.forward)
    assert pair.back.reads == []

    pair.person["first_name"] = "Augusta"
    pair.run(pair.forward)

    assert pair.back.reads == [["8"]]
    assert pair.contact["FIRSTNAME"] == "Augusta"


@pytest.mark.parametrize("wins", ["newest", "source", "target"])
def test_with_the_way_back_switched_off_the_source_writes_as_ever(wins):
    pair = Pair(wins)
    pair.run(pair.forward)
    pair.contact["FIRSTNAME"] = "Adah"
    pair.person["first_name"] = "Augusta"
    pair.back.enabled = lambda settings: False

    pair.run(pair.forward)

    assert pair.contact["FIRSTNAME"] == "Augusta"


def both_changed(wins, *, carrier_works=True):
    """One record changed on both sides; the flow that would carry the winner's value may fail."""
    pair = Pair(wins)
    pair.run(pair.forward)
    pair.person["first_name"], pair.contact["FIRSTNAME"] = "Augusta", "Adah"
    loser, winner = (pair.forward, pair.back) if wins == "target" else (pair.back, pair.forward)
    if not carrier_works:
        winner.decide = lambda *args: (_ for _ in ()).throw(TransientError("down"))
    save_jobs([SyncJob(integration=pair.integration, flow=loser.key, external_id="8")])
    runner.run(str(pair.integration.pk), pair.recipes)
    return pair


@pytest.mark.parametrize(("wins", "value"), [("target", "Adah"), ("source", "Augusta")])
def test_the_winners_value_is_carried_over_though_only_the_losers_flow_was_asked_for(wins, value):
    pair = both_changed(wins)

    assert pair.person["first_name"] == pair.contact["FIRSTNAME"] == value


@pytest.mark.parametrize("wins", ["target", "source"])
def test_until_the_winners_value_has_arrived_the_loser_is_not_what_both_agreed_on(wins):
    pair = both_changed(wins, carrier_works=False)

    assert (pair.person["first_name"], pair.contact["FIRSTNAME"]) == ("Augusta", "Adah")
    assert pair.link.written["FIRSTNAME"] == "Ada"
