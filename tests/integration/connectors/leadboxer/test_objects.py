"""LeadBoxer's objects keep the cases that all vendors share."""

from __future__ import annotations

from typing import Any

import pytest

from integration.connectors.base import Credentials
from integration.connectors.leadboxer.connector import CONNECTOR
from integration.http import Instrumentation
from sandbox.leadboxer.seed import API_KEY, LOGIN, SITE
from sandbox.thread import SandboxThread
from tests.support.object_conformance import Case, Sample, Trial, VendorObjects, cases, play

BELOW = f"/leadboxer/401/{SITE}"


def open_client(sandbox: SandboxThread) -> Any:
    sandbox.control("PATCH", "/leadboxer/401", {"calls_per_minute": 10_000})
    values = {"api_key": API_KEY, "email": LOGIN}
    return CONNECTOR.open(Credentials("api_key", f"{sandbox.url}/leadboxer/v1", values), Instrumentation())


def track(trial: Trial, **wish: Any) -> Any:
    return trial.sandbox.control("POST", f"{BELOW}/track", wish)


def a_lead(trial: Trial) -> str:
    lead = str(track(trial, email="ada@example.com")["lead"])
    trial.sandbox.state.leadboxer.accounts["401"].datasets[SITE].leads[lead].sessions.clear()
    return f"{SITE}/{lead}"


def a_visit(trial: Trial, n: int) -> str:
    lead = trial.access.place.partition("/")[2]
    return str(track(trial, lead=lead, minutes_ago=60 * (n + 10))["session"])


OBJECTS = VendorObjects(
    "leadboxer",
    open_client,
    {
        "lead": Sample(
            lambda n: {"email": f"ada{n}@example.com", "firstName": "Ada"},
            place=lambda trial: SITE,
            make=lambda trial, n: str(track(trial, **trial.sample.values(n), minutes_ago=30 * (n + 1))["lead"]),
            remove=lambda trial, key: trial.sandbox.control("DELETE", f"{BELOW}/leads/{key}"),
            touch=lambda trial, key: track(trial, lead=key),
        ),
        "visit": Sample(place=a_lead, make=a_visit),
    },
    pages=["integration.connectors.leadboxer.objects.PAGE_SIZE"],
)


@pytest.mark.parametrize(("key", "case"), cases(OBJECTS))
def test_an_object_keeps_the_shared_cases(
    key: str, case: Case, sandbox: SandboxThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(OBJECTS, key, case, sandbox, monkeypatch)
