"""The walk of a visit: what a known visitor did becomes an activity in Pipedrive. Eight files, top-down:

1. integration/tasks.py (poll_by_clock)  2. integration/engine/sync/polls.py  3. integration/engine/sync/runner.py
4. integration/engine/sync/runs.py (with batch.py)  5. integration/recipes/leadboxer_pipedrive/visit_to_activity.py
6. integration/recipes/leadboxer_pipedrive/visits.py  7. integration/recipes/leadboxer_pipedrive/finding.py
8. integration/connectors/pipedrive/client.py
"""

from __future__ import annotations

import json

from integration import tasks
from integration.models import RecordLink, SyncLog
from tests.support import hub
from tests.support.leadboxer_world import ACTIVITIES


def test_a_visit_becomes_an_activity_of_person_organization_and_deal(leadboxer_install):
    world = leadboxer_install(**ACTIVITIES)
    person = world.person(org_id=2)
    deal = world.create("deals", title="Engine", person_id=person, org_id=2)
    made = world.visit("/prices", "/contact", email="ada@x.example", firstName="Ada")
    world.sandbox.control("DELETE", "/calls")

    assert tasks.poll_by_clock() == "1 polls"
    hub.drain()

    calls = world.sandbox.control("GET", "/calls")
    steps = [(call["vendor"], call["path"].split("/v1")[-1].split("acme")[-1]) for call in calls]
    assert set(steps[8:]) <= {("leadboxer", "/leads")}  # to the end of the list
    assert steps[:8] == [
        ("leadboxer", "/leads"), ("leadboxer", "/leads/sessions"), ("leadboxer", "/leads/events"),
        ("pipedrive", "/api/v2/persons"), ("pipedrive", "/api/v2/organizations"), ("pipedrive", "/api/v2/persons"),
        ("pipedrive", "/api/v2/deals"), ("pipedrive", "/api/v2/activities"),
    ]  # fmt: skip
    body = json.loads(calls[7]["body"])
    day, time = body.pop("due_date"), body.pop("due_time")
    assert (len(day), len(time)) == (10, 8)
    assert body == {
        "subject": "Website visit: 2 pages", "type": "task", "done": True, "duration": "00:01:00",
        "note": "<ul><li>https://acme.example/prices</li><li>https://acme.example/contact</li></ul>"
                f"<p>LeadBoxer visit {made['session']}</p>",
        "participants": [{"person_id": person, "primary": True}], "org_id": 2, "deal_id": deal,
    }  # fmt: skip

    [activity], log, link = world.activities(), SyncLog.objects.get(), RecordLink.objects.get()
    assert (log.action, log.target_id) == ("log_activity", str(activity["id"]))
    assert (link.source_id, link.state) == (f"{made['lead']}/{made['session']}", "active")
