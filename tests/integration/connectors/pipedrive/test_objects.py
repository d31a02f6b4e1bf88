"""Pipedrive's objects keep the cases that all vendors share."""

from __future__ import annotations

from typing import Any

import pytest

from integration.connectors.base import Credentials
from integration.connectors.pipedrive.connector import CONNECTOR
from integration.http import Instrumentation
from sandbox.thread import SandboxThread
from tests.support.object_conformance import Case, Sample, Trial, VendorObjects, cases, play


def open_client(sandbox: SandboxThread) -> Any:
    """A company of its own, which has no records yet."""
    wish = {"domain": "empty", "name": "Empty GmbH", "api_token": "e" * 40, "plan": "unlimited"}
    sandbox.control("POST", "/pipedrive/companies", wish)
    credentials = Credentials("api_token", f"{sandbox.url}/pipedrive/empty", {"api_token": "e" * 40})
    return CONNECTOR.open(credentials, Instrumentation())


def in_an_organization(trial: Trial) -> dict[str, list[str]]:
    return {"organization": [trial.client.create_organization({"name": "Engines"}).id]}


def of_a_person(trial: Trial) -> dict[str, list[str]]:
    return {"person": [trial.client.create_person({"name": "Ada Lovelace"}).id]}


def stored(name: str) -> Any:
    return lambda trial: len(trial.sandbox.state.pipedrive.companies["empty"].tables[name])


OBJECTS = VendorObjects(
    "pipedrive",
    open_client,
    {
        "person": Sample(
            lambda n: {"name": f"Ada {n}", "email": f"ada{n}@example.com", "phone": "+43 1 5550100"},
            {"name": "Augusta"}, "phone", {"owner_id": "999"}, prepare=in_an_organization,
        ),
        "organization": Sample(
            lambda n: {"name": f"Engines {n}", "website": "https://e.example"}, {"name": "Other"}, "website",
            {"owner_id": "999"},
        ),
        "deal": Sample(
            lambda n: {"title": f"Deal {n}", "value": 5, "expected_close_date": "2026-12-31"}, {"value": 7},
            "expected_close_date", {"stage_id": "999"}, prepare=of_a_person,
        ),
        "lead": Sample(
            lambda n: {"title": f"Lead {n}", "expected_close_date": "2026-12-31"}, {"title": "Other"},
            "expected_close_date", {"owner_id": "999"}, prepare=of_a_person,
        ),
        "activity": Sample(
            lambda n: {"subject": f"Call {n}", "type": "call"}, wrong={"owner_id": "999"}, prepare=of_a_person,
            count=stored("activity"),
        ),
        "note": Sample(
            lambda n: {"content": f"Note {n}"}, wrong={"content": ""}, prepare=of_a_person, count=stored("note"),
        ),
    },
    pages=["integration.connectors.pipedrive.objects.PAGE_LIMIT"],
)  # fmt: skip


@pytest.mark.parametrize(("key", "case"), cases(OBJECTS))
def test_an_object_keeps_the_shared_cases(
    key: str, case: Case, sandbox: SandboxThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(OBJECTS, key, case, sandbox, monkeypatch)
