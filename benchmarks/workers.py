"""One, two and four worker clusters over many integrations, while each vendor call takes 100 ms."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from benchmarks.figures import Figure, at_least, show
from benchmarks.latency import settle
from benchmarks.stage import Stage, stage

INTEGRATIONS, PEOPLE = 16, 40
LATENCY_MS = 100
CLUSTERS = (1, 2, 4)
# SQLite has one writer: there a further cluster shall do no harm.
REACH = {"postgres": {2: 1.9, 4: 3.6}, "embedded": {2: 0.9, 4: 0.9}}


def run(*, stack: str, rows: int, as_json: bool, short: bool) -> bool:
    """Each number of clusters gets the same work; one worker process in each."""
    with stage("workers", stack) as hub:
        return show(_figures(hub, stack, rows or (PEOPLE // 2 if short else PEOPLE), short), as_json=as_json)


def _figures(hub: Stage, stack: str, people: int, short: bool) -> Iterator[Figure]:
    rows = integrations(hub, INTEGRATIONS)
    hub.control("POST", "/misbehave", {"vendor": "maileon", "latency_ms": LATENCY_MS})
    hub.control("POST", "/misbehave", {"vendor": "pipedrive", "latency_ms": LATENCY_MS, "webhooks": {"hold": True}})
    rates: dict[int, float] = {}
    for clusters in CLUSTERS:
        for number in range(clusters):
            hub.start_worker(f"worker{number}", Q_WORKERS="1")
        time.sleep(6)  # they are up before there is work
        rates[clusters] = len(rows) * people / _work(hub, rows, people, clusters)
        for number in range(clusters):
            hub.processes.kill(f"worker{number}")
    for clusters, ratio in REACH[stack].items():
        wanted = ratio * (0.5 if short else 1.0)
        yield at_least(f"workers, {stack}: {clusters} clusters", rates[clusters], "/s", rates[1], wanted)


def integrations(hub: Stage, count: int) -> list[Any]:
    """So many tenants, each with accounts of its own at both vendors, all opted in at once without mails."""
    from tenants.models import Tenant
    from tests.support import hub as support

    found = []
    for number in range(count):
        wish = {"domain": f"bench{number}", "name": f"Bench {number}", "plan": "unlimited"}
        company = hub.control("POST", "/pipedrive/companies", wish)
        account = hub.control("POST", "/maileon/accounts", {"name": f"Bench {number}"})
        tenant = Tenant.objects.create(name=f"Tenant {number}")
        left = support.connect(tenant, "pipedrive", company["url"], api_token=company["api_token"])
        right = support.connect(tenant, "maileon", account["url"], api_key=account["api_key"])
        settings = {"doi_enabled": False, "permission": "1"}
        found.append(support.install_between(tenant, "pipedrive_maileon", left, right, settings))
    return found


def _work(hub: Stage, rows: list[Any], people: int, batch: int) -> float:
    """New people at every tenant, found by Fetch All; seconds until all are in step."""
    from integration.engine.sync import runs
    from integration.models import SyncRun

    for number, row in enumerate(rows):
        domain = f"bench{number}"
        fields = {row.resources["newsletter"]: int(row.resources["newsletter_yes"])}
        persons = [
            {"name": f"P{batch}-{n}", "emails": [{"value": f"p{batch}.{n}@{domain}.example"}], "custom_fields": fields}
            for n in range(people)
        ]
        hub.control("POST", f"/pipedrive/{domain}/seed", {"persons": persons})
    started = time.monotonic()
    for row in rows:
        runs.start(row, "fetch_all", "person_to_contact")
    while SyncRun.objects.filter(state__in=("waiting", "running")).exists():
        time.sleep(0.05)
    settle()
    return time.monotonic() - started
