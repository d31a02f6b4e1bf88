"""Any two objects of people are brought in step by what their object APIs declare, without a word of either vendor."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from integration.connectors.objects import Draft, ObjectRecord, WriteOutcome, walk
from sandbox.thread import SandboxThread
from tests.support.object_conformance import Trial

# Vendor, object, and the fields that hold the first name and the address there: what a mapping would say.
PEOPLE = {
    "pipedrive": ("person", "name", "email"),
    "hubspot": ("contact", "firstname", "email"),
    "maileon": ("contact", "FIRSTNAME", "email"),
    "brevo": ("contact", "FIRSTNAME", "email"),
    "planhat": ("enduser", "firstName", "email"),
    "leadboxer": ("lead", "firstName", "email"),
}
PAIRS = [(one, other) for one in PEOPLE for other in PEOPLE if one != other and other != "leadboxer"]


def opened(vendor: str, sandbox: SandboxThread) -> Trial:
    objects = import_module(f"tests.integration.connectors.{vendor}.test_objects").OBJECTS
    return Trial(objects, PEOPLE[vendor][0], sandbox)


def bring_over(source: Trial, target: Trial) -> list[WriteOutcome]:
    """Bring every record with an address over: change who is found by it, create the others."""
    _, name, email = PEOPLE[source.vendor]
    _, their_name, their_email = PEOPLE[target.vendor]
    assert source.api.common is not None
    records = [source.api.common(source.access, row) for row in walk(source.api, source.access)]
    wanted = {record.emails[0]: record for record in records if record.emails}
    assert target.api.find is not None
    known = target.api.find(target.access, their_email, list(wanted))
    outcomes: list[WriteOutcome] = []
    for address, record in wanted.items():
        values = {their_name: record.values[name], their_email: address}
        outcomes += write(target, known.get(address, ()), values, record)
    return outcomes


def write(target: Trial, ids: tuple[str, ...], values: dict[str, Any], record: ObjectRecord) -> list[WriteOutcome]:
    api = target.api
    if ids and api.update:
        return [*api.update(target.access, [Draft(values, ids[0])])]
    if api.create:
        return [*api.create(target.access, [Draft(values, link=target.links)])]
    assert api.upsert is not None
    return [*api.upsert(target.access, PEOPLE[target.vendor][2], [Draft(values)])]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_people_of_one_vendor_arrive_at_the_other_once(one: str, other: str, sandbox: SandboxThread) -> None:
    source, target = opened(one, sandbox), opened(other, sandbox)
    for n in range(2):
        source.make(n)

    for _ in range(2):
        assert [outcome.problem for outcome in bring_over(source, target)] == [None, None]
        target.advance(60)  # until a search knows them

    assert target.api.common is not None
    there = [target.api.common(target.access, row) for row in walk(target.api, target.access)]
    names = {source.sample.values(n)[PEOPLE[one][2]]: source.sample.values(n)[PEOPLE[one][1]] for n in range(2)}
    assert {record.emails[0]: record.values[PEOPLE[other][1]] for record in there} == names
