"""The walk of a lead: whom LeadBoxer identified becomes a lead in Pipedrive. Nobody calls us: it begins with the clock.
Eight files, top-down:

1. integration/tasks.py (poll_by_clock)  2. integration/engine/sync/polls.py  3. integration/engine/sync/runner.py
4. integration/engine/sync/runs.py (with batch.py)  5. integration/recipes/leadboxer_pipedrive/lead_to_lead.py
6. integration/recipes/leadboxer_pipedrive/source.py, which asks integration/connectors/leadboxer/client.py
7. integration/recipes/leadboxer_pipedrive/finding.py  8. integration/connectors/pipedrive/client.py
"""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

from integration import tasks
from integration.models import RecordLink, SyncLog, SyncRun
from sandbox.leadboxer.seed import SITE
from tests.support import hub
from tests.support.leadboxer_world import LEADS


def test_a_lead_of_the_segment_becomes_a_lead(leadboxer_install, rings):
    world = leadboxer_install(**{**LEADS, "leads_segment": f"{SITE}:903", "min_score": 40})
    made = world.company(organizationCountry="Germany", organizationIndustryName="Software")
    rings.clear()

    # Files 1 and 2: the clock starts a run. Nothing is asked yet.
    assert tasks.poll_by_clock() == "1 polls"
    run = SyncRun.objects.get()
    assert (run.kind, run.flow, run.state) == ("poll", "lead_to_lead", "waiting")
    assert rings == [str(world.integration.pk)]
    assert world.sandbox.control("GET", "/calls") == []

    # Files 3 to 8: LeadBoxer is asked for the segment, Pipedrive for its organizations; then it is written.
    hub.drain()
    calls = world.sandbox.control("GET", "/calls")
    asked, *to_the_end = [call for call in calls if call["vendor"] == "leadboxer"]
    assert {call["path"] for call in [asked, *to_the_end]} == {"/leadboxer/v1/leads"}
    query = dict(parse_qsl(asked["query"]))
    assert (query["site"], query["sortBy"]) == (SITE, "lastEvent|desc")
    assert (query["criteriaTextFilter"], query["criteriaLeadscoreFilter"], query["criteriaTimeFilter"]) == (
        "organizationCountry|is|Germany", "39", "eventEsTimestamp|lessthan|1",
    )  # fmt: skip
    sent = [(call["method"], call["path"][15:], call["body"]) for call in calls if call["vendor"] == "pipedrive"]
    assert [call[:2] for call in sent] == [
        ("GET", "/api/v2/organizations"), ("POST", "/api/v2/organizations"), ("GET", "/api/v2/dealFields"),
        ("POST", "/api/v1/leads"),
    ]  # fmt: skip
    [organization] = world.named("organization", "X GmbH")
    assert json.loads(sent[1][2]) == {"name": "X GmbH", "website": "x.example"}
    mapped = {row.source: row.target for row in world.integration.mappings.filter(flow="lead_to_lead")}
    assert json.loads(sent[3][2]) == {
        "title": "X GmbH", "organization_id": organization["id"],
        mapped["leadscore"]: 50, mapped["organizationIndustryName"]: "Software",
        mapped["leadcard_url"]: f"https://app.leadboxer.com/leadcard/{made['lead']}",
        world.integration.resources["leadboxer_id"]: made["lead"],
    }  # fmt: skip

    # What is left behind: run → log → link, each pointing to the next.
    run.refresh_from_db()
    log, link, [lead] = SyncLog.objects.get(), RecordLink.objects.get(), world.leads()
    assert (run.state, run.counts) == ("done", {"create_lead": 1})
    assert (log.outcome, log.action, log.run, log.source_id) == ("synced", "create_lead", run, made["lead"])
    assert log.changes[mapped["organizationIndustryName"]] == [None, "Software"]
    assert (link.state, link.source_id, link.target_id, link.marker) == ("active", made["lead"], lead["id"], "")
