"""Whatever a record holds, a comparison right after its sync finds nothing: no value is taken for another one."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings, strategies

from integration.connectors.base import FieldSpec, Option
from integration.engine.sync import replay, runs
from integration.models import Drift, FieldMapping
from tests.support import hub
from tests.support.search import examples

pytestmark = [pytest.mark.property, pytest.mark.slow]

FLOW = "person_to_contact"
LEVELS = (Option("", "Gold"), Option("", "Lead & more"))
KINDS = ("text", "number", "date", "phone", "option")  # of the fields at Pipedrive
ROWS = (  # kind at Pipedrive, transform, label and kind at the target
    ("text", "text", "Odd text", "text"), ("number", "number", "Odd number", "number"),
    ("number", "text", "Odd figure", "text"), ("date", "date", "Odd day", "date"), ("date", "text", "Day text", "text"),
    ("phone", "phone", "Odd phone", "text"), ("option", "option_label", "Odd level", "text"),
)  # fmt: skip
PHONES = ("+43 (1) 5550100", "0664 1234567", "none", "+44 (0)20 7946 0958")
TEXTS = strategies.text(max_size=20) | strategies.builds(
    lambda part: part * 60, strategies.text(min_size=1, max_size=6)
)
VALUES = strategies.fixed_dictionaries(
    {
        "text": strategies.none() | TEXTS,
        "number": strategies.none() | strategies.integers(-(2**31), 2**31) | strategies.floats(-1e12, 1e12),
        "date": strategies.none() | strategies.dates().map(str),
        "phone": strategies.none() | strategies.sampled_from(PHONES),
        "option": strategies.none() | strategies.sampled_from(["Gold", "Lead & more"]),
    }
)
hunt = settings(
    max_examples=examples(5), deadline=None, phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
EMPTY = dict.fromkeys(KINDS)
ODD_TEXTS = (
    "Ada  \t Lovelace ", "Zoe\u0308", "Ada\0Byron", "line\r\nbreak\x0b", "x" * 254 + "  y", "\u200bAda", "<b>&amp;</b>",
    "1e20", "\x1b[0m", "\ufffe", "\ufb01", "10:00", "\u00a0", "y" * 5000, "\U0001f600" * 200, "True", "0",
)  # fmt: skip


class Mapped:
    """A world in which fields of every kind travel from a person to a contact."""

    def __init__(self, world):
        self.world = world
        left, right = world.integration.left, world.integration.right
        client, there = hub.client_of(left), hub.client_of(right)
        body = {"field_name": "Odd text", "field_type": "text"}
        client.write("POST", "/api/v2/personFields", body, cost=5)
        for kind in KINDS[1:]:
            options = LEVELS if kind == "option" else ()
            left.connector.create_field(client, "person", FieldSpec("", f"Odd {kind}", kind, options))
        known = {spec.label: spec for spec in left.connector.fields(client, "person")}
        self.fields = {kind: known[f"Odd {kind}"] for kind in KINDS}
        for kind, transform, label, target in ROWS:
            key = right.connector.field_name(label, 1)
            made = right.connector.create_field(there, "contact", FieldSpec(key, key, target))
            FieldMapping.objects.create(
                integration=world.integration, flow=FLOW, position=50, source=f"custom_fields.{self.fields[kind].key}",
                transform=transform, target=made.key,
            )  # fmt: skip
        self.person = world.person("Ada Lovelace", email="ada@example.com")
        world.deliver()

    def write(self, values):
        wish = {}
        for kind, value in values.items():
            spec = self.fields[kind]
            known = {option.label: int(option.key) for option in spec.options}
            wish[spec.key] = known.get(value, value)
        self.world.change(self.person, custom_fields=wish)
        self.world.held()
        replay.resync(self.world.integration, FLOW, [self.person])
        hub.drain()

    def compare(self):
        run = runs.start(self.world.integration, "compare", FLOW)
        hub.drain()
        run.refresh_from_db()
        assert (run.state, run.problem) == ("done", "")
        rows = Drift.objects.filter(integration=self.world.integration, source_id=self.person)
        return run.counts, [(row.kind, row.field, row.ours, row.theirs) for row in rows]


def compared(mapped, values):
    """How many records are alike after this was written, and what differs."""
    mapped.write(values)
    counts, found = mapped.compare()
    return counts.get("same"), found


@pytest.fixture
def in_maileon(world):
    mapped = Mapped(world)
    world.click("ada@example.com")
    world.deliver()
    return mapped


@pytest.fixture
def in_brevo(brevo_world):
    return Mapped(brevo_world)


@given(values=VALUES)
@hunt
def test_what_maileon_makes_of_a_value_is_no_difference(in_maileon, values):
    assert compared(in_maileon, values) == (1, [])


@given(values=VALUES)
@hunt
def test_what_brevo_makes_of_a_value_is_no_difference(in_brevo, values):
    assert compared(in_brevo, values) == (1, [])


@pytest.mark.parametrize("target", ["in_maileon", "in_brevo"])
def test_odd_texts_are_no_difference(target, request):
    mapped = request.getfixturevalue(target)
    wrong = {}
    for text in ODD_TEXTS:
        mapped.write(EMPTY | {"text": text})
        counts, found = mapped.compare()
        if found or counts.get("same") != 1:
            wrong[text[:30]] = (counts, found)
    assert wrong == {}
