"""The walk of one change: a deal is won in Pipedrive, and all that belongs to it goes to Planhat. Eight files:

1. integration/urls.py  2. integration/webhooks/views.py  3. integration/connectors/pipedrive/webhooks.py
4. integration/engine/intake/inbox.py  5. integration/engine/sync/router.py
6. integration/engine/sync/runner.py (and together.py)
7. integration/recipes/planhat_pipedrive/deal_to_license.py (with company.py and the flows of the other objects)
8. integration/connectors/planhat/client.py
"""

from __future__ import annotations

import json

from integration.models import RecordLink, SyncJob, SyncLog, WebhookEvent
from tests.support import hub


def test_a_won_deal_goes_with_its_organization_person_and_note(planhat_world, rings):
    world = planhat_world
    org = world.organization("Engines")
    person = world.person("Ada Lovelace", org)
    note = world.note("met at the fair", org_id=org)
    deal = world.deal(org)
    world.deliver()
    WebhookEvent.objects.all().delete()
    SyncLog.objects.all().delete()
    world.forget_calls()

    # Somebody wins the deal; Pipedrive's webhook is on the way to us.
    world.change("deals", deal, status="won", won_time="2026-03-01T10:00:00Z")
    [webhook] = world.held()
    rings.clear()

    # Files 1 to 4: the request is verified, parsed, stored and answered. Nothing else happens in it.
    assert world.post(webhook) == 200
    event = WebhookEvent.objects.get()
    assert (event.vendor_event, event.external_id, event.state) == ("deal.change", deal, "new")
    assert rings == ["router"]
    assert world.all_calls() == []

    # Files 5 to 8: read afresh, then written in the order Planhat needs: company, license, person, note.
    hub.drain()
    calls = world.sandbox.control("GET", "/calls")
    assert [call["path"] for call in calls if call["vendor"] == "pipedrive"] == [
        f"/pipedrive/acme/{path}"
        for path in ("api/v2/deals", "api/v2/organizations", "api/v1/users", "api/v2/persons", "api/v1/notes")
    ]
    sent = [call for call in calls if call["vendor"] == "planhat" and call["method"] == "PUT"]
    assert [(call["path"], json.loads(call["body"])) for call in sent] == [
        ("/planhat/companies", [{"name": "Engines", "owner": world.grace(), "sourceId": org}]),
        ("/planhat/licenses", [{
            "product": "Engine", "companyId": f"srcid-{org}", "_currency": "EUR", "fromDate": "2026-03-01",
            "fixedPeriod": False, "mrr": 1200, "sourceId": deal,
        }]),
        ("/planhat/endusers", [{
            "firstName": "Ada", "lastName": "Lovelace", "companyId": f"srcid-{org}",
            "email": "ada.lovelace@example.com", "sourceId": person,
        }]),
        ("/planhat/conversations", [{
            "companyId": f"srcid-{org}", "type": "note", "description": "met at the fair",
            "date": json.loads(sent[3]["body"])[0]["date"], "externalId": f"pipedrive-{note}",
        }]),
    ]  # fmt: skip

    # What is left behind: event → job → log → link for the deal, a log row and a link for each of the others.
    event.refresh_from_db()
    job = SyncJob.objects.get(flow="deal_to_license")
    log = SyncLog.objects.get(flow="deal_to_license")
    link = RecordLink.objects.get(link_type="license")
    assert (event.state, job.state, job.attempts) == ("routed", "done", 1)
    assert (log.outcome, log.action, log.event, log.job) == ("synced", "create_license", event, job)
    assert (link.source_id, link.notes) == (deal, {"organization": org, "pipeline": "1"})
    assert link.target_id in (f"srcid-{deal}", world.rows("licenses")[0]["_id"])  # the answer may not tell its id
    assert set(SyncLog.objects.exclude(pk=log.pk).values_list("flow", "action")) == {
        ("organization_to_company", "create_company"), ("person_to_enduser", "create_enduser"),
        ("note_to_note", "create_note"),
    }  # fmt: skip
