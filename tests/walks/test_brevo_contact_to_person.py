"""The walk of one change back: a contact edited in Brevo changes its person in Pipedrive. Eight files, top-down:

1. integration/urls.py  2. integration/webhooks/views.py  3. integration/connectors/brevo/webhooks.py
4. integration/engine/intake/inbox.py  5. integration/engine/sync/router.py
6. integration/engine/sync/runner.py (batch.py, two_way.py)
7. integration/recipes/pipedrive_brevo/contact_to_person.py  8. integration/connectors/pipedrive/client.py
"""

from __future__ import annotations

import json

from integration.models import RecordLink, SyncJob, SyncLog, WebhookEvent
from tests.support import hub


def test_an_edited_contact_changes_its_person(brevo_world, rings):
    person_id = brevo_world.person("Grace Hopper", email="grace@example.com")
    brevo_world.deliver()
    WebhookEvent.objects.all().delete()

    # Somebody edits the contact in Brevo, which names only the address and what changed.
    brevo_world.edit("grace@example.com", LASTNAME="Murray")
    [webhook] = brevo_world.held()
    assert webhook.headers["authorization"].startswith("Bearer ")
    rings.clear()

    # Files 1 to 4.
    assert brevo_world.post(webhook) == 200
    event = WebhookEvent.objects.get()
    assert (event.vendor_event, event.state, rings) == ("contactUpdated", "new", ["router"])
    brevo_world.calls("pipedrive")

    # Files 5 to 8: the contact is read afresh, compared with what was last written, and only the difference travels.
    hub.drain()
    [patch] = [
        call for call in brevo_world.sandbox.control("GET", "/calls?vendor=pipedrive") if call["method"] == "PATCH"
    ]
    assert patch["path"].endswith(f"/api/v2/persons/{person_id}")
    assert json.loads(patch["body"]) == {"name": "Grace Murray"}

    log = SyncLog.objects.filter(flow="contact_to_person").latest("id")
    assert (log.outcome, log.action, log.event) == ("synced", "update_person", event)
    assert log.changes == {"last_name": ["Hopper", "Murray"]}
    assert RecordLink.objects.get(link_type="person").written["LASTNAME"] == "Murray"
    assert SyncJob.objects.get(flow="contact_to_person").state == "done"
