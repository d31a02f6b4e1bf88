"""HubSpot's objects keep the cases that all vendors share."""

from __future__ import annotations

from typing import Any

import pytest

from integration.connectors.base import Credentials
from integration.connectors.hubspot.connector import CONNECTOR
from integration.connectors.objects import Access, Draft, walk
from integration.errors import TransientError
from integration.http import Instrumentation
from sandbox.hubspot.seed import CLIENT_ID, PORTAL_ID
from sandbox.thread import SandboxThread
from tests.support.object_conformance import Case, Sample, Trial, VendorObjects, cases, play

KINDS = ("contacts", "companies", "deals")
SCOPES = ["oauth", "crm.schemas.contacts.write"]
SCOPES += [f"crm.objects.{kind}.{verb}" for kind in KINDS for verb in ("read", "write")]
BELOW = f"/hubspot/{PORTAL_ID}"


def open_client(sandbox: SandboxThread) -> Any:
    tokens = sandbox.control("POST", f"{BELOW}/install", {"client_id": CLIENT_ID, "scopes": SCOPES})
    sandbox.control("PATCH", BELOW, {"unlimited": True})
    values = {"access_token": tokens["access_token"], "scope": " ".join(SCOPES)}
    return CONNECTOR.open(Credentials("oauth", f"{sandbox.url}/hubspot", values), Instrumentation())


def of_a_contact(trial: Trial) -> dict[str, list[str]]:
    return {"contact": [trial.client.create_contact({"email": "grace@example.com"}).id]}


def notes(trial: Trial) -> int:
    return len(trial.sandbox.control("GET", f"{BELOW}/state")["notes"])


OBJECTS = VendorObjects(
    "hubspot",
    open_client,
    {
        "contact": Sample(
            lambda n: {"email": f"ada{n}@example.com", "firstname": "Ada", "city": "London"}, {"city": "Wien"},
            "firstname", {"hs_language": "klingon"},
        ),
        "company": Sample(
            lambda n: {"name": f"Company {n}", "domain": f"c{n}.example", "city": "London"}, {"city": "Wien"}, "domain",
            {"annualrevenue": "much"}, prepare=of_a_contact,
        ),
        "deal": Sample(
            lambda n: {"dealname": f"Deal {n}", "dealstage": "contractsent", "amount": "5"}, {"amount": "7"}, "amount",
            {"amount": "much"}, prepare=of_a_contact,
        ),
        "note": Sample(
            lambda n: {"hs_note_body": f"Note {n}"}, wrong={"hs_note_body": "x" * 70_000}, prepare=of_a_contact,
            count=notes,
        ),
    },
    pages=["integration.connectors.hubspot.crm.BATCH"],
)  # fmt: skip


@pytest.mark.parametrize(("key", "case"), cases(OBJECTS))
def test_an_object_keeps_the_shared_cases(
    key: str, case: Case, sandbox: SandboxThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(OBJECTS, key, case, sandbox, monkeypatch)


def test_stages_of_deals_are_choices_by_id(sandbox: SandboxThread) -> None:
    fields = {spec.key: spec for spec in CONNECTOR.fields(open_client(sandbox), "deal")}

    assert fields["dealstage"].options[0].key == "appointmentscheduled"
    assert fields["dealstage"].options[0].label == "Sales Pipeline: Appointment Scheduled"
    assert fields["hubspot_owner_id"].refers == "user"


@pytest.mark.parametrize("thrown", [[], ["hubspot.association_missing"]])
def test_a_refused_association_concerns_its_record_alone(sandbox: SandboxThread, thrown: list[str]) -> None:
    sandbox.control("POST", "/assumptions", {"thrown": thrown})
    trial = Trial(OBJECTS, "company", sandbox)
    assert trial.api.create is not None
    drafts = [trial.draft(1), Draft(trial.sample.values(2), link={"contact": ["999"]}), trial.draft(3)]

    outcomes = trial.api.create(trial.access, drafts)

    assert [outcome.problem is None for outcome in outcomes] == [True, False, True]
    assert trial.read(outcomes[0].id).references == {"contact": tuple(trial.links["contact"])}


def test_a_company_loses_a_contact_and_keeps_the_others(sandbox: SandboxThread) -> None:
    trial = Trial(OBJECTS, "company", sandbox)
    company, [grace] = trial.make(1), trial.links["contact"]
    ada = trial.client.create_contact({"email": "ada@example.com"}).id
    assert trial.api.update is not None

    trial.api.update(trial.access, [Draft(id=company, link={"contact": [ada]}, unlink={"contact": [grace]})])

    assert trial.read(company).references == {"contact": (ada,)}


def test_without_the_scope_of_another_kind_its_associations_are_not_asked_for(sandbox: SandboxThread) -> None:
    scopes = ["oauth", "crm.objects.contacts.read", "crm.objects.contacts.write"]
    tokens = sandbox.control("POST", f"{BELOW}/install", {"client_id": CLIENT_ID, "scopes": scopes})
    values = {"access_token": tokens["access_token"], "scope": " ".join(scopes)}
    client = CONNECTOR.open(Credentials("oauth", f"{sandbox.url}/hubspot", values), Instrumentation())
    made = client.create_contact({"email": "ada@example.com"}).id

    assert CONNECTOR.objects["contact"].get(Access(client), [made])[made].references == {}


def test_one_address_twice_in_an_upsert_is_one_contact_with_all_values(sandbox: SandboxThread) -> None:
    trial = Trial(OBJECTS, "contact", sandbox)
    for _ in range(2):
        first, second = trial.upsert(
            [Draft({"email": "ada@example.com", "city": "Wien"}), Draft({"email": "ADA@example.com", "zip": "1010"})]
        )
        assert (first.problem, second.problem, first.id) == (None, None, second.id)

    assert [row.properties["city"] for row in walk(trial.api, trial.access)] == ["Wien"]
    assert trial.read(first.id).values["zip"] == "1010"


def test_a_record_whose_associations_failed_is_known_by_its_id(sandbox: SandboxThread) -> None:
    trial = Trial(OBJECTS, "company", sandbox)
    failure = {"status": 502, "path_contains": "associations", "times": 9}
    sandbox.control("POST", "/misbehave", {"vendor": "hubspot", "fail_next": [failure]})
    assert trial.api.create is not None

    [outcome] = trial.api.create(trial.access, [trial.draft(1)])

    assert isinstance(outcome.problem, TransientError)
    sandbox.control("DELETE", "/misbehave")
    assert trial.read(outcome.id).values["name"] == "Company 1"
