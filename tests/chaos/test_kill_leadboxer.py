"""kill -9 of the worker while leads and visits are written: one lead, one activity, one organization each."""

from __future__ import annotations

from collections import Counter

import pytest

from integration.engine.sync import runs
from integration.models import SyncJob, SyncRun
from sandbox.leadboxer.seed import SITE
from tests.support import hub
from tests.support.leadboxer_world import ACTIVITIES, LEADS

pytestmark = pytest.mark.slow

KNOWN, STRANGERS, KILLS = 220, 15, 4


def pipedrive(farm, kind):
    return [row for row in farm.control("GET", "/pipedrive/acme/state")[kind] if not row["is_deleted"]]


def test_fetch_all_of_both_parts_survives_kills(farm):
    settings = {**LEADS, **ACTIVITIES, "leads_link": "both", "cap": 0}
    integration = hub.install_leadboxer(farm.sandbox_url, **settings)
    organizations = [{"name": f"Firm {n}", "website": f"seed{n}.example"} for n in range(KNOWN)]
    farm.control("POST", "/pipedrive/acme/seed", {"organizations": organizations})
    farm.control("POST", f"/leadboxer/401/{SITE}/seed", {"count": KNOWN + STRANGERS, "known": 40, "minutes_ago": 60})
    for vendor in ("leadboxer", "pipedrive"):
        farm.control("POST", "/misbehave", {"vendor": vendor, "latency_ms": 15})

    for flow in ("lead_to_lead", "visit_to_activity"):
        runs.start(integration, "fetch_all", flow)
    total = KNOWN + STRANGERS
    for number in range(1, KILLS + 1):
        part = total * number // (KILLS + 1)
        farm.until(f"{part} leads", lambda part=part: len(pipedrive(farm, "leads")) >= part)
        farm.kill_worker()
        farm.start_worker()

    def at_rest():
        unfinished = SyncRun.objects.exclude(state="done").exists()
        return not unfinished and not SyncJob.objects.filter(state__in=("waiting", "running")).exists()

    farm.until("everything to be done", at_rest)

    key = integration.resources["leadboxer_id"]
    leads = Counter(row["custom_fields"][key] for row in pipedrive(farm, "leads"))
    assert (len(leads), set(leads.values())) == (total, {1})
    visits = Counter(row["note"].rpartition("LeadBoxer visit ")[2] for row in pipedrive(farm, "activities"))
    assert (len(visits), set(visits.values())) == (40, {1})
    names = Counter(row["name"] for row in pipedrive(farm, "organizations"))
    assert set(names.values()) == {1}
    assert len([name for name in names if name.startswith("Seed ")]) == STRANGERS
    people = Counter(row["emails"][0]["value"] for row in pipedrive(farm, "persons"))
    assert set(people.values()) == {1}
    assert not SyncJob.objects.filter(state__in=("dead", "held")).exists()
