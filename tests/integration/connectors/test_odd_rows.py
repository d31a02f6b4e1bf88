"""A page of a vendor's list with one row that cannot be read: the row is named, its neighbours are read."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from integration.connectors.base import Credentials
from integration.connectors.brevo.client import BrevoClient
from integration.connectors.hubspot.client import HubSpotClient
from integration.connectors.leadboxer.client import LeadBoxerClient, seen_within
from integration.connectors.planhat.client import PlanhatClient
from tests.support.client_cases import Stub


def hubspot_page(stub: Stub) -> Any:
    stub.will(answer(results=[{"id": "1", "properties": 3}, {"id": "2", "properties": {}}]))
    return HubSpotClient(Credentials("oauth", stub.url, {"access_token": "t"})).contacts_page(None, ["email"])


def brevo_page(stub: Stub) -> Any:
    stub.will(answer(contacts=[{"id": 1, "attributes": 3}, {"id": 2, "attributes": {}}], count=2))
    return BrevoClient(Credentials("api_key", stub.url, {"api_key": "k"})).contacts_page()


def leadboxer_page(stub: Stub) -> Any:
    seen = {"criteriaTimeFilter": seen_within(1)}
    stub.will(answer(data=[{"use_id": "1", "lastEvent": "soon"}, {"use_id": "2", "lastEvent": 1783024999000}]))
    client = LeadBoxerClient(Credentials("api_key", stub.url, {"api_key": "k", "email": "grace@acme.example"}))
    return client.leads_page("51" * 16, seen)


def planhat_page(stub: Stub) -> Any:
    stub.will(json.dumps([{"_id": "1", "custom": 3}, {"_id": "2", "name": "Engines"}]).encode())
    return PlanhatClient(Credentials("api_token", stub.url, {"api_token": "t"})).companies_page()


def answer(**body: Any) -> bytes:
    return json.dumps(body).encode()


@pytest.mark.parametrize("read_page", [hubspot_page, brevo_page, leadboxer_page, planhat_page])
def test_a_row_that_cannot_be_read_leaves_its_neighbours_alone(read_page: Callable[[Stub], Any], stub: Stub) -> None:
    page = read_page(stub)

    rows = page.leads if read_page is leadboxer_page else page.records
    assert [row.id for row in rows] == ["2"]
    assert list(page.unreadable) == ["1"]
