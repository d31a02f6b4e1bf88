"""The timeline: one interface, two ways, and nothing written twice."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from integration.connectors.hubspot import timeline
from integration.connectors.hubspot.client import HubSpotClient
from tests.support.client_cases import Stub

from .conftest import api

ENTRY = timeline.Entry(
    "maileon_unsubscribed", "key-1", datetime(2026, 11, 20, 10, tzinfo=UTC), "Unsubscribed",
    {"method": "<b>link</b>", "msg_id": "7"},
)  # fmt: skip


def test_a_note_is_the_open_way(stub: Stub, client: HubSpotClient, settings: Any) -> None:
    stub.will(api("POST_notes__201"), 201)
    timeline.of(client).add("512", ENTRY, again=False)
    assert (stub.last.method, stub.last.path) == ("POST", "/hubspot/crm/objects/2026-09/notes")
    assert json.loads(stub.last.body) == {
        "properties": {
            "hs_timestamp": "2026-11-20T10:00:00+00:00",
            "hs_note_body": "<strong>Unsubscribed</strong><br>method: &lt;b&gt;link&lt;/b&gt;<br>msg_id: 7"
            "<br><em>Reference key-1</em>",
        },
        "associations": [
            {
                "to": {"id": "512"},
                "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 202}],
            }
        ],
    }


def test_a_second_try_looks_for_the_first(stub: Stub, client: HubSpotClient) -> None:
    stub.will(api("GET_contact__200_notes")).will(api("POST_notes_batch_read__200"))
    timeline.of(client).add("512", ENTRY, again=True)
    assert [(seen.method, seen.path.rpartition("/")[2]) for seen in stub.seen] == [("GET", "512"), ("POST", "read")]


def test_a_second_try_writes_what_is_not_there(stub: Stub, client: HubSpotClient) -> None:
    stub.will(api("GET_contact__200")).will(api("POST_notes__201"), 201)
    timeline.of(client).add("512", ENTRY, again=True)
    assert [seen.method for seen in stub.seen] == ["GET", "POST"]


def test_an_app_event_has_an_id_and_a_conflict_is_as_good(stub: Stub, client: HubSpotClient, settings: Any) -> None:
    settings.HUBSPOT_APP_EVENTS = True
    stub.will(b"{}", 201).will(b"{}", 409)
    timeline.of(client).add("512", ENTRY, again=False)
    timeline.of(client).add("512", ENTRY, again=True)
    assert stub.last.path == "/hubspot/integrators/timeline/2026-03/events"
    assert json.loads(stub.last.body) == {
        "eventTypeName": "maileon_unsubscribed", "id": "key-1", "objectId": "512",
        "timestamp": "2026-11-20T10:00:00+00:00", "properties": {"method": "<b>link</b>", "msg_id": "7"},
    }  # fmt: skip
