"""The walk of one change: a company edited in Planhat changes its organization in Pipedrive. Eight files, top-down:

1. integration/urls.py  2. integration/webhooks/views.py  3. integration/connectors/planhat/webhooks.py
4. integration/engine/intake/inbox.py  5. integration/engine/sync/router.py
6. integration/engine/sync/runner.py (and two_way.py)
7. integration/recipes/planhat_pipedrive/company_to_organization.py  8. integration/connectors/pipedrive/client.py
"""

from __future__ import annotations

import json

from django.test import Client

from integration.engine.setup import provisioning
from integration.models import RecordLink, SyncJob, SyncLog, WebhookEvent
from tests.support import hub


def test_an_edited_company_changes_its_organization(planhat_install, rings):
    world = planhat_install(organization_direction="both")
    org = world.organization("Engines")
    world.won(org)
    world.deliver()
    WebhookEvent.objects.all().delete()
    SyncLog.objects.all().delete()

    # Somebody edits the company; the automation they built calls the address they were given.
    world.edit(org, name="Engines Ltd")
    company = world.company(org)
    [address] = provisioning.webhook_addresses(world.integration.right.endpoint).values()
    body = json.dumps({"model": "Company", "_id": company["_id"], "updatedAt": company["updatedAt"]})
    world.forget_calls()
    rings.clear()

    # Files 1 to 4: the request is verified by its secret, parsed, stored and answered, twice as it came twice.
    for _ in range(2):
        path = "/" + address.split("/", 3)[3]
        assert Client().post(path, body, content_type="application/json").status_code == 200
    event = WebhookEvent.objects.get()
    assert (event.vendor_event, event.external_id, event.state) == ("company.changed", company["_id"], "new")
    assert rings == ["router"]

    # Files 5 to 8: both sides are read, compared with what they last agreed on, and the difference is written.
    hub.drain()
    calls = world.sandbox.control("GET", "/calls")
    assert [(call["method"], call["path"]) for call in calls] == [
        ("GET", f"/planhat/companies/srcid-{org}"), ("GET", "/pipedrive/acme/api/v2/organizations"),
        ("PATCH", f"/pipedrive/acme/api/v2/organizations/{org}"),
    ]  # fmt: skip
    assert json.loads(calls[-1]["body"]) == {"name": "Engines Ltd"}

    # What is left behind.
    event.refresh_from_db()
    job = SyncJob.objects.get(flow="company_to_organization")
    log = SyncLog.objects.get()
    link = RecordLink.objects.get(link_type="company")
    assert (event.state, job.state) == ("routed", "done")
    assert (log.outcome, log.event, log.changes["name"]) == ("synced", event, ["Engines", "Engines Ltd"])
    assert link.written["name"] == "Engines Ltd"
