"""Fetch All of very many records: calls, records per second and memory, and a second pass in which nothing has changed.

Asked of each recipe. The baseline is a bare loop that reads the same pages and writes the same records (`tape`).
"""

from __future__ import annotations

import gc
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, at_least, at_most, show
from benchmarks.stage import Stage, stage
from benchmarks.tape import Tape

RECORDS, SHORT = 100_000, 5_000
PORTION = 5_000  # records planted at once
MEANINGFUL = 2_000  # records: a tenth of fewer is a page or two, each stored at one moment
# The sandbox's HubSpot app is ours, as in the demo.
HUBSPOT_APP = {
    "HUBSPOT_CLIENT_ID": "a1b2c3d4-lockstep-sandbox",
    "HUBSPOT_CLIENT_SECRET": "sandbox-client-secret-hubspot-0001",
}


@dataclass(frozen=True)
class Subject:
    """One recipe as it is measured."""

    install: Callable[[Stage], Any]
    seed: Callable[[Stage, Any, int, int], None]  # stage, integration, first, how many
    least: Callable[[int], int]  # the least possible number of vendor calls for so many records
    lists: int  # of fields, options, owners and the like, read once or at page boundaries
    share: float = 1.0  # of the records, where each costs calls of its own


def run(*, stack: str, rows: int, as_json: bool, short: bool, recipe: str = "pipedrive_maileon") -> bool:
    """The first pass, the bare loop, the second pass."""
    os.environ.update(HUBSPOT_APP)
    subject = SUBJECTS[recipe]
    count = int((rows or (SHORT if short else RECORDS)) * subject.share)
    with stage(f"fetch_{recipe}", stack) as hub, tempfile.TemporaryDirectory() as folder:
        figures = _figures(
            hub, f"{recipe}, {stack}", subject, count, 0.5 if short else 1.0, Tape(Path(folder) / "tape")
        )
        return show(figures, as_json=as_json)


def _figures(hub: Stage, name: str, subject: Subject, count: int, half: float, tape: Tape) -> Iterator[Figure]:
    from integration import gc_tuning

    integration = subject.install(hub)
    for first in range(0, count, PORTION):
        subject.seed(hub, integration, first, min(PORTION, count - first))
    hub.control("DELETE", "/calls")
    gc_tuning.freeze_startup_objects()  # as a worker does
    before = _memory()
    with tape.recording():
        took = _pass(integration)
    grown = _memory() - before
    calls, least = len(hub.control("GET", "/calls")), subject.least(count)
    seen = _records()
    flat = list(_flat(name, half))
    hub.control("DELETE", "/calls")
    again = _pass(integration)
    writes = [row for row in hub.control("GET", "/calls") if row["method"] != "GET" and "/search" not in row["path"]]
    bare = tape.seconds(integration)  # last of all, for it writes again
    yield at_least(f"fetch all, {name}: records per second", seen / took, "/s", seen / bare, 0.5 * half)
    yield from flat
    yield at_most(f"fetch all, {name}: calls, least {least}", calls, "calls", least * 1.02 + subject.lists + 1)
    yield at_most(f"fetch all, {name}: memory grown by", grown, "MB", 50 / half)
    passed = _records() - seen
    yield at_least(f"unchanged, {name}: records per second", passed / again, "/s", seen / took, 3 * half)
    yield at_most(f"unchanged, {name}: writes", len(writes), "calls", 1)


def _pass(integration: Any) -> float:
    """One Fetch All of all that takes part, worked on in this process."""
    from integration import tasks
    from integration.engine.sync import runner
    from integration.models import SyncJob, SyncRun
    from integration.recipes.registry import get_recipe

    tasks.start_runs(integration, "fetch_all")
    started = time.monotonic()
    while True:
        word = runner.run(str(integration.pk), get_recipe)
        waiting = SyncRun.objects.filter(state__in=("waiting", "running")).exists()
        if not waiting and not SyncJob.objects.filter(state__in=("waiting", "running")).exists():
            break
        if word != "more":
            time.sleep(0.01)
    seconds = time.monotonic() - started
    bad = SyncRun.objects.exclude(state="done").values_list("flow", "problem")
    assert not bad, list(bad)
    return seconds


def _records() -> int:
    """How many records all passes so far have looked at."""
    from django.db.models import Sum

    from integration.models import SyncRun

    return int(SyncRun.objects.aggregate(seen=Sum("done"))["seen"] or 0)


def _flat(name: str, half: float) -> Iterator[Figure]:
    """Whether the last tenth of the pass was as quick as the first: by the times of its log rows."""
    from integration.models import SyncLog

    rows = SyncLog.objects.order_by("pk").values_list("created_at", flat=True)
    tenth = rows.count() // 10
    if tenth < MEANINGFUL:
        return
    first = (rows[tenth] - rows[0]).total_seconds()
    last = (rows[10 * tenth - 1] - rows[9 * tenth - 1]).total_seconds()
    yield at_least(
        f"fetch all, {name}: records per second in the last tenth", tenth / last, "/s", tenth / first, 0.8 * half
    )


