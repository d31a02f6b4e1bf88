"""The walk of a deal: a deal in Pipedrive becomes a contact event in Maileon. Eight files, top-down:

1. integration/urls.py  2. integration/webhooks/views.py  3. integration/connectors/pipedrive/webhooks.py
4. integration/engine/intake/inbox.py  5. integration/engine/sync/router.py
6. integration/engine/sync/runner.py (with batch.py)
7. integration/recipes/pipedrive_maileon/deal_to_event.py (with event_types.py)
8. integration/connectors/maileon/transactions.py
"""

from __future__ import annotations

import json

import pytest

from integration.models import RecordLink, SyncLog
from tests.support import hub
from tests.support.world import World


@pytest.fixture
def world(sandbox, settings, transactional_db):
    settings.PUBLIC_URL = "https://hub.example.com"
    return World.install(sandbox, deals_enabled=True)


def test_a_new_deal_is_sent_as_a_contact_event(world):
    person_id = world.person("Grace Hopper", email="grace@example.com", org_id=1)
    world.deliver()
    deal_id = world.deal(
        title="Compiler",
        value=99.5,
        currency="EUR",
        person_id=int(person_id),
        org_id=1,
        expected_close_date="2026-12-31",
    )
    [webhook] = world.held()
    world.calls("maileon")

    assert world.post(webhook) == 200
    hub.drain()

    # The type is created on first use, then the event goes out, once.
    sent = [call for call in world.sandbox.control("GET", "/calls?vendor=maileon") if call["method"] == "POST"]
    assert [call["path"] for call in sent] == ["/maileon/1.0/transactions/types", "/maileon/1.0/transactions"]
    [event] = json.loads(sent[1]["body"])
    moment, marker = event["content"].pop("timestamp"), event["content"].pop("transaction_id")
    cc_email = event["content"].pop("cc_email", "")
    assert event == {
        "typeName": "pipedrive_deal_added",
        "contact": {"email": "grace@example.com"},
        "content": {
            "deal_id": int(deal_id), "title": "Compiler", "value": 100, "value_decimal": 99.5, "currency": "EUR",
            "status": "open", "person_name": "Grace Hopper", "org_name": "Analytical Engines Ltd",
            "owner_name": "Grace Hopper", "expected_close_date": "2026-12-31",
        },
    }  # fmt: skip
    assert len(moment) == len("2026-11-21 10:00:00")
    assert cc_email == "" or "@" in cc_email

    link = RecordLink.objects.get(link_type="deal")
    assert (link.source_id, link.target_id, link.state) == (deal_id, marker, "active")
    log = SyncLog.objects.get(flow="deal_to_event")
    assert (log.outcome, log.action) == ("synced", "deal_added")
