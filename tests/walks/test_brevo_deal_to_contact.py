"""The walk of one move: a deal that is won puts its person on another list and tells Brevo. Eight files, top-down:

1. integration/urls.py  2. integration/webhooks/views.py  3. integration/connectors/pipedrive/webhooks.py
4. integration/engine/intake/inbox.py  5. integration/engine/sync/router.py
6. integration/engine/sync/runner.py (with batch.py)
7. integration/recipes/pipedrive_brevo/deal_to_contact.py (with sending.py)  8. integration/connectors/brevo/client.py
"""

from __future__ import annotations

import json

from integration.models import RecordLink, SyncLog
from tests.support import hub


def test_a_won_deal_moves_its_person_and_is_an_event(brevo_install):
    world = brevo_install(deals_enabled=True, list_qualified="61", list_customers="62", event_deal_updated="")
    person = world.person("Grace Hopper", email="grace@example.com")
    deal = world.deal(title="Engine", person_id=int(person), value=100, currency="EUR")
    world.deliver()

    # Somebody wins the deal; one webhook tells us.
    world.change_deal(deal, status="won")
    for webhook in world.held():
        assert world.post(webhook) == 200
    world.calls("brevo")

    # The list first, which may be repeated; then the event, announced before it is sent.
    hub.drain()
    sent = [call for call in world.sandbox.control("GET", "/calls?vendor=brevo") if call["method"] != "GET"]
    moved = next(call for call in sent if "unlinkListIds" in call["body"])
    assert moved["path"] == "/brevo/v3/contacts/1"
    assert json.loads(moved["body"]) == {"attributes": {}, "listIds": [62], "unlinkListIds": [61]}
    event = json.loads(next(call for call in sent if "deal_stage_changed" in call["body"])["body"])
    said = event["event_properties"]
    assert event["identifiers"] == {"contact_id": 1}
    assert (said["deal_id"], said["title"], said["value"], said["currency"]) == (deal, "Engine", 100, "EUR")
    assert (said["previous_place"], said["new_place"], said["person_id"]) == ("1", "won", person)

    log = SyncLog.objects.filter(flow="deal_to_contact").latest("id")
    assert (log.outcome, log.action) == ("synced", "deal_moved")
    assert RecordLink.objects.get(link_type="deal").written["place"] == "won"
