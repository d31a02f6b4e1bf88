"""The client against the stand-in vendor."""

from __future__ import annotations

from typing import Any

import pytest

from integration.connectors.base import Credentials
from integration.connectors.leadboxer.client import LeadBoxerClient, seen_within
from integration.connectors.leadboxer.connector import CONNECTOR
from integration.errors import AuthError, NotFound, RateLimited, RecordError
from integration.http import Instrumentation
from sandbox.leadboxer.seed import API_KEY, LOGIN, SITE
from sandbox.thread import SandboxThread

TODAY = {"criteriaTimeFilter": seen_within(1)}


@pytest.fixture
def client(sandbox: SandboxThread) -> LeadBoxerClient:
    values = {"api_key": API_KEY, "email": LOGIN}
    client = CONNECTOR.open(Credentials("api_key", f"{sandbox.url}/leadboxer/v1", values), Instrumentation())
    assert isinstance(client, LeadBoxerClient)
    return client


def test_the_account_is_named_and_a_locked_key_refused(client: LeadBoxerClient, sandbox: SandboxThread) -> None:
    account = CONNECTOR.check(client)
    assert (account.external_id, account.name) == ("401", "ACME Leads")
    sandbox.control("PATCH", "/leadboxer/401", {"locked": True})
    with pytest.raises(AuthError):
        CONNECTOR.check(client)


def test_every_page_is_read_once_and_in_order(client: LeadBoxerClient, sandbox: SandboxThread) -> None:
    sandbox.control("POST", f"/leadboxer/401/{SITE}/seed", {"count": 25})

    seen, token, pages = [], None, 0
    while pages == 0 or token is not None:
        page = client.leads_page(SITE, TODAY, token, limit=10)
        seen, token, pages = seen + list(page.leads), page.next_token, pages + 1

    assert (len({lead.id for lead in seen}), pages) == (25, 3)
    assert [lead.last_event for lead in seen] == sorted((lead.last_event for lead in seen), reverse=True)


def test_a_token_that_is_too_old_is_refused(client: LeadBoxerClient, sandbox: SandboxThread) -> None:
    sandbox.control("POST", "/assumptions", {"thrown": ["leadboxer.stale_token"]})
    sandbox.control("POST", f"/leadboxer/401/{SITE}/seed", {"count": 3})
    token = client.leads_page(SITE, TODAY, limit=2).next_token
    sandbox.control("POST", "/time", {"advance_seconds": 601})

    with pytest.raises(RecordError):
        client.leads_page(SITE, TODAY, token, limit=2)


def test_a_segments_criteria_choose_the_leads(client: LeadBoxerClient, sandbox: SandboxThread) -> None:
    def track(**wish: Any) -> str:
        return str(sandbox.control("POST", f"/leadboxer/401/{SITE}/track", wish)["lead"])

    german, known = track(organizationCountry="Germany"), track(email="ada@x.example")
    datasets = client.list_datasets()
    segments = {row.name: row.criteria for row in client.list_segments(datasets[0])}

    for name, expected in (("Germany", [german]), ("Known persons", [known]), ("Target Audience", [known, german])):
        page = client.leads_page(SITE, {**TODAY, **segments[name]})
        assert sorted(lead.id for lead in page.leads) == sorted(expected), name


def test_a_visit_with_its_events(client: LeadBoxerClient, sandbox: SandboxThread) -> None:
    made = sandbox.control("POST", f"/leadboxer/401/{SITE}/track", {"url": "https://acme.example/a", "minutes_ago": 3})
    sandbox.control("POST", f"/leadboxer/401/{SITE}/track", {"lead": made["lead"], "title": "Form-Submit"})

    assert client.get_lead(SITE, made["lead"]).id == made["lead"]
    [session] = client.get_sessions(SITE, made["lead"])
    assert [(event.title, event.url) for event in client.get_events(SITE, session.id)] == [
        ("Pageview", "https://acme.example/a"), ("Form-Submit", ""),
    ]  # fmt: skip
    with pytest.raises(NotFound):
        client.get_lead(SITE, "1.1")


def test_a_limit_says_how_long(client: LeadBoxerClient, sandbox: SandboxThread) -> None:
    sandbox.control("PATCH", "/leadboxer/401", {"calls_per_minute": 1})
    client.leads_page(SITE, TODAY)

    with pytest.raises(RateLimited) as caught:
        client.leads_page(SITE, TODAY)

    assert caught.value.retry_after is not None
    assert 0 < caught.value.retry_after <= 60
