"""Brevo's objects keep the cases that all vendors share."""

from __future__ import annotations

from typing import Any

import pytest

from integration.connectors.base import Credentials
from integration.connectors.brevo.connector import CONNECTOR
from integration.connectors.brevo.records import Contact
from integration.connectors.objects import Draft, walk
from integration.http import Instrumentation
from sandbox.brevo.seed import API_KEY
from sandbox.thread import SandboxThread
from tests.support.object_conformance import Case, Sample, Trial, VendorObjects, cases, play

LIST = "60"


def open_client(sandbox: SandboxThread) -> Any:
    sandbox.control("PATCH", "/brevo/801", {"plan": "unlimited"})
    return CONNECTOR.open(Credentials("api_key", f"{sandbox.url}/brevo/v3", {"api_key": API_KEY}), Instrumentation())


def a_contact(trial: Trial) -> dict[str, list[str]]:
    return {"contact": [str(trial.client.upsert_contact(Contact("ada@example.com")))]}


def a_member(trial: Trial, n: int) -> str:
    return str(trial.client.upsert_contact(Contact(f"ada{n}@example.com"), [int(LIST)]))


def sent(trial: Trial) -> int:
    return len(trial.sandbox.control("GET", "/brevo/801/state")["events"])


OBJECTS = VendorObjects(
    "brevo",
    open_client,
    {
        "contact": Sample(
            lambda n: {"email": f"ada{n}@example.com", "EXT_ID": f"x{n}", "FIRSTNAME": "Ada", "LASTNAME": "Lovelace"},
            {"LASTNAME": "King"}, "FIRSTNAME", {"email": "nonsense"},
        ),
        "list_member": Sample(
            place=lambda trial: LIST, make=a_member, remove=lambda trial, key: trial.client.remove_from_list(60, [key]),
        ),
        "event": Sample(
            lambda n: {"page": f"/{n}"}, place=lambda trial: "visit", prepare=a_contact, count=sent,
        ),
        "company": Sample(
            lambda n: {"name": f"Company {n}", "domain": f"c{n}.example", "revenue": 5}, {"revenue": 7}, "domain",
            {"name": ""}, prepare=a_contact,
        ),
        "deal": Sample(
            lambda n: {"deal_name": f"Deal {n}", "amount": 5}, {"amount": 7}, "amount", {"amount": "much"},
            prepare=a_contact,
        ),
    },
    pages=[
        "integration.connectors.brevo.objects.PAGE_SIZE", "integration.connectors.brevo.objects.MEMBERS_PAGE",
        "integration.connectors.brevo.crm_objects.PAGE_SIZE", "integration.connectors.brevo.deals.PAGE_SIZE",
    ],
)  # fmt: skip


@pytest.mark.parametrize(("key", "case"), cases(OBJECTS))
def test_an_object_keeps_the_shared_cases(
    key: str, case: Case, sandbox: SandboxThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(OBJECTS, key, case, sandbox, monkeypatch)


def test_joining_a_list_twice_is_once_and_whoever_left_it_stays_away(sandbox: SandboxThread) -> None:
    trial = Trial(OBJECTS, "list_member", sandbox)
    ada, bob = (str(trial.client.upsert_contact(Contact(f"{name}@example.com"))) for name in ("ada", "bob"))
    member(trial, ada, bob)
    sandbox.control("POST", f"/brevo/801/contacts/{bob}/unsubscribe", {"list": int(LIST)})

    again = member(trial, ada, bob, "999")

    assert [outcome.problem is None for outcome in again] == [True, False, False]
    assert "left the list" in again[1].problem.public
    assert [row.id for row in walk(trial.api, trial.access)] == [ada]


def member(trial: Trial, *ids: str) -> Any:
    return trial.upsert([Draft(id=key) for key in ids])


def test_an_upsert_neither_blocks_nor_unblocks(sandbox: SandboxThread) -> None:
    trial = Trial(OBJECTS, "contact", sandbox)
    ada = trial.make(1)
    assert trial.read(ada).subscribed is True
    sandbox.control("POST", f"/brevo/801/contacts/{ada}/unsubscribe", {})

    trial.upsert([trial.draft(1, LASTNAME="King")])
    trial.touch(ada)

    assert trial.read(ada).subscribed is False


def test_an_import_is_told_of_as_a_process(sandbox: SandboxThread) -> None:
    trial = Trial(OBJECTS, "company", sandbox)
    sandbox.control("PATCH", "/brevo/801", {"import_delay_s": 0})
    assert trial.api.bulk_import is not None

    [process] = trial.api.bulk_import.start(trial.access, [trial.draft(n) for n in range(3)])

    assert trial.api.bulk_import.state(trial.access, process).is_done
    assert len([*walk(trial.api, trial.access)]) == 3


def test_pipelines_and_stages_of_deals_are_choices_by_id(sandbox: SandboxThread) -> None:
    fields = {spec.key: spec for spec in CONNECTOR.fields(open_client(sandbox), "deal")}

    assert [option.label for option in fields["pipeline"].options] == ["Sales Pipeline"]
    assert fields["deal_stage"].options[1].label == "Sales Pipeline: Qualifying"
    assert not fields["created_at"].writable


def test_a_deal_gets_and_loses_its_company(sandbox: SandboxThread) -> None:
    trial = Trial(OBJECTS, "deal", sandbox)
    company = trial.client.create_company("Engines", {})
    deal = trial.make(1)
    assert trial.api.update is not None

    for draft, expected in ((Draft(id=deal, link={"company": [company]}), (company,)),
                            (Draft(id=deal, unlink={"company": [company]}), ())):  # fmt: skip
        [outcome] = trial.api.update(trial.access, [draft])
        assert outcome.problem is None
        assert trial.read(deal).references["company"] == expected