def _memory() -> float:
    """Resident memory of this process in MB."""
    gc.collect()
    with open("/proc/self/status") as status:
        line = next(row for row in status if row.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


# The recipes


def _people(first: int, count: int, **more: Any) -> list[dict[str, Any]]:
    return [
        {"name": f"Person {n}", "emails": [{"value": f"p{n}@example.com"}], **more} for n in range(first, first + count)
    ]


def _pipedrive_maileon(hub: Stage) -> Any:
    from tests.support import hub as support

    return support.install(hub.sandbox_url, doi_enabled=False, permission="1")


def _plant_people(hub: Stage, integration: Any, first: int, count: int) -> None:
    fields = {}
    if key := integration.resources.get("newsletter"):
        fields = {"custom_fields": {key: int(integration.resources["newsletter_yes"])}}
    hub.control("POST", "/pipedrive/acme/seed", {"persons": _people(first, count, **fields)})


def _hubspot_maileon(hub: Stage) -> Any:
    from tests.support import hub as support

    integration = support.install_hubspot(hub, doi_enabled=False, permission="1")  # type: ignore[arg-type]
    hub.control("PATCH", f"/hubspot/{integration.left.external_account_id}", {"unlimited": True})
    _no_limits(integration.left)
    return integration


def _plant_contacts(hub: Stage, integration: Any, first: int, count: int) -> None:
    rows = [
        {"firstname": "Person", "lastname": str(n), "email": f"p{n}@example.com"} for n in range(first, first + count)
    ]
    hub.control("POST", f"/hubspot/{integration.left.external_account_id}/seed", {"contacts": rows})


def _pipedrive_brevo(hub: Stage) -> Any:
    from tests.support import hub as support

    hub.control("PATCH", "/brevo/801", {"plan": "unlimited", "import_delay_s": 0})
    hub.control("PATCH", "/pipedrive/acme", {"plan": "unlimited"})
    return support.install_brevo(hub.sandbox_url)


def _planhat_pipedrive(hub: Stage) -> Any:
    from tests.support import hub as support

    hub.control("PATCH", "/planhat/901", {"plan": "unlimited"})
    hub.control("PATCH", "/pipedrive/acme", {"plan": "unlimited"})
    return support.install_planhat(hub.sandbox_url)


def _plant_won_deals(hub: Stage, integration: Any, first: int, count: int) -> None:
    """Each with an organization, a person and a note."""
    numbers = range(first, first + count)
    rows = [{"name": f"Org {n}"} for n in numbers]
    org = hub.control("POST", "/pipedrive/acme/seed", {"organizations": rows})["organizations"][0] - first
    persons = [{**row, "org_id": org + n} for n, row in zip(numbers, _people(first, count), strict=True)]
    deals = [
        {"title": f"Deal {n}", "org_id": org + n, "value": 100 + n, "currency": "EUR", "status": "won"} for n in numbers
    ]
    notes = [{"content": f"Note {n}", "org_id": org + n} for n in numbers]
    hub.control("POST", "/pipedrive/acme/seed", {"persons": persons, "deals": deals, "notes": notes})


def _leadboxer_pipedrive(hub: Stage) -> Any:
    from tests.support import hub as support
    from tests.support.leadboxer_world import LEADS

    hub.control("PATCH", "/pipedrive/acme", {"plan": "unlimited"})
    hub.control("PATCH", "/leadboxer/401", {"calls_per_minute": 0})  # the bare loop knows no budgets
    settings: dict[str, Any] = {**LEADS, "leads_link": "both"}
    integration = support.install_leadboxer(hub.sandbox_url, **settings)
    _no_limits(integration.right)
    return integration


def _no_limits(connection: Any) -> None:
    """What takes many calls is as quick as the vendor's limit allows; here it is us who are measured."""
    from datetime import timedelta

    from django.utils import timezone

    from integration.models import RateBudget

    much = {"limit": 1e9, "remaining": 1e9, "resets_at": timezone.now() + timedelta(days=1)}
    for window in connection.connector.windows:
        RateBudget.objects.update_or_create(connection=connection, window=window.key, defaults=much)


def _plant_leads(hub: Stage, integration: Any, first: int, count: int) -> None:
    """Leads whose organizations and people Pipedrive has already."""
    from sandbox.leadboxer.seed import SITE

    numbers = range(first, first + count)
    rows = [{"name": f"Firm {n}", "website": f"seed{n}.example"} for n in numbers]
    org = hub.control("POST", "/pipedrive/acme/seed", {"organizations": rows})["organizations"][0] - first
    persons = [
        {"name": f"Person {n}", "emails": [{"value": f"person{n}@seed{n}.example"}], "org_id": org + n} for n in numbers
    ]
    hub.control("POST", "/pipedrive/acme/seed", {"persons": persons})
    if not first:  # the stand-in numbers its leads from nought
        hub.control("POST", f"/leadboxer/401/{SITE}/seed", {"count": count, "minutes_ago": 12})


def _pages(count: int, size: int) -> int:
    return ceil(count / size)


SUBJECTS = {
    "pipedrive_maileon": Subject(
        _pipedrive_maileon, _plant_people, lambda n: _pages(n, 500) + _pages(n, 1000), lists=8
    ),
    "hubspot_maileon": Subject(_hubspot_maileon, _plant_contacts, lambda n: _pages(n, 100) + _pages(n, 1000), lists=8),
    # People are read and imported, imports are asked about, and Brevo's contacts are read for the way back.
    "pipedrive_brevo": Subject(
        _pipedrive_brevo, _plant_people, lambda n: _pages(n, 500) + 2 * _pages(n, 5000) + _pages(n, 1000), lists=18
    ),
    # Deals, organizations, people and notes are read, four models are written.
    "planhat_pipedrive": Subject(
        _planhat_pipedrive, _plant_won_deals, lambda n: 4 * _pages(n, 500) + 4 * _pages(n, 5000), lists=10, share=0.1
    ),
    # A lead is created alone; its person and organization are confirmed a hundred per call, for the first ten apart.
    "leadboxer_pipedrive": Subject(
        _leadboxer_pipedrive, _plant_leads, lambda n: n + 2 * _pages(n, 500) + 2 * _pages(n, 100), lists=12, share=0.05
    ),
}
