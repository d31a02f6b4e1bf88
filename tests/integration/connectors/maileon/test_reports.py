"""The reports that find what a webhook missed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from integration.connectors.maileon.client import MaileonClient
from integration.connectors.maileon.records import Subscriber, Unsubscription
from integration.errors import ContractError
from tests.support.client_cases import Stub

from .conftest import ROOT, api

SINCE, UNTIL = datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 2, 2, tzinfo=UTC)


def test_unsubscriptions_in_a_time_span(stub: Stub, client: MaileonClient) -> None:
    stub.will(api("GET_reports_unsubscriptions__200"), X_Pages="1")
    page = client.unsubscriptions_page(1, SINCE, UNTIL)
    assert page.records == (
        Unsubscription("4711", "ada@example.com", "9001-8", "2026-02-01 10:00:00", "link", "123"),
        Unsubscription("4712", "", "", "2026-02-01 10:05:00", "reply", ""),
    )
    assert page.next_cursor is None
    assert stub.last.path == f"{ROOT}/reports/unsubscriptions"
    assert stub.last.query == [
        ("from_date", "1769904000000"), ("to_date", "1769990400000"), ("page_index", "1"), ("page_size", "1000"),
    ]  # fmt: skip


def test_certain_people_are_asked_for_by_repeating_the_parameter(stub: Stub, client: MaileonClient) -> None:
    stub.will(b"<unsubscriptions/>")
    page = client.unsubscriptions_page(emails=["a@example.com", "b+c@example.com"], external_ids=["9001-8"])
    assert page.records == ()
    assert stub.last.query[:3] == [("emails", "a@example.com"), ("emails", "b+c@example.com"), ("eids", "9001-8")]


def test_confirmed_opt_ins(stub: Stub, client: MaileonClient) -> None:
    stub.will(api("GET_reports_subscribers__200"), X_Pages="2").will(api("GET_reports_subscribers__200"), X_Pages="2")
    rows = list(client.iter_subscribers(SINCE))
    assert rows == [Subscriber("4711", "ada@example.com", "9001-8", "2026-02-01 10:00:00", 5)] * 2
    assert [dict(seen.query)["page_index"] for seen in stub.seen] == ["1", "2"]
    assert dict(stub.last.query)["exclude_anonymous_contacts"] == "true"


def test_without_the_header_a_short_page_is_the_last(stub: Stub, client: MaileonClient) -> None:
    stub.will(api("GET_reports_unsubscriptions__200")).will(b"")
    assert len(list(client.iter_unsubscriptions(SINCE))) == 2
    assert list(client.iter_unsubscriptions(SINCE)) == []
    assert len(stub.seen) == 2


def test_an_unknown_permission_is_a_contract_error(stub: Stub, client: MaileonClient) -> None:
    stub.will(api("GET_reports_subscribers__200").replace(b"doi+", b"maybe"))
    with pytest.raises(ContractError):
        client.subscribers_page()


def test_opt_outs_of_several_pages_are_all_found(stub: Stub, client: MaileonClient) -> None:
    for _ in range(2):
        stub.will(api("GET_reports_unsubscriptions__200"), X_Pages="2")
    assert len(list(client.iter_unsubscriptions(SINCE))) == 4
    assert [dict(seen.query)["page_index"] for seen in stub.seen] == ["1", "2"]
