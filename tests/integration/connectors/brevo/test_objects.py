"""Brevo's objects keep the cases that all vendors share."""

from __future__ import annotations

from typing import Any

import pytest

from integration.connectors.base import Credentials
from integration.connectors.brevo.connector import CONNECTOR
from integration.connectors.brevo.records import Contact
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
