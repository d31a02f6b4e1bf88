"""The walk of one change: a person in Pipedrive becomes a contact in Brevo. Eight files, top-down:

1. integration/urls.py  2. integration/webhooks/views.py  3. integration/connectors/pipedrive/webhooks.py
4. integration/engine/intake/inbox.py  5. integration/engine/sync/router.py
6. integration/engine/sync/runner.py (with batch.py)
7. integration/recipes/pipedrive_brevo/person_to_contact.py (and contacts.py)  8. integration/connectors/brevo/client.py
"""

from __future__ import annotations

import json

from integration.models import RecordLink, SyncJob, SyncLog, WebhookEvent
from tests.support import hub


def test_a_new_person_becomes_a_contact(brevo_world, rings):
    # Somebody creates a person in Pipedrive; its webhook is on the way to us.
    person_id = brevo_world.person("Grace Hopper", email="grace@example.com", org_id=1)
    [webhook] = brevo_world.held()
    rings.clear()

    # Files 1 to 4: the request is verified, parsed, stored and answered. Nothing else happens in it.
    assert brevo_world.post(webhook) == 200
    event = WebhookEvent.objects.get()
    assert (event.vendor_event, event.external_id, event.state) == ("person.create", person_id, "new")
    assert rings == ["router"]
    assert brevo_world.calls("pipedrive") + brevo_world.calls("brevo") == []

    # Files 5 to 8: a worker wakes. Look whether she is there, then write; then tell automations.
    hub.drain()
    sent = brevo_world.sandbox.control("GET", "/calls?vendor=brevo")
    assert [(call["method"], call["path"]) for call in sent] == [
        ("GET", "/brevo/v3/contacts/grace%40example.com"), ("POST", "/brevo/v3/contacts"), ("POST", "/brevo/v3/events"),
    ]  # fmt: skip
    assert json.loads(sent[1]["body"]) == {
        "email": "grace@example.com", "updateEnabled": True, "getId": True,
        "listIds": [brevo_world.integration.resources["list_all"]],
        "attributes": {
            "FULLNAME": "Grace Hopper", "FIRSTNAME": "Grace", "LASTNAME": "Hopper", "COMPANY": "Analytical Engines Ltd",
            "WON_DEALS": 0, "LOST_DEALS": 0, "OPEN_DEALS": 0, "CLOSED_DEALS": 0, "LTV": 0,
        },
    }  # fmt: skip
    told = json.loads(sent[2]["body"])
    assert (told["event_name"], told["identifiers"]) == ("contact_created", {"contact_id": 1})

    # What is left behind: event → job → log → link, each pointing to the next.
    event.refresh_from_db()
    job = SyncJob.objects.get(flow="person_to_contact")
    log = SyncLog.objects.get(flow="person_to_contact")
    link = RecordLink.objects.get(link_type="person")
    assert (event.state, job.state, job.attempts) == ("routed", "done", 1)
    assert (log.outcome, log.action, log.event, log.job) == ("synced", "create", event, job)
    assert log.changes["FIRSTNAME"] == [None, "Grace"]
    assert (link.source_id, link.target_id, link.written["email"]) == (person_id, "1", "grace@example.com")
