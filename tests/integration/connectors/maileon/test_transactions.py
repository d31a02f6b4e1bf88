"""Contact events: their types, what is sent, and one outcome per event."""

from __future__ import annotations

import json

import pytest
from defusedxml.ElementTree import fromstring

from integration.connectors.maileon import transactions
from integration.connectors.maileon.client import MaileonClient
from integration.connectors.maileon.records import Attribute, Transaction, TransactionResult
from integration.errors import ContractError
from tests.support.client_cases import Stub

from .conftest import ROOT, api

ADDED = Transaction("pipedrive_deal_added", {"deal_id": 12, "title": "A", "transaction_id": "m-1"}, "ada@example.com")
LOST = Transaction("pipedrive_deal_added", {"deal_id": 13}, "nobody@example.com", "9001-13", import_permission=1)


def test_events_are_sent_in_one_call_with_one_result_each(stub: Stub, client: MaileonClient) -> None:
    stub.will(api("POST_transactions__200"), 201)
    assert client.send_transactions([ADDED, LOST]) == [
        TransactionResult(True, "", "m-1", "4711"), TransactionResult(False, "contact not found", "", ""),
    ]  # fmt: skip
    assert (stub.last.method, stub.last.path) == ("POST", f"{ROOT}/transactions")
    assert stub.last.query == [("ignore_invalid_transactions", "true"), ("generate_transaction_id", "false")]
    assert stub.last.headers["Content-Type"] == "application/json; charset=utf-8"
    assert json.loads(stub.last.body) == [
        {
            "typeName": "pipedrive_deal_added", "contact": {"email": "ada@example.com"},
            "content": {"deal_id": 12, "title": "A", "transaction_id": "m-1"},
        },
        {
            "typeName": "pipedrive_deal_added", "content": {"deal_id": 13},
            "import": {"contact": {"email": "nobody@example.com", "external_id": "9001-13", "permission": 1}},
        },
    ]  # fmt: skip


def test_texts_are_cut_and_empty_values_left_out(stub: Stub, client: MaileonClient) -> None:
    stub.will(b'{"reports":[{"queued":true}]}')
    client.send_transactions([Transaction("t", {"title": "ü" * 1200, "lost": None}, "ada@example.com")])
    assert json.loads(stub.last.body)[0]["content"] == {"title": "ü" * 1000}


def test_large_batches_are_split_by_bytes(monkeypatch: pytest.MonkeyPatch, stub: Stub, client: MaileonClient) -> None:
    monkeypatch.setattr(transactions, "MAX_BYTES", 400)
    for queued in (2, 1, 1):
        stub.will(json.dumps({"reports": [{"queued": True}] * queued}).encode())
    small = Transaction("t", {"title": "x" * 100}, "ada@example.com")
    large = Transaction("t", {"title": "x" * 900}, "ada@example.com")
    results = client.send_transactions([small, small, large, small])
    assert [result.queued for result in results] == [True, True, False, True]
    assert "larger than" in results[2].message
    assert all(len(seen.body) <= 400 for seen in stub.seen)


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"reports":[]}', b'{"reports":[1]}', b'{"reports":{}}', b"<x/>"])
def test_a_report_that_does_not_match_is_a_contract_error(body: bytes, stub: Stub, client: MaileonClient) -> None:
    stub.will(body)
    with pytest.raises(ContractError):
        client.send_transactions([ADDED])


def test_a_type_is_found_or_not(stub: Stub, client: MaileonClient) -> None:
    stub.will(api("GET_transactions_types_one__200")).will(b"", 404)
    found = client.get_transaction_type("pipedrive_deal_added")
    assert found is not None
    assert (found.id, found.attributes) == ("31", (Attribute("deal_id", "integer", required=True),))
    assert client.get_transaction_type("nope") is None
    assert stub.last.path == f"{ROOT}/transactions/types/nope"


def test_types_are_listed_over_all_pages(stub: Stub, client: MaileonClient) -> None:
    stub.will(api("GET_transactions_types__200"), X_Pages="2").will(api("GET_transactions_types__200"), X_Pages="2")
    assert [row.name for row in client.list_transaction_types()] == ["pipedrive_deal_added"] * 2
    assert [dict(seen.query)["page_index"] for seen in stub.seen] == ["1", "2"]


def test_a_type_is_created_from_its_attributes(stub: Stub, client: MaileonClient) -> None:
    stub.will(b"<id>31</id>", 201)
    attributes = [Attribute("deal_id", "integer", required=True), Attribute("timestamp", "timestamp")]
    made = client.create_transaction_type("pipedrive_deal_added", attributes, description="Deals", archiving_days=365)
    assert made == "31"
    root = fromstring(stub.last.body)
    assert [(node.tag, node.text) for node in root if node.tag != "attributes"] == [
        ("name", "pipedrive_deal_added"), ("description", "Deals"), ("archivingDuration", "365"),
    ]  # fmt: skip
    rows = [{node.tag: node.text for node in row} for row in root.iter("attribute")]
    assert rows == [
        {"name": "deal_id", "type": "integer", "required": "true"},
        {"name": "timestamp", "type": "timestamp", "required": "false"},
    ]


def test_an_event_is_looked_up_by_our_id(stub: Stub, client: MaileonClient) -> None:
    stub.will(api("GET_transactions_one__200")).will(b"[]").will(b"", 404)
    found = client.get_transaction("pipedrive_deal_added", "m-1")
    assert found is not None
    assert found["txId"] == 900001
    assert stub.last.path == f"{ROOT}/transactions/pipedrive_deal_added/transaction_id/m-1"
    assert client.get_transaction("pipedrive_deal_added", "m-2") is None
    assert client.get_transaction("pipedrive_deal_added", "m-3") is None
