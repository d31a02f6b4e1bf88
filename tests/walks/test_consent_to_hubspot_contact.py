"""The walk of consent: an unsubscribe in Maileon comes back to the HubSpot contact. Eight files, top-down:

1. integration/urls.py  2. integration/webhooks/views.py  3. integration/connectors/maileon/webhooks.py
4. integration/engine/intake/inbox.py  5. integration/engine/sync/router.py
6. integration/engine/sync/runner.py (with batch.py)
7. integration/recipes/hubspot_maileon/consent_to_contact.py (with stages.py, newsletter/from_consent.py)
8. integration/connectors/hubspot/client.py (with timeline.py)
"""

from __future__ import annotations

import json

from integration.models import RecordLink, SyncLog, WebhookEvent
from tests.support import hub


def test_an_unsubscribe_sets_the_property_moves_the_stage_and_shows_on_the_timeline(hubspot_world):
    world = hubspot_world
    world.integration.settings = {
        "unsubscribed_stage": True, "unsubscribed_stage_from": "lead", "unsubscribed_stage_to": "subscriber",
        "unsubscribed_stage_reset": True,
    }  # fmt: skip
    world.integration.save(update_fields=["settings"])
    contact_id = world.contact("Grace Hopper", email="grace@example.com", lifecyclestage="lead")
    world.deliver()
    world.click("grace@example.com")
    world.deliver()
    world.calls("hubspot")

    # The reader clicks "unsubscribe"; Maileon calls our endpoint. The token in the URL is the proof, the body a hint.
    world.sandbox.control(
        "POST", "/maileon/501/unsubscribe", {"email": "grace@example.com", "method": "link", "msg_id": 77}
    )
    [webhook] = world.held()
    assert "event=unsubscription" in webhook.url
    assert world.post(webhook) == 200
    event = WebhookEvent.objects.get(vendor_event="unsubscription")
    assert event.external_id == f"62515001-{contact_id}"

    hub.drain()

    # The consent alone and first: no stage can keep it back. Then the stage: look, clear, set, look again. Then the
    # timeline. Clearing and setting are calls of their own.
    calls = world.sandbox.control("GET", "/calls?vendor=hubspot")
    assert [call["path"].removeprefix("/hubspot/crm/objects/2026-09/") for call in calls] == [
        "contacts/batch/update", "contacts/batch/read", "contacts/batch/update", "contacts/batch/update",
        "contacts/batch/read", "notes",
    ]  # fmt: skip
    written = [json.loads(calls[number]["body"])["inputs"] for number in (0, 2, 3)]
    assert written == [
        [{"id": contact_id, "properties": {"maileon_subscribe": "false"}}],
        [{"id": contact_id, "properties": {"lifecyclestage": ""}}],
        [{"id": contact_id, "properties": {"lifecyclestage": "subscriber"}}],
    ]
    assert world.shown(contact_id, "maileon_subscribe", "lifecyclestage") == ["false", "subscriber"]
    note = world.notes(contact_id)[-1]
    assert "Unsubscribed from the Maileon newsletter" in note
    assert "method: link" in note
    assert "msg_id: 77" in note

    log = SyncLog.objects.filter(flow="consent_to_contact").latest("id")
    assert (log.outcome, log.action, log.reason, log.event) == ("synced", "mark_unsubscribed", "", event)
    assert log.detail == "Lifecycle stage: “Lead” → “Subscriber”."
    link = RecordLink.objects.get()
    assert (link.state, link.notes["consent"], link.notes["reported"]) == ("removed", "unsubscribed", "unsubscribed")
    assert "stage_move" not in link.notes
    assert "timeline_entry" not in link.notes

    # Our own writes come back as events and stop: nothing is written anywhere.
    world.calls("hubspot")
    world.deliver()
    assert world.calls("hubspot") + world.calls("maileon") == []
