"""Planhat's objects keep the cases that all vendors share."""

from __future__ import annotations

from typing import Any

import pytest

from integration.connectors.base import Credentials
from integration.connectors.planhat.connector import CONNECTOR
from integration.http import Instrumentation
from sandbox.planhat.seed import TOKEN
from sandbox.thread import SandboxThread
from tests.support.object_conformance import Case, Sample, Trial, VendorObjects, cases, play


def open_client(sandbox: SandboxThread) -> Any:
    sandbox.control("PATCH", "/planhat/901", {"plan": "unlimited"})
    return CONNECTOR.open(Credentials("api_token", f"{sandbox.url}/planhat", {"api_token": TOKEN}), Instrumentation())


def in_a_company(trial: Trial) -> dict[str, list[str]]:
    return {"company": [trial.client.create_record("company", {"name": "Engines"}).id]}


def revenue(**more: Any) -> Any:
    return lambda n: {"sourceId": f"s{n}", "product": f"P{n}", "_currency": "EUR", **more}


OBJECTS = VendorObjects(
    "planhat",
    open_client,
    {
        "company": Sample(
            lambda n: {"sourceId": f"s{n}", "name": f"Company {n}", "city": "London"},
            {"city": "Wien"}, "city", {"name": ""},
        ),
        "enduser": Sample(
            lambda n: {"sourceId": f"s{n}", "email": f"ada{n}@example.com", "firstName": "Ada", "position": "CEO"},
            {"firstName": "Augusta"}, "position", {"email": "nonsense"}, prepare=in_a_company,
        ),
        "license": Sample(
            revenue(fromDate="2026-01-01", mrr=5), {"mrr": 7}, "product", {"mrr": -1}, prepare=in_a_company
        ),
        "sale": Sample(
            revenue(salesDate="2026-01-01", value=5), {"value": 7}, "product", {"value": -1}, prepare=in_a_company
        ),
        "conversation": Sample(
            lambda n: {"externalId": f"e{n}", "subject": f"Note {n}", "description": "x"},
            {"subject": "Other"}, "description", {"type": "email"}, prepare=in_a_company,
        ),
    },
    pages=["integration.connectors.planhat.objects.RECORDS_PAGE"],
)  # fmt: skip


@pytest.mark.parametrize(("key", "case"), cases(OBJECTS))
def test_an_object_keeps_the_shared_cases(
    key: str, case: Case, sandbox: SandboxThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(OBJECTS, key, case, sandbox, monkeypatch)
