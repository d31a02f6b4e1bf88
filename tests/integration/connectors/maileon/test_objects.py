"""Maileon's objects keep the cases that all vendors share."""

from __future__ import annotations

from typing import Any

import pytest

from integration.connectors.base import Credentials
from integration.connectors.maileon.connector import CONNECTOR
from integration.connectors.maileon.objects import TRANSACTION_ID
from integration.connectors.maileon.records import DOUBLE, NONE, Attribute, Contact
from integration.connectors.objects import Draft
from integration.http import Instrumentation
from sandbox.maileon.seed import API_KEY
from sandbox.thread import SandboxThread
from tests.support.object_conformance import Case, Sample, Trial, VendorObjects, cases, play

TYPE = "visit"


def open_client(sandbox: SandboxThread) -> Any:
    credentials = Credentials("api_key", f"{sandbox.url}/maileon/1.0", {"api_key": API_KEY})
    return CONNECTOR.open(credentials, Instrumentation())


def event_type(trial: Trial) -> str:
    attributes = [Attribute(TRANSACTION_ID, "string"), Attribute("page", "string")]
    trial.client.create_transaction_type(TYPE, attributes)
    return TYPE


def a_contact(trial: Trial) -> dict[str, list[str]]:
    return {"contact": [trial.client.create_contact(Contact("ada@example.com"), permission=NONE)]}


def sent(trial: Trial) -> int:
    return len(trial.sandbox.control("GET", "/maileon/501/transactions"))


OBJECTS = VendorObjects(
    "maileon",
    open_client,
    {
        "contact": Sample(
            lambda n: {"email": f"ada{n}@example.com", "external_id": f"x{n}", "FIRSTNAME": "Ada", "CITY": "London"},
            {"CITY": "Wien"}, "FIRSTNAME", {"email": "nonsense"},
        ),
        "event": Sample(
            lambda n: {"page": f"/{n}"}, wrong={"no_such_attribute": "x"}, place=event_type, prepare=a_contact,
            count=sent,
        ),
    },
    pages=["integration.connectors.maileon.objects.PAGE_SIZE"],
)  # fmt: skip


@pytest.mark.parametrize(("key", "case"), cases(OBJECTS))
def test_an_object_keeps_the_shared_cases(
    key: str, case: Case, sandbox: SandboxThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(OBJECTS, key, case, sandbox, monkeypatch)


def test_no_write_gives_or_takes_a_permission(sandbox: SandboxThread) -> None:
    trial = Trial(OBJECTS, "contact", sandbox)
    ada = trial.make(1)
    grace = trial.client.create_contact(Contact("ada2@example.com", "x2"), permission=DOUBLE)
    assert trial.api.update is not None

    trial.upsert([trial.draft(1), trial.draft(2)])
    trial.api.update(trial.access, [Draft({"CITY": "Wien"}, key) for key in (ada, grace)])

    assert [trial.read(key).subscribed for key in (ada, grace)] == [False, True]


def test_whoever_unsubscribed_is_not_brought_back(sandbox: SandboxThread) -> None:
    trial = Trial(OBJECTS, "contact", sandbox)
    trial.make(1)
    sandbox.control("POST", "/maileon/501/unsubscribe", {"email": "ada1@example.com"})
    sandbox.control("POST", "/time", {"advance_seconds": 60})

    trial.upsert([trial.draft(1)])

    assert trial.client.find_contact("ada1@example.com") is None
