"""The walk of one change: a person in Pipedrive becomes a contact in Maileon. The files that decide, top-down:

1. integration/urls.py  2. integration/webhooks/views.py  3. integration/connectors/pipedrive/webhooks.py
4. integration/engine/intake/inbox.py  5. integration/engine/sync/router.py
6. integration/engine/sync/runner.py, integration/engine/sync/batch.py, integration/engine/sync/present.py (who has
   the address now), integration/engine/sync/outcomes.py
7. integration/recipes/pipedrive_maileon/person_to_contact.py (what a person is),
   integration/recipes/newsletter/to_contacts.py (the decision),
   integration/engine/safety/consent.py (may they be subscribed), integration/recipes/newsletter/standing.py (what
   Maileon says to that), integration/recipes/newsletter/subscription.py (the write; moves.py for a changed address)
8. integration/connectors/maileon/client.py
"""

from __future__ import annotations

import json

from integration.models import RecordLink, SyncJob, SyncLog, WebhookEvent
from tests.support import hub


def test_a_new_person_with_newsletter_yes_is_asked_by_mail(world, rings):
    # Somebody creates a person in Pipedrive; its webhook is on the way to us.
    person_id = world.person("Grace Hopper", email="grace@example.com", org_id=1)
    [webhook] = world.held()
    rings.clear()

    # Files 1 to 4: the request is verified, parsed, stored and answered. Nothing else happens in it.
    assert world.post(webhook) == 200
    event = WebhookEvent.objects.get()
    assert (event.vendor_event, event.external_id, event.state) == ("person.create", person_id, "new")
    assert rings == ["router"]
    assert world.calls("pipedrive") + world.calls("maileon") == []

    # Files 5 to 8: a worker wakes.
    hub.drain()

    # Read afresh, many at a time; look before asking; ask once.
    sent = world.sandbox.control("GET", "/calls?vendor=maileon")
    assert [(call["method"], call["path"]) for call in sent if call["method"] != "GET"] == [
        ("POST", "/maileon/1.0/contacts/email/grace%40example.com")
    ]
    [ask] = [call for call in sent if call["method"] == "POST"]
    query = dict(part.split("=") for part in ask["query"].split("&"))
    marker = query.pop("src")
    assert query == {"permission": "1", "sync_mode": "1", "doi": "true", "doiplus": "true"}
    assert marker.startswith("lockstep%3A")
    assert json.loads(ask["body"]) == {
        "external_id": f"9001-{person_id}",
        "standard_fields": {
            "FIRSTNAME": "Grace", "LASTNAME": "Hopper", "FULLNAME": "Grace Hopper",
            "ORGANIZATION": "Analytical Engines Ltd",
        },
        "custom_fields": {
            "createdByPipedrive": True, "pipedriveId": "9001", "owner_name": "Grace Hopper",
            "owner_email": "grace@acme.example",
        },
    }  # fmt: skip

    # What is left behind: event → job → log → link, each pointing to the next.
    event.refresh_from_db()
    job = SyncJob.objects.get(flow="person_to_contact")
    log = SyncLog.objects.get(flow="person_to_contact")
    link = RecordLink.objects.get()
    assert (event.state, job.state, job.attempts) == ("routed", "done", 1)
    assert (log.outcome, log.action, log.event, log.job) == ("synced", "ask_by_mail", event, job)
    assert log.changes["FIRSTNAME"] == [None, "Grace"]
    assert log.call.path.startswith("/maileon/1.0/contacts/email/g•••%40example.com")
    assert (link.source_id, link.target_id, link.notes["consent"]) == (person_id, f"9001-{person_id}", "pending")
