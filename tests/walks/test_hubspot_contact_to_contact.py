"""The walk of one change: a contact in HubSpot becomes a contact in Maileon. Eight files, top-down:

1. integration/urls.py  2. integration/webhooks/views.py  3. integration/connectors/hubspot/webhooks.py
4. integration/engine/intake/inbox.py  5. integration/engine/sync/router.py
6. integration/engine/sync/runner.py (with batch.py)
7. integration/recipes/hubspot_maileon/contact_to_contact.py (with newsletter/to_contacts.py, subscription.py)
8. integration/connectors/maileon/client.py
"""

from __future__ import annotations

import json

from integration.models import RecordLink, SyncJob, SyncLog, WebhookEvent
from tests.support import hub


def test_a_new_contact_is_asked_by_mail(hubspot_world, rings):
    # Somebody creates a contact in HubSpot; one array of events is on the way to us.
    world = hubspot_world
    contact_id = world.contact("Grace Hopper", email="grace@example.com", company="Navy", gender="Female", zip="1010")
    [webhook] = world.held()
    assert webhook.url == "https://hub.example.com/hooks/hubspot/"
    rings.clear()

    # Files 1 to 4: the signature is checked, each event finds its portal, all are stored, then comes the answer.
    assert world.post(webhook) == 200
    events = WebhookEvent.objects.order_by("id")
    assert {event.external_id for event in events} == {contact_id}
    assert sorted(event.payload["property"] for event in events) == [
        "", "company", "email", "firstname", "gender", "lastname", "lifecyclestage", "zip",
    ]  # fmt: skip
    assert rings == ["router"]
    assert world.calls("hubspot") + world.calls("maileon") == []

    # Files 5 to 8: a worker wakes.
    hub.drain()

    # All events collapse into one read, a hundred contacts per call; look before asking; ask once.
    calls = world.sandbox.control("GET", "/calls")
    read = [call for call in calls if call["vendor"] == "hubspot"]
    assert [(call["method"], call["path"]) for call in read] == [
        ("POST", "/hubspot/crm/objects/2026-09/contacts/batch/read")
    ]
    [ask] = [call for call in calls if call["vendor"] == "maileon" and call["method"] == "POST"]
    assert ask["path"] == "/maileon/1.0/contacts/email/grace%40example.com"
    query = dict(part.split("=") for part in ask["query"].split("&"))
    assert query.pop("src").startswith("lockstep%3A")
    assert query == {"permission": "1", "sync_mode": "1", "doi": "true", "doiplus": "false"}
    body = json.loads(ask["body"])
    assert body["external_id"] == f"62515001-{contact_id}"
    filled = {key: value for key, value in body["standard_fields"].items() if value not in ("", None)}
    assert filled == {
        "FIRSTNAME": "Grace", "LASTNAME": "Hopper", "ORGANIZATION": "Navy", "GENDER": "f", "ZIP": "1010",
    }  # fmt: skip

    # What is left behind: event → job → log → link, each pointing to the next.
    job, log, link = SyncJob.objects.get(), SyncLog.objects.get(), RecordLink.objects.get()
    assert {event.state for event in events.all()} <= {"routed", "ignored"}
    assert (job.flow, job.state, job.attempts) == ("contact_to_contact", "done", 1)
    assert (log.outcome, log.action, log.job) == ("synced", "ask_by_mail", job)
    assert log.changes["FIRSTNAME"] == [None, "Grace"]
    assert (link.link_type, link.source_id, link.notes["consent"]) == ("contact", contact_id, "pending")
