"""The walk of consent: an unsubscribe in Maileon comes back to the Pipedrive person. Eight files, top-down:

1. integration/urls.py  2. integration/webhooks/views.py  3. integration/connectors/maileon/webhooks.py
4. integration/engine/intake/inbox.py  5. integration/engine/sync/router.py
6. integration/engine/sync/runner.py (with batch.py)
7. integration/recipes/pipedrive_maileon/consent_to_person.py  8. integration/connectors/pipedrive/client.py
"""

from __future__ import annotations

import json

from integration.models import RecordLink, SyncLog, WebhookEvent
from tests.support import hub


def test_an_unsubscribe_sets_newsletter_to_no(world):
    person_id = world.person("Grace Hopper", email="grace@example.com")
    world.deliver()
    world.click("grace@example.com")
    world.deliver()
    world.calls("pipedrive")

    # The reader clicks "unsubscribe"; Maileon calls our endpoint. The token in the URL is the proof, the body a hint.
    world.leave("grace@example.com")
    [webhook] = world.held()
    assert "event=unsubscription" in webhook.url
    assert world.post(webhook) == 200
    event = WebhookEvent.objects.get(vendor_event="unsubscription")
    assert event.external_id == f"9001-{person_id}"

    hub.drain()

    # One call: the two fields of the person.
    resources = world.integration.resources
    [patch] = [call for call in world.sandbox.control("GET", "/calls?vendor=pipedrive") if call["method"] != "GET"]
    assert (patch["method"], patch["path"]) == ("PATCH", f"/pipedrive/acme/api/v2/persons/{person_id}")
    assert json.loads(patch["body"]) == {
        "custom_fields": {
            resources["newsletter"]: int(resources["newsletter_no"]),
            resources["status"]: int(resources["status_unsubscribed"]),
        }
    }
    log = SyncLog.objects.filter(flow="consent_to_person").latest("id")
    assert (log.outcome, log.action, log.event) == ("synced", "mark_unsubscribed", event)
    assert RecordLink.objects.get().notes["consent"] == "unsubscribed"

    # Our own write comes back as an event and stops: nothing is written anywhere.
    world.calls("pipedrive")
    world.deliver()
    assert [call for call in world.calls("pipedrive") + world.calls("maileon") if not call.startswith("GET")] == []
